"""WGS-84 to GCJ-02 and back: WeChat's location messages speak GCJ-02.

The published formulas of the Chinese grid shift, on the ellipsoid of Krasovsky 1940.
"""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

_AXIS_M = 6_378_245.0
_E2 = 0.006_693_421_622_965_943


def wgs84_to_gcj02(lat: float, lng: float) -> tuple[float, float]:
    """Degrees in, degrees out, (lat, lng); unchanged outside the rectangle around China."""
    if not (72.004 <= lng <= 137.8347 and 0.8293 <= lat <= 55.8271):
        return lat, lng
    north_m, east_m = _shift_m(lng - 105.0, lat - 35.0)
    w = sqrt(1 - _E2 * sin(radians(lat)) ** 2)
    metres_per_radian_north = _AXIS_M * (1 - _E2) / w**3
    metres_per_radian_east = _AXIS_M / w * cos(radians(lat))
    return (
        lat + north_m / metres_per_radian_north * 180 / pi,
        lng + east_m / metres_per_radian_east * 180 / pi,
    )


def gcj02_to_wgs84(lat: float, lng: float) -> tuple[float, float]:
    """The point that shifts to this one, to 1e-9 degrees; there is no closed form."""
    at = lat, lng
    for _ in range(30):
        shifted = wgs84_to_gcj02(*at)
        off = shifted[0] - lat, shifted[1] - lng
        at = at[0] - off[0], at[1] - off[1]
        if max(map(abs, off)) < 1e-9:
            break
    return at


def _shift_m(x: float, y: float) -> tuple[float, float]:
    """(north, east) in metres, for degrees east of 105 and north of 35."""

    def waves(t: float, *terms: tuple[float, float]) -> float:
        return sum(weight * sin(rate * t * pi) for weight, rate in terms) * 2 / 3

    ripple = waves(x, (20, 6), (20, 2))
    root = sqrt(abs(x))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north += waves(y, (20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east += waves(x, (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30))
    return north, east
