"""Movement: along paths, at the speed that was said, by road, never into the lake."""

from __future__ import annotations

from itertools import pairwise

import pytest
from shapely import STRtree
from shapely.geometry import LineString, shape

from demo.city import City, Spot, load_city
from demo.roads import Roads, Walker, between, metres

A, B, C = Spot(32.05, 118.80), Spot(32.06, 118.80), Spot(32.06, 118.81)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city()


@pytest.fixture(scope="module")
def roads(city: City) -> Roads:
    return Roads(city)


def test_a_hundredth_of_a_degree_north_is_1112_metres():
    assert metres(A, B) == pytest.approx(1112, abs=2)


def test_a_walker_covers_speed_times_seconds_around_corners():
    walker = Walker([A, B, C], speed_mps=10, loop=False)

    walker.advance(100)
    assert metres(A, walker.at) == pytest.approx(1000, abs=1)
    walker.advance(30)
    assert metres(B, walker.at) == pytest.approx(1300 - metres(A, B), abs=1)


def test_a_walker_stands_at_the_end_of_a_path():
    walker = Walker([A, B], speed_mps=10, loop=False)

    walker.advance(10_000)

    assert walker.stands
    assert walker.at == B
    assert walker.left_m() == 0


def test_a_walker_on_a_loop_never_stands_and_comes_by_again():
    walker = Walker([A, B, C, A], speed_mps=1, loop=True)
    round_m = metres(A, B) + metres(B, C) + metres(C, A)

    walker.advance(round_m * 3 + 50)

    assert not walker.stands
    assert metres(A, walker.at) == pytest.approx(50, abs=1)


def test_halfway_is_halfway():
    assert metres(A, between(A, B, 0.5)) == pytest.approx(metres(A, B) / 2, abs=0.1)


def test_every_station_is_reached_from_every_other_by_road(city, roads):
    desks = [station.desk for station in city.stations if not station.is_command]

    for one, other in pairwise(desks):
        way = roads.way(one, other)
        assert (way[0], way[-1]) == (one, other)
        assert max((metres(a, b) for a, b in pairwise(way[1:-1])), default=0) < 700


def test_no_way_between_two_patrols_crosses_the_middle_of_the_lake(city, roads):
    water = [
        shape(f["geometry"]).buffer(-0.0006)
        for f in city.base_map
        if f["properties"]["kind"] in ("lake", "water")
    ]
    wet = STRtree([area for area in water if not area.is_empty])
    starts = [officer.patrol[0] for officer in city.officers[::3]]

    for one, other in pairwise(starts):
        way = LineString([(spot.lng, spot.lat) for spot in roads.way(one, other)])
        assert len(wet.query(way, predicate="intersects")) == 0
