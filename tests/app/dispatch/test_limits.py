"""How many reports of one person are broadcast, by the numbers of the station."""

from __future__ import annotations

from app.cases.queries import Place
from app.cases.service import Opened
from app.cases.states import CaseState, Cause
from app.dispatch.intake import Report, take
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.stations.admin import change_settings
from app.stations.registry import forget_stations
from tests.factories import CENTRE, Made, Make


async def _report(runtime: Runtime, reporter: Made, category: str, *, step: int) -> Opened:
    """Each `step` lies about a kilometre from the one before: another place, and no repeat of it."""
    place = Place(Point(CENTRE.lat + 0.01 * step, CENTRE.lng))
    async with transaction(runtime) as db:
        return await take(db, runtime, Report(reporter.id, category, words="x", place=place))


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
