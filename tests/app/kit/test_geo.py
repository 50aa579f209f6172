"""Points, the two datums, distances, privacy squares and H3 cells."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import h3
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.kit.geo import EARTH_RADIUS_M, Gcj02, Point, cell, cells, metres, rounded

FILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "coordinates.json").read_text("utf-8")
)
VECTORS: list[dict[str, Any]] = FILE["vectors"]
PENTAGONS = [Point(*h3.cell_to_latlng(name)) for name in sorted(h3.get_pentagons(5))]

anywhere = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
in_china = st.builds(Point, st.floats(0.9, 55.8), st.floats(72.1, 137.8))
bearings = st.floats(0, 2 * math.pi)
shares = st.floats(0, 1)


def moved(start: Point, bearing: float, distance_m: float) -> Point:
    """The point at a great-circle distance and bearing."""
    arc, lat, lng = distance_m / EARTH_RADIUS_M, math.radians(start.lat), math.radians(start.lng)
    north = math.sin(lat) * math.cos(arc) + math.cos(lat) * math.sin(arc) * math.cos(bearing)
    lat_there = math.asin(max(-1.0, min(1.0, north)))
    east = math.sin(bearing) * math.sin(arc) * math.cos(lat)
    lng_there = lng + math.atan2(east, math.cos(arc) - math.sin(lat) * north)
    return Point(math.degrees(lat_there), math.remainder(math.degrees(lng_there), 360))


@pytest.mark.parametrize("kind", [Point, Gcj02])
@pytest.mark.parametrize(
    ("lat", "lng", "named"),
    [
        (90.1, 0, "lat"), (-90.1, 0, "lat"), (math.nan, 0, "lat"), (math.inf, 0, "lat"),
        (0, 180.1, "lng"), (0, -180.1, "lng"), (0, math.nan, "lng"), (0, -math.inf, "lng"),
    ],
)  # fmt: skip
def test_a_point_off_the_earth_is_refused_and_the_error_names_the_number(kind, lat, lng, named):
    with pytest.raises(ValueError, match=f"^{named} must be"):
        kind(lat, lng)


def test_the_two_datums_are_different_frozen_types():
    point = Point(32.06, 118.79)

    assert point != Gcj02(32.06, 118.79)
    assert not isinstance(point.to_gcj02(), Point)
    assert not isinstance(point.to_gcj02().to_wgs84(), Gcj02)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.lat = 0.0  # type: ignore[misc]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["place"])
def test_the_published_vectors_hold_in_both_directions(vector):
    wgs84, gcj02 = Point(**vector["wgs84"]), Gcj02(**vector["gcj02"])

    there, back = wgs84.to_gcj02(), gcj02.to_wgs84()

    assert (there.lat, there.lng) == pytest.approx((gcj02.lat, gcj02.lng), abs=FILE["tolerance_deg"])
    assert (back.lat, back.lng) == pytest.approx((wgs84.lat, wgs84.lng), abs=FILE["tolerance_deg"])
    shift_m = metres(wgs84, Point(gcj02.lat, gcj02.lng))
    assert shift_m == pytest.approx(vector["shift_m"], abs=FILE["tolerance_m"])


@given(in_china)
@example(Point(35.0, 105.0))  # the square root of the formulas has no slope here
@example(Point(35.0, 105.0 + 1e-12))
def test_there_and_back_is_the_same_point_to_a_billionth_of_a_degree(point):
    shifted = point.to_gcj02()
    assume(72.004 <= shifted.lng <= 137.8347 and 0.8293 <= shifted.lat <= 55.8271)

    back = shifted.to_wgs84()

    assert (back.lat, back.lng) == pytest.approx((point.lat, point.lng), abs=1e-9)


@given(st.sampled_from([72.004, 137.8347]), st.floats(1, 55.7), st.floats(-0.02, 0.02))
def test_at_the_side_of_the_rectangle_the_inverse_is_off_by_one_shift_at_most(side, lat, off):
    gcj02 = Gcj02(lat, side + off)

    back = gcj02.to_wgs84()

    assert metres(back, Point(gcj02.lat, gcj02.lng)) <= 1_000
    again = back.to_gcj02()
    assert metres(Point(again.lat, again.lng), Point(gcj02.lat, gcj02.lng)) <= 1_000


def test_outside_the_rectangle_nothing_is_shifted():
    paris = Point(48.8566, 2.3522)

    assert paris.to_gcj02() == Gcj02(48.8566, 2.3522)
    assert Gcj02(48.8566, 2.3522).to_wgs84() == paris


@pytest.mark.parametrize(
    ("a", "b", "ellipsoid_m"),
    [
        # WGS-84: one degree of the equator, of the meridian at the equator and at the pole.
        (Point(0, 0), Point(0, 1), 111_319.49),
        (Point(0, 0), Point(1, 0), 110_574.39),
        (Point(89, 0), Point(90, 0), 111_693.86),
        # A quarter of the meridian and half of the equator.
        (Point(0, 0), Point(90, 0), 10_001_965.73),
    ],
)
def test_distances_are_within_0_6_percent_of_the_ellipsoid(a, b, ellipsoid_m):
    assert metres(a, b) == pytest.approx(ellipsoid_m, rel=0.006)
    assert metres(b, a) == metres(a, b)


@given(anywhere, anywhere)
def test_distances_agree_with_another_implementation(a, b):
    other_m = h3.great_circle_distance((a.lat, a.lng), (b.lat, b.lng), unit="m")

    assert metres(a, b) == pytest.approx(other_m, rel=1e-5, abs=0.5)


def test_opposite_points_are_half_the_earth_apart():
    assert metres(Point(0, 0), Point(0, 180)) == pytest.approx(math.pi * EARTH_RADIUS_M)
    assert metres(Point(10, 20), Point(10, 20)) == 0


@given(anywhere, st.sampled_from([100, 300, 1000]))
@example(Point(90, 180), 300)
@example(Point(-90, -180), 300)
@example(Point(89.999, 179.999), 300)
def test_a_rounded_point_is_near_and_rounding_again_changes_nothing(point, size_m):
    centre = rounded(point, size_m)

    assert metres(point, centre) <= size_m * 0.71 + 0.2
    assert rounded(centre, size_m) == centre


@given(st.floats(31.9, 32.2), st.floats(118.6, 119.0), bearings, shares)
def test_a_square_of_300_m_hides_where_in_it_the_point_is(lat, lng, bearing, share):
    centre = rounded(Point(lat, lng), 300)

    inside = moved(centre, bearing, share * 149)

    assert rounded(inside, 300) == centre


def test_squares_are_300_m_wide_and_high_in_nanjing():
    start = rounded(Point(32.06, 118.79), 300)

    north = rounded(moved(start, 0, 300), 300)
    east = rounded(moved(start, math.pi / 2, 300), 300)

    # Each row of squares begins anew at Greenwich: the one to the north may stand a little to the side.
    assert metres(start, Point(north.lat, start.lng)) == pytest.approx(300, abs=1)
    assert metres(start, east) == pytest.approx(300, abs=1)


@pytest.mark.parametrize("size_m", [0, -300, 10_001])
def test_a_square_without_a_sensible_size_is_refused(size_m):
    with pytest.raises(ValueError, match="size_m must be"):
        rounded(Point(32.06, 118.79), size_m)


@settings(max_examples=400)
@given(anywhere, st.floats(0, 60_000), bearings, shares)
def test_no_cell_of_a_circle_is_missed_anywhere(centre, within_m, bearing, share):
    # The root spreads the points evenly over the circle's area.
    inside = moved(centre, bearing, within_m * math.sqrt(share))
    assume(metres(centre, inside) <= within_m)

    found = cells(centre, within_m)

    assert cell(inside) in found
    assert found[0] == cell(centre)
    assert len(set(found)) == len(found)


@settings(max_examples=400)
@given(st.sampled_from(PENTAGONS), bearings, st.floats(0, 60_000), st.floats(0, 60_000), bearings, shares)
def test_no_cell_is_missed_around_a_pentagon(pentagon, away, away_m, within_m, bearing, share):
    centre = moved(pentagon, away, away_m)
    inside = moved(centre, bearing, within_m * share)
    assume(metres(centre, inside) <= within_m)

    assert cell(inside) in cells(centre, within_m)


@given(st.floats(31.9, 32.2), st.floats(118.6, 119.0), st.sampled_from([6, 7, 9]), bearings, shares)
def test_no_cell_is_missed_at_finer_resolutions(lat, lng, resolution, bearing, share):
    centre, within_m = Point(lat, lng), 4_000 if resolution < 9 else 1_500
    inside = moved(centre, bearing, within_m * math.sqrt(share))
    assume(metres(centre, inside) <= within_m)

    assert cell(inside, resolution) in cells(centre, within_m, resolution)


@pytest.mark.parametrize("within_m", [500, 1_000, 4_000, 20_000])
def test_cells_that_the_circle_does_not_reach_are_left_out(within_m):
    """Each cell found has a point in reach: the circle's rim and inside, walked in fine steps, meet them all."""
    centre = Point(32.06, 118.79)

    found = set(cells(centre, within_m))

    steps = [within_m * ring / 40 for ring in range(1, 41)]
    walked = {cell(moved(centre, math.radians(turn), step)) for step in steps for turn in range(360)}
    assert found == walked | {cell(centre)}


@pytest.mark.parametrize("turn", range(6))
def test_a_cell_counts_from_the_metre_at_which_the_circle_reaches_it(turn):
    """From a cell's middle straight across a side: the point where the cell changes is found by halving."""
    centre = Point(*h3.cell_to_latlng(cell(Point(32.06, 118.79))))
    bearing = math.radians(23.5 + 60 * turn)
    inside_m, outside_m = 0.0, 15_000.0
    while outside_m - inside_m > 0.01:
        middle_m = (inside_m + outside_m) / 2
        if cell(moved(centre, bearing, middle_m)) == cell(centre):
            inside_m = middle_m
        else:
            outside_m = middle_m
    beyond = cell(moved(centre, bearing, outside_m))

    reached = cells(centre, outside_m)

    assert beyond in reached
    assert beyond not in cells(centre, outside_m * 0.8)


def test_a_circle_inside_one_cell_touches_that_cell_only():
    centre = Point(*h3.cell_to_latlng(cell(Point(32.06, 118.79))))

    assert cells(centre, 1_000) == [cell(centre)]


@pytest.mark.parametrize("within_m", [-1.0, math.nan, math.inf, 5_000_000.0])
def test_a_radius_that_cannot_be_searched_is_refused(within_m):
    with pytest.raises(ValueError, match="within_m"):
        cells(Point(32.06, 118.79), within_m)
