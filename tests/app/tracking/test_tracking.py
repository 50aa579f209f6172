"""Fixes: newest wins, old is said to be old, nothing is kept or told after the case."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.moves import move
from app.cases.queries import get_case
from app.cases.states import CLAIM, CLOSE
from app.dispatch.claim import claim, release
from app.events.follow import follow_soon
from app.kit.errors import Invalid
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.tracking import jobs
from app.tracking.queries import Track, TrackState, may_hear, track
from app.tracking.service import FIXES_MAX, Fix, Ingest
from app.tracking.tables import FixSource
from tests.factories import CENTRE, Made, Make, acting

PHONE = FixSource.MINIPROGRAM


@pytest.fixture
async def ingest(runtime: Runtime) -> AsyncIterator[Ingest]:
    ingest = Ingest(runtime)
    yield ingest
    await ingest.close()


def _fix(metres_north: float, ago_s: float = 0, accuracy_m: int = 10) -> Fix:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return Fix(Point(CENTRE.lat + metres_north / 111_195, CENTRE.lng), accuracy_m, at)


async def _track(runtime: Runtime, case: Made) -> Track:
    async with runtime.database.moves() as db:
        return await track(db, runtime, await get_case(db, runtime, case.id))


async def _count(runtime: Runtime, case: Made) -> int:
    async with runtime.database.moves() as db:
        return int(
            (
                await db.execute(text("SELECT count(*) FROM trail WHERE case_id = :id"), {"id": case.id})
            ).scalar_one()
        )


async def _held(make: Make, state: str = "en_route", **columns: Any) -> tuple[Made, Made]:
    officer = await make.officer()
    return await make.case(state=state, officer=officer, epoch=1, **columns), officer


async def test_the_reporter_sees_how_far_and_how_old(make: Make, runtime: Runtime, ingest: Ingest) -> None:
    case, officer = await _held(make)

    await ingest.record(officer.id, [_fix(1000, ago_s=2)], PHONE)

    seen = await _track(runtime, case)
    assert seen.state is TrackState.FRESH
    assert seen.distance_m == pytest.approx(1000, abs=5)
    assert 2 <= (seen.last_heard_s or 0) < 4
    assert seen.arrival_s is not None
    assert 60 < seen.arrival_s < 600


async def test_a_late_fix_never_overwrites_a_newer_one(make: Make, runtime: Runtime, ingest: Ingest) -> None:
    case, officer = await _held(make)
    other_process = Ingest(runtime)

    await ingest.record(officer.id, [_fix(300, ago_s=1)], PHONE)
    await other_process.record(officer.id, [_fix(900, ago_s=30)], PHONE)
    await other_process.close()

    assert (await _track(runtime, case)).distance_m == pytest.approx(300, abs=5)


async def test_no_position_and_an_old_one_are_states_of_their_own(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make, reported_ago_s=200, window_s=9000)
    before = await _track(runtime, case)
    await ingest.record(officer.id, [_fix(700, ago_s=90)], PHONE)

    assert before.state is TrackState.NO_POSITION
    assert (await _track(runtime, case)).state is TrackState.OLD


async def test_a_free_officer_has_no_trail(make: Make, runtime: Runtime, ingest: Ingest) -> None:
    officer = await make.officer()

    assert await ingest.record(officer.id, [_fix(0)], PHONE) == []
    assert await ingest.flush() == 0


async def test_the_trail_is_written_by_copy_and_gone_when_the_case_ends(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make, state="arrived")
    await ingest.record(officer.id, [_fix(m, ago_s=10 - m / 100) for m in range(0, 900, 100)], PHONE)
    assert await ingest.flush() == 9
    assert await _count(runtime, case) == 9

    async with runtime.database.moves() as db:
        moved = await move(db, CLOSE, case.id, actor_id=officer.id, epoch=1, disposition="solved", note=None)
    assert moved is not None
    assert moved.event is not None
    follow_soon(runtime, moved.event)
    await runtime.drain()

    assert await _count(runtime, case) == 0
    assert (await _track(runtime, case)).state is TrackState.NOBODY
    assert await runtime.valkey.keys("fix:*") == []


async def test_what_a_dead_process_left_is_dropped_by_the_worker(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make)
    await ingest.record(officer.id, [_fix(100)], PHONE)
    await ingest.flush()
    await make._run(
        "UPDATE cases SET state = 'handed_over', officer_id = NULL, handover_cause = 'released' WHERE id = :id",
        id=case.id,
    )

    assert await jobs.forget(runtime) == 1
    assert await _count(runtime, case) == 0


async def test_who_may_hear_changes_with_the_holder(make: Make, runtime: Runtime) -> None:
    first, second = await make.officer(), await make.officer()
    case = await make.case()
    for officer in (first, second):
        await make.offer(case, officer)
    heard: list[tuple[frozenset[UUID], int | None]] = []

    async def note() -> None:
        permission = (await may_hear(runtime, [str(case.id)]))[str(case.id)]
        heard.append((permission.persons, permission.epoch))

    await note()
    await claim(runtime, case.id, epoch=0, officer=acting(first))
    await note()
    await release(runtime, case.id, epoch=1, officer=acting(first), reason="car")
    await note()

    reporter = case.reporter.id
    assert heard == [
        (frozenset({reporter}), -1),  # nobody's position may be told: no frame carries epoch -1
        (frozenset({reporter, first.id}), 1),
        (frozenset({reporter}), -1),
    ]


async def test_an_earlier_officers_fix_is_not_shown_as_the_new_ones(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make, state="claimed")
    await ingest.record(officer.id, [_fix(200)], PHONE)
    other = await make.officer()
    await make._run("UPDATE cases SET officer_id = :o, epoch = 3 WHERE id = :id", o=other.id, id=case.id)

    assert (await _track(runtime, case)).state is TrackState.NO_POSITION


async def test_one_rounded_point_stays_at_claim(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case()
    await make.offer(case, officer)
    async with runtime.database.moves() as db:
        moved = await move(db, CLAIM, case.id, actor_id=officer.id, epoch=0)
    assert moved is not None
    assert moved.event is not None

    await jobs.keep_waypoint(runtime, moved.event)
    await jobs.keep_waypoint(runtime, moved.event)

    async with runtime.database.moves() as db:
        rows = (await db.execute(text("SELECT moment, lat, lng FROM waypoints"))).all()
        square = (await db.execute(text("SELECT last_lat, last_lng FROM officers"))).one()
    assert [tuple(r) for r in rows] == [("claimed", square.last_lat, square.last_lng)]


async def test_a_fix_is_a_sign_of_life(make: Make, runtime: Runtime, ingest: Ingest) -> None:
    case, officer = await _held(make, state="claimed", act_step=1, reported_ago_s=100, window_s=9000)

    await ingest.record(officer.id, [_fix(500)], PHONE)

    assert await make.column(case, "act_step") == 0
    assert await make.column(case, "act_by > clock_timestamp() + interval '50 seconds'") is True


async def test_on_the_way_only_progress_counts(make: Make, runtime: Runtime, ingest: Ingest) -> None:
    case, officer = await _held(make, reported_ago_s=500, window_s=9000)
    await ingest.record(officer.id, [_fix(500, ago_s=5)], PHONE)
    first = await make.column(case, "act_by")
    await ingest.record(officer.id, [_fix(520, ago_s=3)], PHONE)
    still = await make.column(case, "act_by")
    await ingest.record(officer.id, [_fix(350, ago_s=1)], PHONE)

    assert first == still
    assert await make.column(case, "act_by") > still


@pytest.mark.parametrize(
    ("fixes", "says"),
    [([_fix(0)] * (FIXES_MAX + 1), "200 fixes"), ([_fix(0, accuracy_m=-1)], "accuracy_m")],
)
async def test_an_unusable_batch_says_why(fixes: list[Fix], says: str, make: Make, ingest: Ingest) -> None:
    _, officer = await _held(make)

    with pytest.raises(Invalid, match=says):
        await ingest.record(officer.id, fixes, PHONE)


async def test_where_an_officer_was_before_the_case_is_not_of_the_case(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make, reported_ago_s=100, window_s=9000)

    await ingest.record(officer.id, [_fix(100, ago_s=600)], PHONE)

    assert await ingest.flush() == 0
    assert (await _track(runtime, case)).state is TrackState.NO_POSITION


async def test_fixes_from_the_future_or_of_yesterday_are_left_out(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make)

    await ingest.record(officer.id, [_fix(100, ago_s=-120), _fix(200, ago_s=7 * 3600)], PHONE)

    assert (await _track(runtime, case)).state is TrackState.NO_POSITION


async def test_without_valkey_the_newest_fix_is_read_from_the_trail(
    make: Make, runtime: Runtime, ingest: Ingest
) -> None:
    case, officer = await _held(make)
    await ingest.record(officer.id, [_fix(400)], PHONE)
    await ingest.flush()
    await runtime.valkey.flushall()

    assert (await _track(runtime, case)).distance_m == pytest.approx(400, abs=5)
