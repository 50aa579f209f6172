"""Creating and changing stations: what is refused and why, and the event of each change."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.errors import Invalid, NotFound
from app.kit.geo import Point
from app.stations import admin
from app.stations.admin import CodeTaken
from app.stations.registry import forget_stations, registry
from tests.app.stations.test_registry import add, square


async def known(runtime):
    forget_stations(runtime)
    return await registry(runtime)


async def test_each_change_is_one_event_with_its_actor(runtime, make):
    by = (await make.citizen()).id
    own, other = await add(runtime, "A", by=by), await add(runtime, "B")
    async with transaction(runtime) as db:
        await admin.change_settings(db, own, {"ack_s": 30}, by=by)
        await admin.change_boundary(db, own, square(118.7, 32.0), by=by)
        await admin.change_facts(db, own, phone="025-1", by=by)
        await admin.change_parent(db, own, other, by=by)
        await admin.change_neighbours(db, own, [other], by=by)

    async with runtime.database.moves() as db:
        rows = await db.execute(text("SELECT kind, station_id, actor_id, data FROM events ORDER BY id"))
        mine = [(r.kind, r.actor_id, r.data["what"]) for r in rows if r.station_id == own]
    wanted = ["created", "settings", "boundary", "facts", "parent", "neighbours"]
    assert mine == [("stations_changed", by, what) for what in wanted]


@pytest.mark.parametrize(
    ("boundary", "says"),
    [
        ({"type": "Point", "coordinates": [118.7, 32.0]}, "is a Point"),
        ({"type": "LineString", "coordinates": [[118.7, 32.0], [118.8, 32.0]]}, "is a LineString"),
        ({"type": "Polygon"}, "no GeoJSON"),
        ({"type": "Polygon", "coordinates": [[[118.7, 32.0], [118.8, 32.0]]]}, "no GeoJSON"),
        ({"type": "Polygon", "coordinates": []}, "no area"),
        ({}, "no GeoJSON"),
        (
            {
                "type": "Polygon",
                "coordinates": [[[32.0, 118.7], [32.1, 118.7], [32.1, 118.8], [32.0, 118.7]]],
            },
            "swapped",
        ),
        (
            {"type": "Polygon", "coordinates": [[[32.0, 78.7], [32.1, 78.7], [32.1, 78.8], [32.0, 78.7]]]},
            "swapped",
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [[[118.7, 32.0], [118.8, 32.1], [118.8, 32.0], [118.7, 32.1], [118.7, 32.0]]],
            },
            "must not cross",
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [[[118.7, 32.0], [118.8, 32.0], [118.9, 32.0], [118.7, 32.0]]],
            },
            "fall together",
        ),
    ],
)
async def test_a_boundary_that_is_no_area_is_refused(runtime, boundary, says):
    with pytest.raises(Invalid, match="boundary") as caught:
        await add(runtime, "A", boundary=boundary)

    assert says in caught.value.detail
    assert caught.value.facts["field"] == "boundary"
    assert (await known(runtime)).all() == []


async def test_an_overlap_is_refused_and_names_the_other_station(runtime):
    await add(runtime, "A", boundary=square(118.7, 32.0))

    with pytest.raises(Invalid, match=r"overlaps station A by [\d,]+ m²"):
        await add(runtime, "B", boundary=square(118.79, 32.0))


async def test_a_shared_border_and_a_sliver_of_rounding_are_no_overlap(runtime):
    await add(runtime, "A", boundary=square(118.7, 32.0))
    beside = await add(runtime, "B", boundary=square(118.8, 32.0))
    await add(runtime, "C", boundary=square(118.7, 32.1 - 1e-9))

    stations = await known(runtime)
    assert stations.station_at(Point(32.05, 118.8)).code == "A"
    async with transaction(runtime) as db:
        await admin.change_boundary(db, beside, square(118.8, 32.01))
    with pytest.raises(Invalid, match="overlaps station A"):
        async with transaction(runtime) as db:
            await admin.change_boundary(db, beside, square(118.75, 32.0))


async def test_of_two_overlapping_boundaries_at_once_one_is_refused(runtime):
    tried = await asyncio.gather(
        *(add(runtime, f"S{n}", boundary=square(118.7, 32.0)) for n in range(6)), return_exceptions=True
    )

    assert sum(isinstance(one, Invalid) for one in tried) == 5
    assert len((await known(runtime)).all()) == 1


async def test_settings_are_merged_returned_to_default_and_checked_as_a_whole(runtime):
    own = await add(runtime, "A", settings={"ack_s": 30, "nudge_s": 50})
    async with transaction(runtime) as db:
        await admin.change_settings(db, own, {"ack_s": None, "stall_s": 300})
    settings = (await known(runtime)).get(own).settings
    assert (settings.ack_s, settings.nudge_s, settings.stall_s) == (60, 50, 300)

    with pytest.raises(Invalid, match="nudge_s, alarm_s, take_back_s"):
        async with transaction(runtime) as db:
            await admin.change_settings(db, own, {"alarm_s": 40})
    assert (await known(runtime)).get(own).settings.alarm_s == 120


async def test_codes_and_the_command_centre_are_there_once(runtime):
    await add(runtime, "A", is_command=True)

    with pytest.raises(CodeTaken, match="code A"):
        await add(runtime, "A")
    with pytest.raises(CodeTaken, match="command centre"):
        await add(runtime, "B", is_command=True)


async def test_fields_that_do_not_fit_are_named(runtime):
    for facts, field in (
        ({"code": ""}, "code"), ({"code": "x" * 21}, "code"), ({"code": "A", "name": " "}, "name"),
        ({"code": "A", "phone": "1" * 31}, "phone"), ({"code": "A", "settings": {"ack_s": 0}}, "ack_s"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            async with transaction(runtime) as db:
                await admin.create(db, **({"name": "站"} | facts))
        assert caught.value.facts["field"] == field


async def test_nobody_stands_above_or_beside_themselves(runtime):
    top, middle, low = await add(runtime, "A"), await add(runtime, "B"), await add(runtime, "C")
    async with transaction(runtime) as db:
        await admin.change_parent(db, middle, top)
        await admin.change_parent(db, low, middle)

    for station_id, parent_id in ((top, low), (top, top)):
        with pytest.raises(Invalid, match="above itself"):
            async with transaction(runtime) as db:
                await admin.change_parent(db, station_id, parent_id)
    for neighbours in ([top], [low, low]):
        with pytest.raises(Invalid, match="neighbours"):
            async with transaction(runtime) as db:
                await admin.change_neighbours(db, top, neighbours)


async def test_a_station_that_is_not_there_cannot_be_changed(runtime):
    nobody = uuid4()
    for verb, value in (
        (admin.change_settings, {"ack_s": 20}), (admin.change_boundary, None), (admin.change_parent, None),
        (admin.change_neighbours, []),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            async with transaction(runtime) as db:
                await verb(db, nobody, value)
    with pytest.raises(NotFound):
        await add(runtime, "A", parent_id=nobody)
