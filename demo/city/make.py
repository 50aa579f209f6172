"""Writes city.json from the district's outline and the sketch: `python -m demo.city.make [FILE]`.

The same sources give the same bytes: chance has a fixed seed and all that is written lies on a grid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import shapely
from shapely.geometry import LineString, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from demo.city import area, geography
from demo.city.geography import Named
from demo.city.streets import lay

HERE = Path(__file__).parent
OFFICERS = 60
CITIZENS = 200
SHORTEST_LOOP_M = 1_500.0
SHORTEST_BORDER_M = 5.0
_SEED = "玄武"
_FICTIONAL = "（虚构）"
NOTICE = (
    "Fictional stations, people, numbers and borders on a sketch of Xuanwu, Nanjing; the places exist, "
    "drawn from memory to about 300 m. For demonstration only."
)


def main() -> None:
    """Write the city; where is the first argument, else city.json beside this file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "city.json"
    target.write_text(render(), "utf-8")
    print(f"{target}: {target.stat().st_size:,} bytes")


def render() -> str:
    """The whole file: one object a line, so that a change can be read."""
    parts = [f'"{key}": {_lines(value)}' for key, value in make().items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def make() -> dict[str, Any]:
    """The city as JSON: notice, stations, officers, citizens, places and base map (GeoJSON)."""
    district = area.read_district(json.loads((HERE / "xuanwu.geojson").read_text("utf-8")))
    areas = area.partition(district, [desk for *_, desk in geography.STATIONS])
    codes = [code for code, *_ in geography.STATIONS]
    by_code = dict(zip(codes, areas, strict=True))
    chance = Random(_SEED)
    names = [(s + g, f"{g_en} {s_en}") for s, s_en in geography.SURNAMES for g, g_en in geography.GIVEN]
    people = chance.sample(names, OFFICERS + CITIZENS)
    return {
        "notice": NOTICE,
        "fictional": True,
        "stations": _stations(by_code),
        "officers": _officers(by_code, people[:OFFICERS], chance),
        "citizens": _citizens(by_code, people[OFFICERS:], chance),
        "places": [_place(place, by_code) for place in geography.PLACES],
        "base_map": _base_map(district),
    }


def _stations(areas: dict[str, Polygon]) -> list[dict[str, Any]]:
    code, name, name_en, desk = geography.COMMAND
    made: list[dict[str, Any]] = [
        {
            "code": code, "name": name, "name_en": name_en, "phone": "025-0000-0000", "is_command": True,
            "parent": None, "neighbours": [], "desk": list(desk), "boundary": None,
        }
    ]  # fmt: skip
    for place, (code, name, name_en, desk) in enumerate(geography.STATIONS, start=1):
        made.append({
            "code": code, "name": f"{name}派出所{_FICTIONAL}", "name_en": f"{name_en} Police Station (fictional)",
            "phone": f"025-0000-{place:04}", "is_command": False, "parent": geography.COMMAND[0],
            "neighbours": _neighbours(code, areas), "desk": list(desk),
            "boundary": {"type": "Polygon", "coordinates": [[list(pair) for pair in areas[code].exterior.coords]]},
        })  # fmt: skip
    return made


def _neighbours(code: str, areas: dict[str, Polygon]) -> list[str]:
    """Codes of those with a common border, the longest first."""
    borders = [(area.border_m(areas[code], other), name) for name, other in areas.items() if name != code]
    return [name for length_m, name in sorted(borders, reverse=True) if length_m > SHORTEST_BORDER_M]


def _officers(
    areas: dict[str, Polygon], people: list[tuple[str, str]], chance: Random
) -> list[dict[str, Any]]:
    water, hill = _flat_area(geography.LAKE), _flat_area(geography.MOUNTAIN)
    roads = [LineString([area.flat(*pair) for pair in road.course]) for road in geography.ROADS]
    streets = {
        code: lay(area.flattened(part), roads, water=water, hill=hill, chance=chance)
        for code, part in areas.items()
    }
    made = []
    for place, (name, name_en) in enumerate(people):
        code = list(areas)[place % len(areas)]
        loop = streets[code].loop(chance, at_least_m=SHORTEST_LOOP_M)
        made.append({
            "badge": f"DEMO-{place + 1:03}", "station": code, "name": name + _FICTIONAL, "name_en": f"{name_en} (fictional)",
            "patrol": [list(area.degrees(*spot)) for spot in loop],
        })  # fmt: skip
    return made


def _citizens(
    areas: dict[str, Polygon], people: list[tuple[str, str]], chance: Random
) -> list[dict[str, Any]]:
    nobody_lives = shapely.union_all([_flat_area(geography.LAKE).buffer(30), _flat_area(geography.MOUNTAIN)])
    homes = {code: area.flattened(part).buffer(-20).difference(nobody_lives) for code, part in areas.items()}
    sizes = [home.area for home in homes.values()]
    made = []
    for place, (name, name_en) in enumerate(people, start=1):
        code = chance.choices(list(homes), sizes)[0]
        made.append({
            "id": f"citizen-{place:03}", "station": code, "name": name + _FICTIONAL, "name_en": f"{name_en} (fictional)",
            "home": list(area.degrees(*_spot_in(homes[code], chance))),
        })  # fmt: skip
    return made


def _spot_in(home: BaseGeometry, chance: Random) -> tuple[float, float]:
    west, south, east, north = home.bounds
    while True:
        spot = chance.uniform(west, east), chance.uniform(south, north)
        if home.covers(Point(spot)):
            return spot


def _flat_area(outline: Named) -> Polygon:
    return Polygon([area.flat(*pair) for pair in outline.course])


def _place(place: Named, areas: dict[str, Polygon]) -> dict[str, Any]:
    at = Point(place.course[0])
    station = min(areas, key=lambda code: (areas[code].distance(at), code))
    return {
        "kind": place.kind, "name": place.name, "name_en": place.name_en, "station": station,
        "at": list(place.course[0]),
    }  # fmt: skip


def _base_map(district: Polygon) -> list[dict[str, Any]]:
    outline = _feature("district", "玄武区（示意）", "Xuanwu District (sketch)", district)
    areas = [
        _feature(one.kind, one.name, one.name_en, Polygon(one.course))
        for one in (geography.MOUNTAIN, geography.LAKE)
    ]
    ways = []
    for one in (*geography.ROADS, *geography.METRO):
        inside = LineString(one.course).intersection(district)
        if not inside.is_empty:
            ways.append(_feature(one.kind, one.name, one.name_en, inside))
    return [outline, *areas, *ways]


def _feature(kind: str, name: str, name_en: str, shape: BaseGeometry) -> dict[str, Any]:
    drawn = shapely.transform(shape, lambda pairs: pairs.round(6))
    return {
        "type": "Feature",
        "properties": {"kind": kind, "name": name, "name_en": name_en, "sketch": True},
        "geometry": mapping(drawn),
    }


def _lines(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return (
        "[\n"
        + ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in value)
        + "\n]"
    )


if __name__ == "__main__":
    main()
