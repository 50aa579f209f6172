"""Checks of a boundary before a station gets it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.kit.errors import Invalid
from app.kit.geo import EARTH_RADIUS_M

MAX_VERTICES = 20_000
OVERLAP_TOLERANCE_M2 = 1_000.0
"""Two neighbours drawn from the same survey cross by slivers of rounding along a border; more is a mistake."""

_METRES_A_DEGREE = math.radians(EARTH_RADIUS_M)
_CHINA = (73.0, 3.0, 136.0, 54.0)  # west, south, east, north


def read_boundary(geojson: dict[str, Any]) -> BaseGeometry:
    """A Polygon or MultiPolygon in WGS-84, [longitude, latitude].

    Raises:
        Invalid: another kind, not a valid area, outside the world, or latitude and longitude swapped.
    """
    try:
        area = shape(geojson)
    except (ShapelyError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _refused("is no GeoJSON geometry: give a Polygon or MultiPolygon") from error
    if area.geom_type not in ("Polygon", "MultiPolygon"):
        raise _refused(f"is a {area.geom_type}: give a Polygon or MultiPolygon")
    if area.is_empty:
        raise _refused("holds no area: give at least three corners")
    if shapely.get_num_coordinates(area) > MAX_VERTICES:
        raise _refused(f"has more than {MAX_VERTICES} corners: simplify it")
    if not _inside(area, (-180.0, -90.0, 180.0, 90.0)) or (
        not _inside(area, _CHINA) and _inside(_swapped(area), _CHINA)
    ):
        raise _refused(
            "has latitude and longitude swapped, or lies outside the world: write [longitude, latitude]"
        )
    if not area.is_valid:
        raise _refused(
            f"is not a valid area ({shapely.is_valid_reason(area)}): its sides must not cross or fall together"
        )
    return area


def check_overlap(area: BaseGeometry, others: Iterable[tuple[str, BaseGeometry]]) -> None:
    """A point belongs to at most one station; a shared border is no overlap.

    Raises:
        Invalid: names the station that already has some of this area, and how many square metres.
    """
    for code, other in others:
        if not area.intersects(other):
            continue
        common = area.intersection(other)
        if common.is_empty or common.area == 0:
            continue
        square_m = common.area * _METRES_A_DEGREE**2 * math.cos(math.radians(common.centroid.y))
        if square_m > OVERLAP_TOLERANCE_M2:
            raise _refused(
                f"overlaps station {code} by {square_m:,.0f} m²: draw one of the two back to the border",
                station=code,
            )


def _inside(area: BaseGeometry, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = area.bounds
    return box[0] <= west and box[1] <= south and east <= box[2] and north <= box[3]


def _swapped(area: BaseGeometry) -> BaseGeometry:
    return shapely.transform(area, lambda xy: xy[:, ::-1])


def _refused(what: str, **facts: object) -> Invalid:
    return Invalid(f"boundary: it {what}", field="boundary", **facts)
