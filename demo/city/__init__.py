"""The demo's city: Xuanwu with fictional stations, officers and citizens, read from city.json.

All of it is made by `demo.city.make` and marked fictional. Places are WGS-84 degrees.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "city.json"


@dataclass(frozen=True, slots=True)
class Spot:
    """WGS-84 degrees."""

    lat: float
    lng: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A fictional station, or the command centre, which has no boundary and no parent.

    `boundary` is a GeoJSON Polygon ([lng, lat]); `neighbours` are codes, the longest common border first.
    """

    code: str
    name: str
    name_en: str
    phone: str
    is_command: bool
    parent: str | None
    neighbours: tuple[str, ...]
    desk: Spot
    boundary: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A fictional officer and the loop of the patrol: its last spot is its first."""

    badge: str
    station: str
    name: str
    name_en: str
    patrol: tuple[Spot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """A fictional citizen; `station` is where the home lies."""

    id: str
    station: str
    name: str
    name_en: str
    home: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A public place that exists, roughly where it stands. `kind`: park, landmark, metro_exit."""

    kind: str
    name: str
    name_en: str
    station: str
    at: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The whole city. `base_map` are GeoJSON features, each with kind, name and name_en."""

    notice: str
    stations: tuple[Station, ...]
    officers: tuple[Officer, ...]
    citizens: tuple[Citizen, ...]
    places: tuple[Place, ...]
    base_map: tuple[Mapping[str, Any], ...]

    def sketch_map(self) -> dict[str, Any]:
        """A GeoJSON FeatureCollection to draw: the base map, then named places and desks as points."""
        spots = [(place.kind, place.name, place.name_en, place.at) for place in self.places]
        spots += [("desk", station.name, station.name_en, station.desk) for station in self.stations]
        points = [
            {
                "type": "Feature",
                "properties": {"kind": kind, "name": name, "name_en": name_en, "sketch": True},
                "geometry": {"type": "Point", "coordinates": [at.lng, at.lat]},
            }
            for kind, name, name_en, at in spots
        ]
        return {"type": "FeatureCollection", "notice": self.notice, "features": [*self.base_map, *points]}


def load_city(file: Path = FILE) -> City:
    """The city as it was committed.

    Raises:
        FileNotFoundError: make it with `python -m demo.city.make`.
    """
    read = json.loads(file.read_text("utf-8"))
    return City(
        notice=read["notice"],
        stations=tuple(_station(each) for each in read["stations"]),
        officers=tuple(
            Officer(**{**each, "patrol": tuple(_spot(pair) for pair in each["patrol"])})
            for each in read["officers"]
        ),
        citizens=tuple(Citizen(**{**each, "home": _spot(each["home"])}) for each in read["citizens"]),
        places=tuple(Place(**{**each, "at": _spot(each["at"])}) for each in read["places"]),
        base_map=tuple(read["base_map"]),
    )


def _station(each: dict[str, Any]) -> Station:
    return Station(**{**each, "neighbours": tuple(each["neighbours"]), "desk": _spot(each["desk"])})


def _spot(pair: list[float]) -> Spot:
    lng, lat = pair
    return Spot(lat=lat, lng=lng)
