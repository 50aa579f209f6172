"""Ways through the city at run time: everything that is patrolled is a road, near corners of two loops are joined."""

from __future__ import annotations

import math
from itertools import pairwise

from demo.city import City, Spot
from demo.city.area import flat
from demo.city.streets import Streets

LINK_M = 260.0
"""Loops of neighbouring stations end 60 m apart at least; longer links could cross the lake."""
LINK_COSTS = 1.4

Corner = tuple[float, float]


def metres(one: Spot, other: Spot) -> float:
    """Metres between two places, true to 0.1 % within the district."""
    return math.dist(flat(one.lng, one.lat), flat(other.lng, other.lat))


def between(one: Spot, other: Spot, share: float) -> Spot:
    """The place at `share` (0 to 1) of the straight line."""
    return Spot(
        lat=one.lat + (other.lat - one.lat) * share,
        lng=one.lng + (other.lng - one.lng) * share,
    )


class Roads:
    """The city's roads, joined into one graph."""

    def __init__(self, city: City) -> None:
        streets, self._spots = Streets(), dict[Corner, Spot]()
        for officer in city.officers:
            for one, other in pairwise(officer.patrol):
                streets.join(self._corner(one), self._corner(other), weight=1.0)
        corners = list(self._spots)
        for place, one_corner in enumerate(corners):
            for other_corner in corners[place + 1 :]:
                if math.dist(one_corner, other_corner) < LINK_M:
                    streets.join(one_corner, other_corner, weight=LINK_COSTS)
        self._streets = _bridged(streets)

    def _corner(self, spot: Spot) -> Corner:
        corner = flat(spot.lng, spot.lat)
        self._spots[corner] = spot
        return corner

    def way(self, start: Spot, end: Spot) -> list[Spot]:
        """The cheapest way by road, from `start` to `end`, both included."""
        corners = self._streets.way(self._nearest(start), self._nearest(end))
        return [start, *(self._spots[corner] for corner in corners), end]

    def _nearest(self, spot: Spot) -> Corner:
        here = flat(spot.lng, spot.lat)
        return min(self._streets.steps, key=lambda corner: math.dist(corner, here))


def _bridged(streets: Streets) -> Streets:
    """All parts joined into one, each to the rest by its shortest bridge."""
    whole = streets.connected()
    while left := streets.steps.keys() - whole.steps.keys():
        pairs = ((one, other) for one in sorted(left) for other in whole.steps)
        streets.join(*min(pairs, key=lambda pair: math.dist(*pair)), weight=LINK_COSTS)
        whole = streets.connected()
    return whole


class Walker:
    """Somebody who moves along a path, at a speed in m/s; at its end they stand, or start over on a loop."""

    def __init__(self, path: list[Spot], *, speed_mps: float, loop: bool) -> None:
        self.at = path[0]
        self.take(path, speed_mps=speed_mps, loop=loop)

    def take(self, path: list[Spot], *, speed_mps: float, loop: bool = False) -> None:
        """Follow another path from now on; a loop ends where it begins."""
        self._path, self._speed_mps, self._loop = path, speed_mps, loop
        self._next = 0

    @property
    def stands(self) -> bool:
        """Whether the path has ended."""
        return self._next >= len(self._path)

    def advance(self, seconds: float) -> None:
        """Move on by as many seconds."""
        left_m = seconds * self._speed_mps
        while left_m > 0 and not self.stands:
            target = self._path[self._next]
            far_m = metres(self.at, target)
            if far_m > left_m:
                self.at = between(self.at, target, left_m / far_m)
                return
            self.at, left_m, self._next = target, left_m - far_m, self._next + 1
            if self.stands and self._loop and len(self._path) > 1:
                self._next = 1

    def left_m(self) -> float:
        """Metres of the path still ahead; of a loop, of this round."""
        ahead = [self.at, *self._path[self._next :]]
        return sum(metres(one, other) for one, other in pairwise(ahead))
