"""A report from outside of every station's area is never refused: the command centre has it, else the nearest desk."""

from __future__ import annotations

import pytest

from app.cases.queries import Place
from app.cases.service import Opened
from app.cases.states import CaseState, Cause
from app.dispatch.intake import Report, take
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE, SQUARE, Make

FAR = [[119.50, 32.02], [119.60, 32.02], [119.60, 32.10], [119.50, 32.10], [119.50, 32.02]]
OUTSIDE = Point(32.06, 119.40)  # 9 km west of FAR, 50 km east of SQUARE


async def report(runtime: Runtime, make: Make, at: Point | None, **given: object) -> Opened:
    reporter = await make.citizen()
    place = Place(at, None) if at else None
    async with transaction(runtime) as db:
        return await take(db, runtime, Report(reporter.id, "noise", place=place, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize("urgent", [False, True])
async def test_with_a_command_centre_that_one_has_it(runtime: Runtime, make: Make, urgent: bool) -> None:
    await make.station(ring=SQUARE, code="A1")
    await make.station(ring=FAR, code="B2")
    centre = await make.station(ring=None, is_command=True, code="CC")

    opened = await report(runtime, make, OUTSIDE, urgent=urgent)

    assert opened.station_id == centre.id
    assert opened.state is CaseState.HANDED_OVER
    assert opened.cause is (Cause.URGENT if urgent else Cause.FORWARDED)


async def test_without_one_the_nearest_desk_has_it_and_it_is_not_broadcast(
    runtime: Runtime, make: Make
) -> None:
    await make.station(ring=SQUARE, code="A1")
    near = await make.station(ring=FAR, code="B2")
    await make.officer(station=near)

    opened = await report(runtime, make, OUTSIDE)

    assert (opened.station_id, opened.cause) == (near.id, Cause.FORWARDED)


async def test_a_missing_person_outside_is_urgent_with_the_nearest_desk(runtime: Runtime, make: Make) -> None:
    near = await make.station(ring=FAR, code="B2")
    reporter = await make.citizen()
    async with transaction(runtime) as db:
        place = Place(OUTSIDE, None)
        opened = await take(db, runtime, Report(reporter.id, "missing_person", place=place, urgent=True))

    assert (opened.station_id, opened.cause) == (near.id, Cause.URGENT)


async def test_inside_it_is_broadcast_and_without_a_place_nothing_is_outside(
    runtime: Runtime, make: Make
) -> None:
    own = await make.station(ring=SQUARE, code="A1")

    inside, nowhere = await report(runtime, make, CENTRE), await report(runtime, make, None)

    assert (inside.station_id, inside.cause) == (own.id, None)
    assert nowhere.cause is Cause.NO_PLACE
