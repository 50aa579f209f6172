"""Who has which part of the district: Voronoi cells around the desks, cut to one exact partition."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import shapely
from shapely.affinity import affine_transform
from shapely.geometry import LineString, MultiPoint, Point, Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize, unary_union

Shape = TypeVar("Shape", bound=BaseGeometry)

ORIGIN = (118.84, 32.06)
"""(lng, lat) of the plane's zero."""
GRID_DEG = 1e-6
_METRES_LAT = math.radians(6_371_008.8)
_METRES_LNG = _METRES_LAT * math.cos(math.radians(ORIGIN[1]))


def flat(lng: float, lat: float) -> tuple[float, float]:
    """Degrees to metres east and north of the origin; true to 0.1 % within the district."""
    return (lng - ORIGIN[0]) * _METRES_LNG, (lat - ORIGIN[1]) * _METRES_LAT


def degrees(east_m: float, north_m: float) -> tuple[float, float]:
    """Metres from the origin to (lng, lat), on the 1e-6 grid of all that is written."""
    return round(ORIGIN[0] + east_m / _METRES_LNG, 6), round(ORIGIN[1] + north_m / _METRES_LAT, 6)


def flattened(area: Shape) -> Shape:
    """A geometry in degrees as one in metres."""
    east, north = -ORIGIN[0] * _METRES_LNG, -ORIGIN[1] * _METRES_LAT
    return affine_transform(area, [_METRES_LNG, 0, 0, _METRES_LAT, east, north])


def read_district(geojson: dict[str, Any]) -> Polygon:
    """The one polygon of the district's file, in degrees.

    Raises:
        ValueError: the file holds more than one area, or none.
    """
    parts = shapely.get_parts(shape(geojson["features"][0]["geometry"]))
    if len(parts) != 1 or not isinstance(parts[0], Polygon):
        raise ValueError(f"xuanwu.geojson must hold one polygon, not {len(parts)} parts")
    return parts[0]


def partition(district: Polygon, desks: list[tuple[float, float]]) -> list[Polygon]:
    """One polygon in degrees for each desk, in order: no gap, no overlap, corners shared to the last digit.

    Each holds what is nearest to its desk; a piece that the district's outline cuts off from its desk goes to
    the neighbour with the longest common border.
    """
    spots = [flat(*desk) for desk in desks]
    around = flattened(district).buffer(5_000)
    sides = shapely.voronoi_polygons(MultiPoint(spots), extend_to=around, only_edges=True)
    lines = [
        LineString([degrees(*pair) for pair in side.coords])
        for side in shapely.get_parts(shapely.line_merge(sides))
    ]
    drawn = shapely.set_precision(unary_union([district.exterior, *lines]), GRID_DEG)
    inside = district.buffer(GRID_DEG)
    faces = [face for face in polygonize(drawn) if inside.contains(face.representative_point())]
    faces.sort(key=lambda face: tuple(_ordered(face).exterior.coords))
    return _gathered(faces, spots, desks)


def _gathered(
    faces: list[Polygon], spots: list[tuple[float, float]], desks: list[tuple[float, float]]
) -> list[Polygon]:
    areas: dict[int, Polygon] = {}
    cut_off: list[Polygon] = []
    for face in faces:
        middle = flattened(face.representative_point()).coords[0]
        owner = min(range(len(spots)), key=lambda place: math.dist(spots[place], middle))
        if face.covers(Point(desks[owner])):
            areas[owner] = face
        else:
            cut_off.append(face)
    while cut_off:
        reach = [
            (border_m(face, area), place, owner)
            for place, face in enumerate(cut_off)
            for owner, area in areas.items()
        ]
        _, place, owner = max(reach)
        joined = areas[owner].union(cut_off.pop(place))
        if not isinstance(joined, Polygon):
            raise ValueError(f"a piece of the district touches no station's area: {joined.wkt[:80]}")
        areas[owner] = joined
    return [_ordered(areas[owner]) for owner in range(len(desks))]


def _ordered(area: Polygon) -> Polygon:
    """The same area with its corners always in the same order."""
    ordered = area.normalize()
    assert isinstance(ordered, Polygon)
    return ordered


def border_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Length of the common border in metres; 0 for those that meet in a point or not at all."""
    return float(flattened(one.intersection(other)).length)
