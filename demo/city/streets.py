"""Streets to patrol: the named roads of a station, joined by side streets that are made up.

Plane metres throughout. Nobody's patrol crosses water, the hill (except on a named road) or a border.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

Spot = tuple[float, float]

BLOCK_M = 230.0
ROAD_STEP_M = 120.0
_BORDER_M = 30.0
_SIDE_STREET_COSTS = 1.6  # so that patrols keep to named roads where there are any
_LONGEST_LINK_M = 300.0


@dataclass(slots=True)
class Streets:
    """A graph of corners: for each, its neighbours and what a metre-weighted step there costs."""

    steps: dict[Spot, dict[Spot, float]] = field(default_factory=dict)

    def join(self, a: Spot, b: Spot, *, weight: float) -> None:
        """A street between two corners, both ways; the cheaper of two stays."""
        cost = math.dist(a, b) * weight
        for start, end in ((a, b), (b, a)):
            known = self.steps.setdefault(start, {})
            known[end] = min(cost, known.get(end, math.inf))

    def connected(self) -> Streets:
        """The largest part in which every corner reaches every other."""
        left, best = dict.fromkeys(self.steps), set[Spot]()
        while left:
            found, todo = set[Spot](), [next(iter(left))]
            while todo:
                corner = todo.pop()
                if corner not in found:
                    found.add(corner)
                    todo.extend(self.steps[corner])
            left = dict.fromkeys(corner for corner in left if corner not in found)
            best = max(best, found, key=len)
        return Streets({corner: steps for corner, steps in self.steps.items() if corner in best})

    def way(self, start: Spot, end: Spot) -> list[Spot]:
        """The cheapest way (Dijkstra), both ends included."""
        came: dict[Spot, Spot] = {}
        paid = {start: 0.0}
        todo = [(0.0, start)]
        while todo:
            cost, corner = heapq.heappop(todo)
            if corner == end:
                break
            for following, step in self.steps[corner].items():
                if cost + step < paid.get(following, math.inf):
                    paid[following], came[following] = cost + step, corner
                    heapq.heappush(todo, (cost + step, following))
        way = [end]
        while way[-1] != start:
            way.append(came[way[-1]])
        return way[::-1]

    def loop(self, chance: Random, *, at_least_m: float) -> list[Spot]:
        """A closed patrol by chance through three corners that are well apart; the first spot ends it too."""
        corners = sorted(self.steps)
        best: list[Spot] = []
        for _ in range(40):
            a, b, c = chance.sample(corners, 3)
            best = [*self.way(a, b), *self.way(b, c)[1:], *self.way(c, a)[1:]]
            if (
                LineString(best).length >= at_least_m
                and min(math.dist(a, b), math.dist(b, c), math.dist(c, a)) > 400
            ):
                break
        return best


def lay(
    area: BaseGeometry, roads: list[LineString], *, water: BaseGeometry, hill: BaseGeometry, chance: Random
) -> Streets:
    """The streets of one station's area."""
    dry = area.buffer(-_BORDER_M).difference(water.buffer(15))
    built = dry.difference(hill)
    shapely.prepare(dry)
    shapely.prepare(built)
    streets = Streets()
    corners = _side_streets(streets, built, chance)
    named = _named_roads(streets, dry, roads)
    for spot in named:
        near = min(corners, key=lambda corner: math.dist(corner, spot), default=None)
        if near and math.dist(near, spot) < _LONGEST_LINK_M and built.covers(LineString([near, spot])):
            streets.join(near, spot, weight=_SIDE_STREET_COSTS)
    return streets.connected()


def _side_streets(streets: Streets, built: BaseGeometry, chance: Random) -> list[Spot]:
    west, south, east, north = built.bounds
    laid: dict[tuple[int, int], Spot] = {}
    for column in range(math.ceil((east - west) / BLOCK_M)):
        for row in range(math.ceil((north - south) / BLOCK_M)):
            bend_m = BLOCK_M * 0.22
            spot = (
                west + (column + 0.5) * BLOCK_M + chance.uniform(-bend_m, bend_m),
                south + (row + 0.5) * BLOCK_M + chance.uniform(-bend_m, bend_m),
            )
            if built.covers(Point(spot)):
                laid[column, row] = spot
    for (column, row), spot in laid.items():
        for place in ((column + 1, row), (column, row + 1)):
            other = laid.get(place)
            if other and built.covers(LineString([spot, other])):
                streets.join(spot, other, weight=_SIDE_STREET_COSTS)
    return list(laid.values())


def _named_roads(streets: Streets, dry: BaseGeometry, roads: list[LineString]) -> list[Spot]:
    named: dict[Spot, None] = {}
    for road in roads:
        for piece in shapely.get_parts(road.segmentize(ROAD_STEP_M).intersection(dry)):
            if piece.geom_type != "LineString":
                continue
            for start, end in pairwise(piece.coords):
                streets.join(start, end, weight=1.0)
                named |= {start: None, end: None}
    _crossings(streets, list(named), dry)
    return list(named)


def _crossings(streets: Streets, named: list[Spot], dry: BaseGeometry) -> None:
    """Two roads that meet share no corner: near corners of both are joined."""
    for place, spot in enumerate(named):
        for other in named[place + 1 :]:
            if math.dist(spot, other) < ROAD_STEP_M * 0.75 and dry.covers(LineString([spot, other])):
                streets.join(spot, other, weight=1.0)
