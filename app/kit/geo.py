"""Points on the earth: WGS-84 inside, GCJ-02 (Chinese maps, WeChat) at the edges, two different types.

The conversion follows the published GCJ-02 formulas (ellipsoid of Krasovsky 1940); its inverse has no
closed form and is iterated. tests/vectors/coordinates.json holds vectors for every client.

The rectangle in which GCJ-02 shifts also covers neighbouring countries whose maps are not shifted: convert
by the datum that the source declares, once, at the door; never by where a point lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import h3

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of WGS-84 (IUGG)."""
_AXIS_M = 6_378_245.0
_ECCENTRICITY_2 = 0.00669342162296594323
_CONVERGED_DEG = 1e-10  # so that rounding of the last step stays under 1e-9
_MOST_ROUNDS = 30
_SLACK_M = 2.0  # a cell's corners and a stored position (Valkey's geohash: 0.6 m) are rounded
_MOST_CELLS_AWAY = 50

_Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """WGS-84 degrees: lat -90..90, lng -180..180.

    Raises:
        ValueError: not finite, or out of range; says which.
    """

    lat: float
    lng: float

    def __post_init__(self) -> None:
        _check(self.lat, self.lng)

    def to_gcj02(self) -> Gcj02:
        """The same place as Chinese maps draw it; unchanged outside the rectangle around China."""
        if not _in_rectangle(self.lat, self.lng):
            return Gcj02(self.lat, self.lng)
        return Gcj02(*_shifted(self.lat, self.lng))


@dataclass(frozen=True, slots=True)
class Gcj02:
    """GCJ-02 degrees, as Tencent's and AMap's maps and WeChat's location messages have them.

    Raises:
        ValueError: not finite, or out of range; says which.
    """

    lat: float
    lng: float

    def __post_init__(self) -> None:
        _check(self.lat, self.lng)

    def to_wgs84(self) -> Point:
        """The WGS-84 point that shifts to this one, to 1e-9 degrees (0.1 mm).

        Unchanged outside the rectangle around China. Within 1 km of the rectangle's sides, at sea or abroad,
        there may be no such point or two: the answer is then within one shift (1 km) of either.
        """
        if not _in_rectangle(self.lat, self.lng):
            return Point(self.lat, self.lng)
        # Without the rectangle in between: at its sides the shift jumps, and the rounds would not settle.
        lat, lng = self.lat, self.lng
        for _ in range(_MOST_ROUNDS):
            shifted_lat, shifted_lng = _shifted(lat, lng)
            d_lat, d_lng = shifted_lat - self.lat, shifted_lng - self.lng
            lat, lng = lat - d_lat, lng - d_lng
            if max(abs(d_lat), abs(d_lng)) < _CONVERGED_DEG:
                break
        return Point(lat, lng)


def _check(lat: float, lng: float) -> None:
    if not (math.isfinite(lat) and -90 <= lat <= 90):
        raise ValueError(f"lat must be -90 to 90 degrees, not {lat}")
    if not (math.isfinite(lng) and -180 <= lng <= 180):
        raise ValueError(f"lng must be -180 to 180 degrees, not {lng}")


def _in_rectangle(lat: float, lng: float) -> bool:
    return 72.004 <= lng <= 137.8347 and 0.8293 <= lat <= 55.8271


def _shifted(lat: float, lng: float) -> tuple[float, float]:
    x, y = lng - 105.0, lat - 35.0
    wave = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    radians = math.radians(lat)
    magic = 1 - _ECCENTRICITY_2 * math.sin(radians) ** 2
    root = math.sqrt(magic)
    d_lat = north * 180 / ((_AXIS_M * (1 - _ECCENTRICITY_2)) / (magic * root) * math.pi)
    d_lng = east * 180 / (_AXIS_M / root * math.cos(radians) * math.pi)
    return lat + d_lat, lng + d_lng


def metres(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine on the mean sphere).

    Within 0.6 % of the distance on the WGS-84 ellipsoid, whose radii of curvature run from 6,335 to 6,400 km.
    """
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lng - a.lng) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def rounded(point: Point, size_m: int) -> Point:
    """For privacy: the centre of the grid square of `size_m` metres (up to 10,000) that holds the point.

    Every point of a square gives the same answer, at most size_m * 0.71 (half the diagonal) away: 213 m for
    300 m. Rounding again changes nothing. Squares are measured from the equator and Greenwich; above 89
    degrees of latitude they are narrower.

    Raises:
        ValueError: size_m is out of range.
    """
    if not 1 <= size_m <= 10_000:
        raise ValueError(f"size_m must be 1 to 10,000 metres, not {size_m}")
    step_lat = math.degrees(size_m / EARTH_RADIUS_M)
    lat = (math.floor(point.lat / step_lat) + 0.5) * step_lat
    lat = max(-90.0, min(90.0, lat))
    step_lng = step_lat / max(0.01, math.cos(math.radians(lat)))
    lng = (math.floor(point.lng / step_lng) + 0.5) * step_lng
    return Point(round(lat, 6), round(max(-180.0, min(180.0, lng)), 6))


def cell(point: Point, resolution: int = 5) -> str:
    """The H3 cell that holds the point; one of resolution 5 has about 250 km2 and sides of 10 km."""
    return str(h3.latlng_to_cell(point.lat, point.lng, resolution))


def cells(point: Point, within_m: float, resolution: int = 5) -> list[str]:
    """Every H3 cell that the circle of `within_m` metres around the point touches, the point's own first.

    Complete: each point at most within_m away, by `metres`, lies in one of them. A cell up to 2 m beyond
    the circle may be among them.

    Raises:
        ValueError: within_m is negative, not finite, or over 50 cells wide (500 km at resolution 5).
    """
    if not 0 <= within_m < math.inf:
        raise ValueError(f"within_m must be 0 metres or more, not {within_m}")
    own = cell(point, resolution)
    # Grid steps are at least 1.5 sides long where cells have average size, and cells shrink to 0.6 of it.
    reach = 2 + math.ceil(within_m / h3.average_hexagon_edge_length(resolution, unit="m"))
    if reach > _MOST_CELLS_AWAY:
        raise ValueError(
            f"within_m {within_m} spans over {_MOST_CELLS_AWAY} cells of resolution {resolution}: take a coarser one"
        )
    at, limit_m = _vector(point.lat, point.lng), within_m + _SLACK_M
    others = (name for name in h3.grid_disk(own, reach) if name != own)
    return [own, *(name for name in others if _touches(at, limit_m, name))]


def _touches(at: _Vector, limit_m: float, name: str) -> bool:
    centre, radius_m, corners = _shape(name)
    if _apart_m(at, centre) > limit_m + radius_m:
        return False
    return any(_from_side_m(at, start, end) <= limit_m for start, end in pairwise(corners))


@lru_cache(maxsize=4096)
def _shape(name: str) -> tuple[_Vector, float, tuple[_Vector, ...]]:
    """A cell's centre, the circle around it in metres, and its corners, the first again at the end."""
    centre = _vector(*h3.cell_to_latlng(name))
    corners = tuple(_vector(lat, lng) for lat, lng in h3.cell_to_boundary(name))
    return centre, max(_apart_m(centre, corner) for corner in corners), (*corners, corners[0])


def _from_side_m(at: _Vector, start: _Vector, end: _Vector) -> float:
    """Distance from a point to the arc of a great circle between two corners, in metres."""
    normal = _cross(start, end)
    across = _dot(normal, at) / math.sqrt(_dot(normal, normal))
    if _dot(_cross(normal, start), at) >= 0 >= _dot(_cross(normal, end), at):
        return EARTH_RADIUS_M * abs(math.asin(max(-1.0, min(1.0, across))))
    return min(_apart_m(at, start), _apart_m(at, end))


def _apart_m(a: _Vector, b: _Vector) -> float:
    # By the chord: exact for near points, where the arc cosine of the product is not.
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.dist(a, b) / 2))


def _vector(lat: float, lng: float) -> _Vector:
    north, east = math.radians(lat), math.radians(lng)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def _dot(a: _Vector, b: _Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: _Vector, b: _Vector) -> _Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
