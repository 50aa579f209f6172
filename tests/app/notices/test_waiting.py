"""What could not be said waits for the person's next message, and is told once."""

from __future__ import annotations

import asyncio

from app.kit.runtime import Runtime
from app.notices.jobs import deliver
from app.notices.queries import Waiting, quota_renewed_in_s, take_waiting
from app.notices.sender import Outcome, Verdict
from tests.app.notices.ledger import Ledger, SmallSender


async def _take(runtime: Runtime, person_id: object) -> list[Waiting]:
    async with runtime.database.transaction() as db:
        return await take_waiting(db, person_id)  # type: ignore[arg-type]


async def test_dropped_for_want_of_budget_it_waits_until_it_is_taken(
    ledger: Ledger, runtime: Runtime
) -> None:
    person_id, other = await ledger.person(None), await ledger.person(None)
    for n in (1, 2):
        await ledger.queue(person_id, n)
    while await deliver(runtime, SmallSender()):
        pass

    assert await _take(runtime, other) == []
    assert [w.facts["n"] for w in await _take(runtime, person_id)] == [1, 2]
    assert await _take(runtime, person_id) == []


async def test_whatever_may_not_have_been_heard_waits(ledger: Ledger, runtime: Runtime) -> None:
    verdicts = [Verdict.SENT, Verdict.REFUSED, Verdict.DEAD, Verdict.UNCERTAIN, Verdict.NO_WINDOW]
    people = []
    for verdict in verdicts:
        people.append(await ledger.person())
        await ledger.queue(people[-1], priority=2)
        await deliver(runtime, SmallSender([Outcome(verdict)]))

    counts = [len(await _take(runtime, person_id)) for person_id in people]

    assert dict(zip(verdicts, counts, strict=True)) == {
        Verdict.SENT: 0, Verdict.REFUSED: 1, Verdict.DEAD: 1, Verdict.UNCERTAIN: 1, Verdict.NO_WINDOW: 1,
    }  # fmt: skip


async def test_what_was_no_longer_true_is_not_told_later(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await ledger.queue(person_id)
    await ledger.run("UPDATE deliveries SET state = 'dropped', reading = 'stale'")

    assert await _take(runtime, person_id) == []


async def test_a_rolled_back_answer_leaves_it_waiting(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person(None)
    await ledger.queue(person_id)
    await deliver(runtime, SmallSender())

    async with runtime.database.transaction() as db:
        assert len(await take_waiting(db, person_id)) == 1
        await db.rollback()

    assert len(await _take(runtime, person_id)) == 1


async def test_two_answers_at_once_tell_it_once(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person(None)
    await ledger.queue(person_id)
    await deliver(runtime, SmallSender())

    taken = await asyncio.gather(*(_take(runtime, person_id) for _ in range(4)))

    assert sorted(len(t) for t in taken) == [0, 0, 0, 1]


async def test_the_quota_is_new_at_midnight_in_beijing(ledger: Ledger, runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        in_s = await quota_renewed_in_s(db)

    (row,) = await ledger.run(
        "SELECT to_char((clock_timestamp() + make_interval(secs => :in_s)) AT TIME ZONE 'UTC', 'HH24:MI') AS at",
        in_s=in_s + 1,
    )
    assert 0 < in_s <= 24 * 3600
    assert row.at == "16:00"
