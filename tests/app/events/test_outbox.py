"""Events and their outbox: followed at least once, by one process at a time, and never silently dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.events import follow as following
from app.events.edge import transaction
from app.events.follow import FOLLOWERS, MAX_ATTEMPTS, Follower, follow_left
from app.events.record import Event, record
from app.kit.runtime import Runtime
from app.settings import Settings
from tests.conftest import make_runtime

KIND = "test_happened"


@pytest.fixture
def followed() -> Iterator[list[Follower]]:
    """The followers of a kind of event that only these tests have."""
    FOLLOWERS[KIND] = []
    yield FOLLOWERS[KIND]
    del FOLLOWERS[KIND]


@pytest_asyncio.fixture
async def second(runtime: Runtime, settings: Settings, followed: list[Follower]) -> AsyncIterator[Runtime]:
    """What another process would hold."""
    other = make_runtime(settings)
    FOLLOWERS[KIND] = followed  # wiring starts from an empty table
    yield other
    await other.close()


async def _left_behind(runtime: Runtime, count: int = 1, *, attempts: int = 1) -> list[int]:
    """Events that dead processes left: their first lease has passed."""
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text(
                "WITH e AS (INSERT INTO events (kind, data) SELECT :kind, '{}' FROM generate_series(1, :count)"
                " RETURNING id) INSERT INTO outbox (event_id, lease_until, attempts)"
                " SELECT id, clock_timestamp() - interval '1 second', CAST(:attempts AS int) FROM e RETURNING event_id"
            ),
            {"kind": KIND, "count": count, "attempts": attempts},
        )
        return list(rows.scalars())


async def _outbox(runtime: Runtime) -> list[Any]:
    async with runtime.database.moves() as db:
        return list(
            await db.execute(
                text(
                    "SELECT event_id, attempts, dead_at IS NOT NULL AS dead, error,"
                    " extract(epoch FROM lease_until - clock_timestamp())::float8 AS left_s FROM outbox ORDER BY 1"
                )
            )
        )


async def _lease_over(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE outbox SET lease_until = clock_timestamp() - interval '1 second'"))


async def test_an_event_is_followed_after_its_commit_and_never_before(
    runtime: Runtime, followed: list[Follower]
) -> None:
    heard: list[int] = []

    async def hear(_: Runtime, event: Event) -> None:
        heard.append(event.id)

    followed.append(hear)
    async with transaction(runtime) as db:
        event = await record(db, KIND)
        await asyncio.sleep(0)
        assert heard == []
    await runtime.drain()

    assert heard == [event.id]
    assert await _outbox(runtime) == []


async def test_an_exception_in_the_transaction_leaves_no_event_and_nothing_follows(
    runtime: Runtime, followed: list[Follower]
) -> None:
    heard: list[int] = []

    async def hear(_: Runtime, event: Event) -> None:
        heard.append(event.id)

    followed.append(hear)

    async def breaks() -> None:
        async with transaction(runtime) as db:
            await record(db, KIND)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await breaks()
    await runtime.drain()

    assert heard == []
    assert await _outbox(runtime) == []


async def test_the_maker_has_two_seconds_to_itself(runtime: Runtime, followed: list[Follower]) -> None:
    """Another process leaves an event alone while its maker may still be following it."""
    async with runtime.database.transaction() as db:  # as a process that dies: nothing follows
        await record(db, KIND)

    assert await follow_left(runtime) == 0
    [row] = await _outbox(runtime)
    assert (row.attempts, 1 < row.left_s <= 2) == (1, True)
    await _lease_over(runtime)
    assert await follow_left(runtime) == 1


@pytest.mark.slow
async def test_two_workers_follow_10000_pending_events_once_each(
    runtime: Runtime, second: Runtime, followed: list[Follower]
) -> None:
    heard: Counter[int] = Counter()
    by: Counter[str] = Counter()

    async def hear(who: Runtime, event: Event) -> None:
        heard[event.id] += 1
        by["first" if who is runtime else "second"] += 1

    followed.append(hear)
    left = await _left_behind(runtime, 10_000)

    async def worker(one: Runtime) -> None:
        while await follow_left(one, limit=100):
            pass

    async with asyncio.timeout(100):
        await asyncio.gather(worker(runtime), worker(second))

    assert heard == Counter(left)  # each, and each once
    assert min(by["first"], by["second"]) > 1000
    assert await _outbox(runtime) == []


async def test_an_attempt_is_counted_when_the_lease_is_taken(
    runtime: Runtime, followed: list[Follower]
) -> None:
    """So that a follower that kills its process has used one up."""
    counted: list[int] = []

    async def look(who: Runtime, _: Event) -> None:
        [row] = await _outbox(who)
        counted.append(row.attempts)

    followed.append(look)
    await _left_behind(runtime)
    await follow_left(runtime)

    assert counted == [2]


async def test_a_failing_follower_is_tried_again_and_after_8_tries_the_event_is_dead_and_seen(
    runtime: Runtime, followed: list[Follower]
) -> None:
    tries: list[int] = []

    async def fail(_: Runtime, event: Event) -> None:
        tries.append(event.id)
        raise ValueError("never in a log or a row")

    followed.append(fail)
    async with transaction(runtime) as db:
        event = await record(db, KIND)
    await runtime.drain()
    for _ in range(MAX_ATTEMPTS + 2):
        await _lease_over(runtime)
        await follow_left(runtime)

    assert tries == [event.id] * MAX_ATTEMPTS
    [row] = await _outbox(runtime)
    assert (row.dead, row.attempts, row.error) == (True, MAX_ATTEMPTS, "ValueError")


async def test_a_failure_stands_in_nobody_elses_way(runtime: Runtime, followed: list[Follower]) -> None:
    heard: list[int] = []

    async def fail_the_first(_: Runtime, event: Event) -> None:
        if event.id == left[0]:
            raise ValueError
        heard.append(event.id)

    followed.append(fail_the_first)
    left = await _left_behind(runtime, 5)
    await follow_left(runtime)

    assert sorted(heard) == left[1:]
    assert [row.event_id for row in await _outbox(runtime)] == left[:1]


async def test_a_slow_follower_keeps_its_lease(
    runtime: Runtime, second: Runtime, followed: list[Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs for three leases; another worker that looks all the while never gets the event."""
    monkeypatch.setattr(following, "LEASE_S", 0.6)
    heard: list[int] = []
    may_end = asyncio.Event()

    async def slow(_: Runtime, event: Event) -> None:
        heard.append(event.id)
        await may_end.wait()

    followed.append(slow)
    [event_id] = await _left_behind(runtime)
    first = asyncio.create_task(follow_left(runtime))
    taken = 0
    async with second.database.moves() as db:
        for _ in range(9):
            await db.execute(text("SELECT pg_sleep(0.2)"))
            taken += await follow_left(second)
    may_end.set()
    await first

    assert (heard, taken) == ([event_id], 0)
    assert await _outbox(runtime) == []


async def test_a_lease_that_is_not_renewed_passes_to_another(
    runtime: Runtime, second: Runtime, followed: list[Follower]
) -> None:
    heard: list[Runtime] = []

    async def hear(who: Runtime, _: Event) -> None:
        heard.append(who)

    followed.append(hear)
    await _left_behind(runtime)
    async with runtime.database.moves() as db:  # leased by a process that is gone
        await db.execute(
            text("UPDATE outbox SET attempts = 2, lease_until = clock_timestamp() + interval '0.2 seconds'")
        )
        assert await follow_left(second) == 0
        await db.execute(text("SELECT pg_sleep(0.25)"))

    assert await follow_left(second) == 1
    assert heard == [second]


async def test_a_dead_event_is_leased_no_more(runtime: Runtime, followed: list[Follower]) -> None:
    """Its last lease-holder died with it: nobody was left to say so, the next look buries it."""
    await _left_behind(runtime, attempts=MAX_ATTEMPTS)

    assert await follow_left(runtime) == 0
    [row] = await _outbox(runtime)
    assert row.dead is True
    await _lease_over(runtime)
    assert await follow_left(runtime) == 0


async def test_ids_that_commit_out_of_order_are_all_followed(
    runtime: Runtime, followed: list[Follower]
) -> None:
    """A cursor by id would lose the one that commits last."""
    heard: list[int] = []

    async def hear(_: Runtime, event: Event) -> None:
        heard.append(event.id)

    followed.append(hear)
    async with transaction(runtime) as late:
        first = await record(late, KIND, actor_id=uuid4())
        async with transaction(runtime) as early:
            next_one = await record(early, KIND)
        await runtime.drain()
        assert heard == [next_one.id]
    await runtime.drain()

    assert first.id < next_one.id
    assert heard == [next_one.id, first.id]
