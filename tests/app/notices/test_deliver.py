"""Sending what waits: once each, in order, paid for, and honest about what is not known."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from uuid import UUID

import pytest

from app.kit.runtime import Runtime
from app.notices import rules
from app.notices.budget import PersonAction
from app.notices.jobs import deliver, resend
from app.notices.queries import take_waiting
from app.notices.sender import Outcome, Verdict
from tests.app.notices.ledger import Ledger, SmallSender

UNREACHABLE = Outcome(Verdict.RETRY, reading="unreachable")
DOUBT = Outcome(Verdict.UNCERTAIN, reading="unreachable")


async def test_a_notice_is_sent_in_the_persons_language_and_recorded(
    ledger: Ledger, runtime: Runtime
) -> None:
    chinese, english = await ledger.person(), await ledger.person()
    await ledger.run("UPDATE people SET language = 'en' WHERE id = :id", id=english)
    first, _ = await ledger.queue(chinese, 1), await ledger.queue(english, 2)
    sender = SmallSender()

    assert await deliver(runtime, sender) == 2

    assert set(sender.given) == {(chinese, "第1条"), (english, "No. 2")}
    row = await ledger.row(first)
    assert (row.state, row.attempts, row.sending_at) == ("sent", 1, None)
    assert await ledger.left(chinese) == 4


async def test_two_jobs_at_once_send_each_once(ledger: Ledger, runtime: Runtime) -> None:
    people = [await ledger.person() for _ in range(30)]
    for person_id in people:
        await ledger.queue(person_id)
    gate = asyncio.Event()
    one, two = SmallSender(gate=gate), SmallSender(gate=gate)

    jobs = asyncio.gather(deliver(runtime, one, limit=15), deliver(runtime, two, limit=15))
    await asyncio.gather(one.reached.wait(), two.reached.wait())
    gate.set()
    leased = await jobs

    assert leased == [15, 15]
    assert Counter(p for p, _ in one.given + two.given) == Counter(people)


async def test_a_delivery_under_way_is_nobody_elses(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await ledger.queue(person_id, 1)
    await ledger.queue(person_id, 2)
    slow, other = SmallSender(gate=asyncio.Event()), SmallSender()
    job = asyncio.create_task(deliver(runtime, slow))
    await slow.reached.wait()

    assert await deliver(runtime, other) == 0  # the second waits for the first: order per person

    assert slow.gate is not None
    slow.gate.set()
    await job
    assert await deliver(runtime, other) == 1
    assert slow.words + other.words == ["第1条", "第2条"]


async def test_a_notice_that_waits_holds_back_the_persons_next_one_and_nobody_elses(
    ledger: Ledger, runtime: Runtime
) -> None:
    held, free = await ledger.person(), await ledger.person()
    for n in (1, 2):
        await ledger.queue(held, n)
    await deliver(runtime, SmallSender([UNREACHABLE]))
    await ledger.run(
        "UPDATE deliveries SET due_at = clock_timestamp() + interval '1 hour' WHERE attempts > 0"
    )
    await ledger.queue(free, 3)
    sender = SmallSender()

    while await deliver(runtime, sender):
        pass

    assert sender.words == ["第3条"]


async def _killed_between_send_and_record(ledger: Ledger, runtime: Runtime) -> SmallSender:
    """Whoever cancels the job does what a kill does: nothing of it runs after the call."""
    sender = SmallSender(gate=asyncio.Event())
    job = asyncio.create_task(deliver(runtime, sender))
    await sender.reached.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await ledger.age()
    return sender


async def test_killed_between_send_and_record_the_most_urgent_go_out_once_more(
    ledger: Ledger, runtime: Runtime
) -> None:
    delivery_id = await ledger.queue(await ledger.person(), priority=1)
    await _killed_between_send_and_record(ledger, runtime)
    assert (await ledger.row(delivery_id)).sending_at is not None

    second = SmallSender()
    await deliver(runtime, second)

    row = await ledger.row(delivery_id)
    assert second.words == ["第1条"]
    assert (row.state, row.attempts, row.reading) == ("sent", 2, "uncertain")


async def test_killed_twice_there_is_no_third_time(ledger: Ledger, runtime: Runtime) -> None:
    delivery_id = await ledger.queue(await ledger.person(), priority=1)
    await _killed_between_send_and_record(ledger, runtime)
    await deliver(runtime, SmallSender([UNREACHABLE]))  # certainly not sent: the doubt stays all the same
    await ledger.age()
    await _killed_between_send_and_record(ledger, runtime)

    third = SmallSender()
    await deliver(runtime, third)

    assert third.given == []
    assert (await ledger.row(delivery_id)).state == "uncertain"


async def test_killed_between_send_and_record_lesser_ones_are_left_uncertain(
    ledger: Ledger, runtime: Runtime
) -> None:
    delivery_id = await ledger.queue(await ledger.person(), priority=2)
    await _killed_between_send_and_record(ledger, runtime)

    second = SmallSender()
    await deliver(runtime, second)

    assert second.given == []
    assert (await ledger.row(delivery_id)).state == "uncertain"


async def test_killed_before_the_send_it_is_sent_once(ledger: Ledger, runtime: Runtime) -> None:
    delivery_id = await ledger.queue(await ledger.person(), priority=4)
    await ledger.run("UPDATE deliveries SET attempts = 1")  # leased, and no more
    sender = SmallSender()

    await deliver(runtime, sender)

    assert sender.words == ["第1条"]
    assert (await ledger.row(delivery_id)).state == "sent"


async def test_an_answer_that_never_came_is_a_doubt_too(ledger: Ledger, runtime: Runtime) -> None:
    urgent = await ledger.queue(await ledger.person(), priority=1)
    lesser = await ledger.queue(await ledger.person(), priority=3)

    await deliver(runtime, SmallSender([DOUBT, ConnectionResetError()]))

    assert [(await ledger.row(i)).state for i in (urgent, lesser)] == ["queued", "uncertain"]
    await ledger.age()
    await deliver(runtime, SmallSender([DOUBT]))
    assert (await ledger.row(urgent)).state == "uncertain"


async def test_a_late_record_changes_nothing(ledger: Ledger, runtime: Runtime) -> None:
    delivery_id = await ledger.queue(await ledger.person(), priority=1)
    thawed, held = asyncio.Event(), asyncio.Event()
    frozen = SmallSender([Outcome(Verdict.DEAD)], gate=thawed)
    first = asyncio.create_task(deliver(runtime, frozen))
    await frozen.reached.wait()
    await ledger.age()  # its lease is over
    successor = SmallSender(gate=held)
    second = asyncio.create_task(deliver(runtime, successor))
    await successor.reached.wait()

    thawed.set()
    await first

    under_way = await ledger.row(delivery_id)
    assert (under_way.state, under_way.attempts) == ("queued", 2)
    assert under_way.sending_at is not None
    held.set()
    await second
    assert (await ledger.row(delivery_id)).state == "sent"


async def test_what_was_not_sent_comes_again_with_back_off_and_costs_nothing(
    ledger: Ledger, runtime: Runtime
) -> None:
    person_id = await ledger.person()
    delivery_id = await ledger.queue(person_id)

    for attempt in range(1, 9):
        await deliver(runtime, SmallSender([UNREACHABLE]))
        row = await ledger.row(delivery_id)
        assert row.attempts == attempt
        assert row.due_in_s <= min(60, 0.5 * 2**attempt)
        await ledger.age()

    assert (row.state, row.reading) == ("dead", "unreachable")
    assert await deliver(runtime, SmallSender()) == 0
    assert await ledger.left(person_id) == 5


async def test_a_job_that_dies_of_a_delivery_is_not_killed_by_it_for_ever(
    ledger: Ledger, runtime: Runtime
) -> None:
    delivery_id = await ledger.queue(await ledger.person())
    await ledger.run("UPDATE deliveries SET attempts = 8")
    sender = SmallSender()

    await deliver(runtime, sender)

    assert sender.given == []
    assert (await ledger.row(delivery_id)).state == "dead"


async def test_a_dead_delivery_can_be_sent_again(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    delivery_id = await ledger.queue(person_id)
    await deliver(runtime, SmallSender([Outcome(Verdict.DEAD, 40003, "wrong_openid")]))
    row = await ledger.row(delivery_id)
    assert (row.state, row.code, row.reading) == ("dead", 40003, "wrong_openid")

    assert await resend(runtime, delivery_id) == person_id
    assert await resend(runtime, delivery_id) is None
    await deliver(runtime, SmallSender())

    assert (await ledger.row(delivery_id)).state == "sent"


async def test_a_pause_of_the_channel_is_waited_for_by_everybody(ledger: Ledger, runtime: Runtime) -> None:
    stopped = await ledger.queue(await ledger.person())
    await deliver(runtime, SmallSender([Outcome(Verdict.STOP, 45011, "wait_minute", 60.0)]))
    await ledger.age()
    await ledger.queue(await ledger.person())

    assert await deliver(runtime, SmallSender()) == 0

    await ledger.run("UPDATE channel_stops SET until = clock_timestamp()")
    assert await deliver(runtime, SmallSender()) == 2
    assert (await ledger.row(stopped)).state == "sent"


async def test_a_spent_quota_is_not_waited_for_and_nobody_else_meets_it(
    ledger: Ledger, runtime: Runtime
) -> None:
    one, other = await ledger.person(), await ledger.person()
    met = await ledger.queue(one)
    await deliver(runtime, SmallSender([Outcome(Verdict.STOP, 45009, "wait_quota", 3600.0)]))
    spared = await ledger.queue(other)
    sender = SmallSender()

    while await deliver(runtime, sender):
        pass

    assert sender.given == []
    rows = [await ledger.row(met), await ledger.row(spared)]
    assert [(r.state, r.code, r.reading) for r in rows] == [
        ("dropped", 45009, "wait_quota"),
        ("dropped", None, "wait_quota"),
    ]
    assert [await ledger.left(p) for p in (one, other)] == [5, 5]
    async with runtime.database.transaction() as db:
        assert len(await take_waiting(db, other)) == 1


@pytest.mark.parametrize(("verdict", "state"), [(Verdict.NO_WINDOW, "dropped"), (Verdict.REFUSED, "refused")])
async def test_who_cannot_be_written_to_is_not_tried_again(
    ledger: Ledger, runtime: Runtime, verdict: Verdict, state: str
) -> None:
    person_id = await ledger.person()
    first, second = await ledger.queue(person_id, 1), await ledger.queue(person_id, 2)
    sender = SmallSender([Outcome(verdict, 45015, "window_closed")])

    while await deliver(runtime, sender):
        pass

    assert sender.words == ["第1条"]
    assert (await ledger.row(first)).state == state
    assert (await ledger.row(second)).state == "dropped"


async def test_without_budget_a_notice_is_dropped(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person(PersonAction.CLICK)
    queued = [await ledger.queue(person_id, n) for n in range(1, 5)]
    sender = SmallSender()

    while await deliver(runtime, sender):
        pass

    assert sender.words == ["第1条", "第2条", "第3条"]
    last = await ledger.row(queued[-1])
    assert (last.state, last.reading) == ("dropped", "no_budget")


async def test_what_is_no_longer_true_is_not_sent(
    ledger: Ledger, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setitem(rules.TRUTHS, "probe", never)
    person_id = await ledger.person()
    delivery_id = await ledger.queue(person_id)
    sender = SmallSender()

    await deliver(runtime, sender)

    row = await ledger.row(delivery_id)
    assert sender.given == []
    assert (row.state, row.reading) == ("dropped", "stale")
    assert await ledger.left(person_id) == 5


async def test_a_kind_without_words_is_our_fault(ledger: Ledger, runtime: Runtime) -> None:
    delivery_id = await ledger.queue(await ledger.person(), kind="unheard_of")
    sender = SmallSender()

    await deliver(runtime, sender)

    assert sender.given == []
    assert (await ledger.row(delivery_id)).state == "dead"


@pytest.mark.slow
async def test_ten_thousand_are_drained_each_once_and_in_order(ledger: Ledger, runtime: Runtime) -> None:
    await ledger.run("""
        WITH p AS (INSERT INTO people (id, kind) SELECT gen_random_uuid(), 'citizen' FROM generate_series(1, 2500)
                   RETURNING id),
        w AS (INSERT INTO windows (person_id, channel, long_left, long_until)
              SELECT id, 'official_account', 5, 'infinity' FROM p),
        e AS (INSERT INTO events (kind, data) SELECT 'test', '{}' FROM generate_series(1, 4) RETURNING id)
        INSERT INTO deliveries (event_id, person_id, channel, kind, priority, facts)
        SELECT e.id, p.id, 'official_account', 'probe', 1, jsonb_build_object('n', e.id) FROM e, p ORDER BY e.id, p.id
    """)
    sender = SmallSender()

    async def job() -> None:
        while await deliver(runtime, sender, limit=20):
            pass

    await asyncio.gather(job(), job())

    heard: dict[UUID, list[str]] = defaultdict(list)
    for person_id, words in sender.given:
        heard[person_id].append(words)
    assert len(sender.given) == 10_000
    assert Counter(map(tuple, heard.values())) == {("第1条", "第2条", "第3条", "第4条"): 2500}
    states = await ledger.run("SELECT state, count(*) AS n FROM deliveries GROUP BY state")
    assert [(s.state, s.n) for s in states] == [("sent", 10_000)]
