"""How many reports of one person are broadcast, by the numbers of the station."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from app.cases.queries import Place
from app.cases.service import Opened
from app.cases.states import CaseState, Cause
from app.dispatch.citizen import MOVES_A_MINUTE, move_place
from app.dispatch.errors import MovedTooOften
from app.dispatch.intake import Report, take
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.stations.admin import change_settings
from app.stations.registry import forget_stations
from tests.factories import CENTRE, Made, Make


async def _report(
    runtime: Runtime, reporter: Made, category: str, *, step: int, silent: bool = False, danger: bool = False
) -> Opened:
    """Each `step` lies about a kilometre from the one before: another place, and no repeat of it."""
    place = Place(Point(CENTRE.lat + 0.01 * step, CENTRE.lng))
    report = Report(reporter.id, category, words="x", place=place, text_only=silent, urgent=danger)
    async with transaction(runtime) as db:
        return await take(db, runtime, report)


async def _age(runtime: Runtime, by: str) -> None:
    async with runtime.database.moves() as db:
        await db.execute(
            text(f"""
            UPDATE cases SET reported_at = reported_at - interval '{by}', deadline = deadline - interval '{by}'
        """)
        )


async def _end(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE cases SET state = 'cancelled', closed_at = clock_timestamp()"))


async def _repeats(runtime: Runtime) -> list[object]:
    async with runtime.database.moves() as db:
        rows = await db.execute(text("SELECT facts ->> 'repeat' FROM cases ORDER BY reported_at, id"))
        return list(rows.scalars())


async def test_a_second_report_of_an_open_case_goes_to_the_desk_marked(runtime: Runtime, make: Make) -> None:
    await make.the_station()
    reporter = await make.citizen()

    first = await _report(runtime, reporter, "noise", step=0)
    second = await _report(runtime, reporter, "noise", step=0)
    other = await _report(runtime, reporter, "neighbour_dispute", step=0)

    assert [o.state for o in (first, second, other)] == [
        CaseState.OPEN,
        CaseState.HANDED_OVER,
        CaseState.OPEN,
    ]
    assert second.cause is Cause.FLOOD
    assert await _repeats(runtime) == [None, "open_of_a_category_and_place", None]


async def test_a_case_open_since_yesterday_still_counts_and_an_ended_one_does_not(
    runtime: Runtime, make: Make
) -> None:
    await make.the_station()
    reporter = await make.citizen()
    await _report(runtime, reporter, "noise", step=0)
    await _age(runtime, "25 hours")

    again = await _report(runtime, reporter, "noise", step=0)
    await _end(runtime)
    new = await _report(runtime, reporter, "noise", step=0)

    assert (again.state, new.state) == (CaseState.HANDED_OVER, CaseState.OPEN)


async def test_the_eleventh_of_a_day_goes_to_the_desk_marked(runtime: Runtime, make: Make) -> None:
    await make.the_station()
    reporter = await make.citizen()
    opened = []
    for step in range(11):
        opened.append(await _report(runtime, reporter, "noise", step=step % 2))
        await _end(runtime)
        await _age(runtime, "11 minutes")

    assert [o.state for o in opened] == [CaseState.OPEN] * 10 + [CaseState.HANDED_OVER]
    assert (await _repeats(runtime))[-1] == "in_a_day"
    await _age(runtime, "1 day")
    assert (await _report(runtime, reporter, "noise", step=0)).state is CaseState.OPEN


async def test_eight_reports_at_once_are_counted_one_by_one_and_none_is_dropped(
    runtime: Runtime, make: Make
) -> None:
    await make.the_station()
    reporter = await make.citizen()

    opened = await asyncio.gather(*(_report(runtime, reporter, "noise", step=0) for _ in range(8)))

    assert Counter(o.state for o in opened) == {CaseState.OPEN: 1, CaseState.HANDED_OVER: 7}


@pytest.mark.parametrize("kind", ["danger", "silent", "missing_person"])
async def test_danger_silence_and_a_missing_person_are_never_lowered(
    runtime: Runtime, make: Make, kind: str
) -> None:
    await make.the_station()
    reporter, fresh = await make.citizen(), await make.citizen()
    for step in range(5):
        await _report(runtime, reporter, "noise", step=step)
    category = kind if kind == "missing_person" else "noise"
    how = {"silent": kind == "silent", "danger": kind == "danger"}

    flooding, calm = [await _report(runtime, who, category, step=0, **how) for who in (reporter, fresh)]

    assert (flooding.state, flooding.cause) == (calm.state, calm.cause)
    assert flooding.cause is not Cause.FLOOD


async def test_i_moved_has_a_limit_a_minute_also_at_once(runtime: Runtime, make: Make) -> None:
    case = await make.case()

    async def moved() -> None:
        await move_place(runtime, case.id, reporter_id=case.reporter.id, place=Place(CENTRE))

    results = await asyncio.gather(*(moved() for _ in range(8)), return_exceptions=True)
    over = [one for one in results if isinstance(one, MovedTooOften)]

    assert results.count(None) == MOVES_A_MINUTE
    assert len(over) == 8 - MOVES_A_MINUTE
    assert {one.facts["limit"] for one in over} == {"moves_a_minute"}
    assert all(1 <= int(str(one.facts["retry_after_s"])) <= 60 for one in over)
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE events SET at = at - interval '1 minute'"))
    await moved()


async def test_the_fourth_report_in_ten_minutes_goes_to_the_desk(runtime: Runtime, make: Make) -> None:
    await make.the_station()
    reporter = await make.citizen()

    opened = [await _report(runtime, reporter, "noise", step=step) for step in range(4)]

    assert [o.state for o in opened] == [CaseState.OPEN] * 3 + [CaseState.HANDED_OVER]
    assert opened[-1].cause is Cause.FLOOD


async def test_a_station_sets_its_own_limit(runtime: Runtime, make: Make) -> None:
    station = await make.the_station()
    reporter = await make.citizen()
    async with transaction(runtime) as db:
        await change_settings(db, station.id, {"limits": {"in_10_min": 1}})
    forget_stations(runtime)

    opened = [await _report(runtime, reporter, "noise", step=step) for step in range(2)]

    assert [o.state for o in opened] == [CaseState.OPEN, CaseState.HANDED_OVER]


async def test_a_missing_person_is_never_one_too_many(runtime: Runtime, make: Make) -> None:
    await make.the_station()
    reporter = await make.citizen()

    opened = [await _report(runtime, reporter, "missing_person", step=step) for step in range(4)]

    assert {o.state for o in opened} == {CaseState.OPEN}
