"""Which station a point belongs to, whose desk rings, and how soon a change is known."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.database import Database
from app.kit.errors import NotFound, Unavailable
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.stations import admin
from app.stations import registry as module
from app.stations.registry import Registry, Station, forget_stations, registry, stations_without_desk
from app.stations.settings import read_settings

NIGHT = datetime(2026, 6, 1, 17, tzinfo=UTC)  # 01:00 in Shanghai
NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)
BY_DAY = {"desk_hours": [{"start": "08:00", "end": "20:00"}]}
OVERNIGHT = {"desk_hours": [{"start": "20:00", "end": "08:00"}]}


def square(west: float, south: float, size: float = 0.1) -> dict:
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def station(code, boundary=None, *, settings=None, parent=None, neighbours=(), is_command=False):
    return Station(
        uuid4(), code, code, code, "", parent.id if parent else None, is_command,
        shape(boundary) if boundary else None, read_settings(settings or {}), tuple(n.id for n in neighbours),
    )  # fmt: skip


def test_a_station_without_an_english_name_is_called_by_its_chinese_one():
    named = station("XW")
    bare = replace(named, name="玄武门派出所", name_en="")

    assert replace(named, name_en="Xuanwumen Station").called("en") == "Xuanwumen Station"
    assert bare.called("en") == bare.called("zh") == bare.facts()["station_en"] == "玄武门派出所"


def test_a_point_belongs_to_the_station_around_it_and_outside_to_none():
    west, east = station("W", square(118.7, 32.0)), station("E", square(118.8, 32.0))
    stations = Registry([east, west, station("HQ", is_command=True)])

    assert stations.station_at(Point(32.05, 118.75)) is west
    assert stations.station_at(Point(32.05, 118.85)) is east
    assert stations.station_at(Point(31.99, 118.75)) is None
    assert stations.station_at(Point(118.75 - 90, 32.05)) is None


def test_the_nearest_of_a_point_outside_of_all_is_by_metres_and_not_by_degrees():
    east, north = station("E", square(119.0, 32.0)), station("N", square(118.7, 32.25))
    stations = Registry([east, north, station("HQ", is_command=True)])

    # 0.16 degrees to the east are 15.1 km, 0.15 to the north are 16.7 km.
    assert stations.nearest(Point(32.10, 118.84)) is east
    assert stations.nearest(Point(32.20, 118.75)) is north
    assert Registry([station("HQ", is_command=True)]).nearest(Point(32.05, 118.75)) is None


@given(st.floats(32.0, 32.1), st.permutations(["A", "B", "C"]))
def test_a_point_on_a_shared_border_belongs_to_the_first_by_code(lat, order):
    areas = {"A": square(118.8, 32.0), "B": square(118.7, 32.0), "C": square(118.7, 32.1)}
    stations = Registry([station(code, areas[code]) for code in order])

    assert stations.station_at(Point(lat, 118.8)).code == "A"
    assert stations.station_at(Point(32.1, 118.75)).code == "B"


def test_a_hole_and_a_second_part_of_an_area_count():
    ring = square(118.7, 32.0)["coordinates"][0]
    hole = square(118.74, 32.04, 0.02)["coordinates"][0]
    far = square(119.0, 32.0)["coordinates"]
    split = station("S", {"type": "MultiPolygon", "coordinates": [[ring, hole], far]})
    stations = Registry([split])

    assert stations.station_at(Point(32.02, 118.72)) is split
    assert stations.station_at(Point(32.05, 118.75)) is None
    assert stations.station_at(Point(32.05, 119.05)) is split


def test_no_station_at_all_is_no_station_anywhere():
    assert Registry([]).station_at(Point(32.05, 118.75)) is None
    assert Registry([]).command_centre() is None


def test_a_ladder_is_own_then_the_first_neighbour_whose_desk_is_on_then_the_command_centre():
    hq = station("HQ", is_command=True)
    parent = station("P")
    asleep, awake = station("N1", settings=BY_DAY), station("N2", settings=OVERNIGHT)
    own = station("S", parent=parent, neighbours=[asleep, awake])
    stations = Registry([hq, parent, asleep, awake, own])

    assert stations.ladder(own.id, NIGHT) == [own, awake, hq]
    assert stations.ladder(own.id, NOON) == [own, asleep, hq]


def test_without_a_neighbour_awake_the_parent_rings_and_nobody_twice():
    hq = station("HQ", is_command=True)
    asleep = station("N1", settings=BY_DAY)
    own = station("S", parent=hq, neighbours=[asleep])
    alone = station("T")
    stations = Registry([hq, asleep, own, alone])

    assert stations.ladder(own.id, NIGHT) == [own, hq]
    assert stations.ladder(alone.id, NIGHT) == [alone, hq]
    assert stations.ladder(hq.id, NIGHT) == [hq]
    assert Registry([alone]).ladder(alone.id) == [alone]


def test_a_desk_is_on_in_its_hours():
    by_day, always = station("D", settings=BY_DAY), station("A")
    stations = Registry([by_day, always])

    assert [stations.desk_is_on(by_day.id, now) for now in (NOON, NIGHT)] == [True, False]
    assert [stations.desk_is_on(always.id, now) for now in (NOON, NIGHT)] == [True, True]
    with pytest.raises(NotFound):
        stations.desk_is_on(uuid4(), NOON)


async def add(runtime, code, **facts):
    async with transaction(runtime) as db:
        station_id = await admin.create(db, code=code, name=f"{code}派出所", **facts)
    await runtime.drain()
    return station_id


async def test_what_is_stored_is_what_is_known(runtime):
    hq = await add(runtime, "HQ", is_command=True)
    other = await add(runtime, "B", boundary=square(118.8, 32.0))
    own = await add(
        runtime,
        "A",
        name_en="A",
        phone="025-110",
        parent_id=hq,
        boundary=square(118.7, 32.0),
        settings={"ack_s": 20},
    )
    async with transaction(runtime) as db:
        await admin.change_neighbours(db, own, [other, hq])
    forget_stations(runtime)

    stations = await registry(runtime)

    known = stations.get(own)
    assert (known.code, known.phone, known.parent_id, known.neighbours) == ("A", "025-110", hq, (other, hq))
    assert (known.settings.ack_s, known.settings.claim_window_s) == (20, runtime.settings.claim_window_s)
    assert [s.code for s in stations.all()] == ["A", "B", "HQ"]
    assert stations.by_code("B").id == other
    assert stations.by_code("Z") is None
    assert stations.command_centre().id == hq
    assert stations.station_at(Point(32.05, 118.75)).id == own


async def test_postgresql_is_asked_at_most_once_a_second(runtime, monkeypatch):
    await add(runtime, "A")
    forget_stations(runtime)
    asked = []
    refresh = module._refresh

    async def counted(*args):
        asked.append(1)
        await refresh(*args)

    monkeypatch.setattr(module, "_refresh", counted)
    found = await asyncio.gather(*(registry(runtime) for _ in range(50)))
    assert len(asked) == 1
    assert len({id(one) for one in found}) == 1

    held = module._held[runtime]
    held.checked_at -= module.CHECK_EVERY_S  # a second goes by
    assert await registry(runtime) is found[0]
    assert len(asked) == 2


async def test_another_process_knows_a_change_a_second_later(runtime, settings):
    own = await add(runtime, "A")
    await registry(runtime)
    other = Runtime(
        settings, Database(settings.database_url or ""), runtime.valkey, runtime.keys, runtime.index
    )
    try:
        assert (await registry(other)).get(own).settings.ack_s == 60
        async with transaction(runtime) as db:
            await admin.change_settings(db, own, {"ack_s": 15})

        module._held[other].checked_at -= module.CHECK_EVERY_S  # a second goes by, no event reaches it
        assert (await registry(other)).get(own).settings.ack_s == 15
    finally:
        await other.database.close()


async def test_the_process_that_changes_a_station_knows_it_at_once(runtime, monkeypatch):
    monkeypatch.setattr("app.events.follow.FOLLOWERS", {admin.STATIONS_CHANGED: [module.reload_stations]})
    own = await add(runtime, "A")
    await runtime.drain()
    before = await registry(runtime)

    async with transaction(runtime) as db:
        await admin.change_boundary(db, own, square(118.7, 32.0))
    await runtime.drain()

    after = await registry(runtime)
    assert before.station_at(Point(32.05, 118.75)) is None
    assert after.station_at(Point(32.05, 118.75)).id == own


async def test_a_row_spoilt_by_hand_stops_no_other_station(runtime):
    own, spoilt = await add(runtime, "A", boundary=square(118.7, 32.0)), await add(runtime, "B")
    async with runtime.database.moves() as db:
        values = {
            "id": spoilt,
            "settings": {"ack_s": "soon"},
            "boundary": {"type": "Nonsense"},
        }
        await db.execute(
            text(
                "UPDATE stations SET settings = CAST(:settings AS jsonb), boundary = CAST(:boundary AS jsonb),"
                " changed_at = clock_timestamp() WHERE id = :id"
            ),
            values,
        )
    forget_stations(runtime)

    stations = await registry(runtime)

    assert stations.get(spoilt).settings == read_settings({}, claim_window_s=runtime.settings.claim_window_s)
    assert stations.get(spoilt).boundary is None
    assert stations.station_at(Point(32.05, 118.75)).id == own


async def test_without_postgresql_what_is_known_stays_and_nothing_known_is_unavailable(runtime, settings):
    await add(runtime, "A")
    forget_stations(runtime)
    known = await registry(runtime)
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    cut_off = Runtime(settings, nowhere, runtime.valkey, runtime.keys, runtime.index)
    with pytest.raises(Unavailable, match="stations"):
        await registry(cut_off)

    module._held[cut_off] = module._Held(registry=known, version=module._held[runtime].version)
    assert await registry(cut_off) is known
    await nowhere.close()


async def test_stations_without_a_desk_are_those_whose_whole_ladder_has_nobody(runtime, make):
    await add(runtime, "HQ", is_command=True)
    first = await add(runtime, "A")
    second = await add(runtime, "B")
    async with transaction(runtime) as db:
        await admin.change_neighbours(db, second, [first])
    forget_stations(runtime)
    stations = await registry(runtime)
    person = await make.citizen()

    async def lacking():
        async with runtime.database.transaction() as db:
            return [s.code for s in await stations_without_desk(db, stations)]

    async def run(sql, **values):
        async with runtime.database.moves() as db:
            await db.execute(text(sql), values)

    assert await lacking() == ["A", "B", "HQ"]
    await run(
        "INSERT INTO roles (id, person_id, role, station_id) VALUES (:id, :person, 'desk', :station)",
        id=uuid4(), person=person.id, station=first,
    )  # fmt: skip
    assert await lacking() == ["HQ"]
    await run("UPDATE roles SET role = 'commander'")
    assert await lacking() == ["A", "B", "HQ"]
    await run("UPDATE roles SET role = 'desk', station_id = NULL")
    assert await lacking() == []
    await run("UPDATE people SET active = false")
    assert await lacking() == ["A", "B", "HQ"]
