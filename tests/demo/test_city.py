"""The demo's city: an exact partition, patrols that stay at home, and the same file every time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from shapely import STRtree
from shapely.geometry import LineString, Point, Polygon, shape
from shapely.ops import unary_union

from demo.city import FILE, City, Officer, load_city
from demo.city.area import border_m, flattened

HERE = FILE.parent
ROOT = HERE.parents[1]
TOLERANCE_M2 = 100.0
"""Of 70 km2: the new corners on the outline are rounded to 0.1 m."""


@pytest.fixture(scope="module")
def city() -> City:
    return load_city()


@pytest.fixture(scope="module")
def areas(city: City) -> dict[str, Polygon]:
    return {each.code: shape(each.boundary) for each in city.stations if each.boundary}


@pytest.fixture(scope="module")
def district() -> Polygon:
    outline = json.loads((HERE / "xuanwu.geojson").read_text("utf-8"))
    return shape(outline["features"][0]["geometry"]).geoms[0]


def line(officer: Officer) -> LineString:
    return LineString([(spot.lng, spot.lat) for spot in officer.patrol])


def test_about_ten_stations_and_one_command_centre(city, areas):
    (command,) = [each for each in city.stations if each.is_command]
    others = [each for each in city.stations if not each.is_command]

    assert len(areas) == len(others) == 10
    assert (command.parent, command.boundary, command.neighbours) == (None, None, ())
    assert {each.parent for each in others} == {command.code}
    assert len({each.code for each in city.stations}) == len(city.stations)
    assert len({each.phone for each in city.stations}) == len(city.stations)


def test_the_areas_together_are_the_district(areas, district):
    together = unary_union(list(areas.values()))

    assert together.geom_type == "Polygon"
    assert len(together.interiors) == 0
    assert flattened(together.symmetric_difference(district)).area < TOLERANCE_M2


def test_no_two_areas_overlap(areas):
    shapes = list(areas.values())

    assert all(area.is_valid and area.is_simple for area in shapes)
    for place, area in enumerate(shapes):
        for other in shapes[place + 1 :]:
            assert flattened(area.intersection(other)).area == 0


def test_every_point_of_a_fine_grid_is_in_exactly_one_area(areas, district):
    tree = STRtree(list(areas.values()))
    west, south, east, north = district.bounds
    inner = district.buffer(-1e-5)
    grid = [
        Point(west + (east - west) * x / 97, south + (north - south) * y / 97)
        for x in range(98)
        for y in range(98)
    ]

    counts = [len(tree.query(point, predicate="within")) for point in grid if inner.contains(point)]

    assert len(counts) > 3_000
    assert set(counts) == {1}


def test_each_area_is_nearest_to_its_desk(city, areas):
    """Voronoi: where a point lies decides whose desk is nearest; pieces cut off by the outline are few."""
    desks = {
        each.code: flattened(Point(each.desk.lng, each.desk.lat)) for each in city.stations if each.boundary
    }
    homes = [(each.station, flattened(Point(each.home.lng, each.home.lat))) for each in city.citizens]

    away = [code for code, home in homes if min(desks, key=lambda name: desks[name].distance(home)) != code]

    assert len(away) <= len(homes) * 0.03
    assert all(
        areas[each.code].contains(Point(each.desk.lng, each.desk.lat))
        for each in city.stations
        if each.boundary
    )


def test_neighbours_are_mutual_and_share_a_border(city, areas):
    stations = {each.code: each for each in city.stations if each.boundary}

    for code, station in stations.items():
        assert station.neighbours
        assert code not in station.neighbours
        lengths = [border_m(areas[code], areas[name]) for name in station.neighbours]
        assert lengths == sorted(lengths, reverse=True)
        for name, other in stations.items():
            shared = code != name and border_m(areas[code], areas[name]) > 5
            assert (name in station.neighbours) == (code in other.neighbours) == shared


def test_sixty_officers_patrol_loops_inside_their_own_station(city, areas, district):
    assert len(city.officers) == 60
    assert {each.station for each in city.officers} == set(areas)
    for officer in city.officers:
        loop = line(officer)
        assert loop.is_closed
        assert areas[officer.station].covers(loop), officer.badge
        assert district.covers(loop), officer.badge
        assert 1_000 < flattened(loop).length < 15_000, officer.badge


def test_nobody_patrols_or_lives_on_the_water(city):
    (lake,) = [shape(each["geometry"]) for each in city.base_map if each["properties"]["kind"] == "water"]

    assert not [each.badge for each in city.officers if line(each).intersects(lake)]
    assert not [each.id for each in city.citizens if lake.contains(Point(each.home.lng, each.home.lat))]


def test_most_of_a_patrol_in_town_follows_named_roads(city):
    roads = unary_union([
        flattened(shape(each["geometry"])) for each in city.base_map if each["properties"]["kind"] == "road"
    ]).buffer(60)  # fmt: skip

    share = [
        flattened(line(each)).intersection(roads).length / flattened(line(each)).length
        for each in city.officers
    ]

    assert sum(share) / len(share) > 0.4


def test_two_hundred_homes_and_some_places_lie_in_the_station_they_name(city, areas):
    assert len(city.citizens) == 200
    assert all(areas[each.station].contains(Point(each.home.lng, each.home.lat)) for each in city.citizens)
    assert len(city.places) >= 15
    assert all(areas[each.station].contains(Point(each.at.lng, each.at.lat)) for each in city.places)
    assert {each.kind for each in city.places} == {"park", "landmark", "metro_exit"}


def test_everybody_is_marked_fictional_and_nobody_twice(city):
    people = [*city.officers, *city.citizens]

    assert "Fictional" in city.notice
    assert all(each.name.endswith("（虚构）") for each in (*city.stations, *people))
    assert all(each.name_en.endswith("(fictional)") for each in (*city.stations, *people))
    assert all(each.phone.startswith("025-0000-") for each in city.stations)
    assert len({each.name for each in people}) == len(people)
    assert len({each.badge for each in city.officers}) == 60


def test_the_sketch_map_is_labelled_and_lies_in_the_district(city, district):
    drawn = city.sketch_map()

    assert drawn["type"] == "FeatureCollection"
    assert all(each["properties"]["sketch"] for each in drawn["features"])
    kinds = {each["properties"]["kind"] for each in drawn["features"]}
    assert kinds == {"district", "water", "hill", "road", "metro", "park", "landmark", "metro_exit", "desk"}
    around = district.buffer(1e-5)
    assert all(around.covers(shape(each["geometry"])) for each in drawn["features"])


def test_making_the_city_again_gives_the_same_file(tmp_path):
    """In a process of its own with another hash seed, so that no set's order decides."""
    for seed in ("1", "2"):
        made = tmp_path / f"{seed}.json"
        subprocess.run(
            [sys.executable, "-m", "demo.city.make", str(made)],
            check=True, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, timeout=60,
        )  # fmt: skip
        assert made.read_bytes() == FILE.read_bytes()


def test_the_file_is_small_enough_to_read():
    assert FILE.stat().st_size < 500_000


def test_the_city_imports_nothing_of_the_core_or_the_doors():
    ours = {"app", "wechat", "miniprogram", "console", "simulator"}
    for source in sorted(Path(HERE).glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & ours, source.name
