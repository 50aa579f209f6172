"""Places that people call by name: kept per station by its administrators, matched with the words of a chat.

All of them are in memory, as the stations are. Matching is by the whole name or an alias standing in the words;
where a place alone was asked for, also by pairs of letters, so that a slip of the pen is no stranger.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text

from app.events.record import record
from app.kit.database import Db
from app.kit.errors import Invalid, NotFound
from app.kit.geo import Point
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.stations.admin import STATIONS_CHANGED
from app.stations.registry import Registry, registry

PLACES_MAX = 5000
"""Of one station. Among 10,000 names a match takes well under a millisecond."""
NAME_MAX, ALIASES_MAX = 60, 10
CSV_MAX = 200_000
COLUMNS = ("name", "aliases", "lat", "lng")
CANDIDATES = 3
ALIKE = 0.6
"""The share of a name's pairs of letters that must stand in the words."""
SHORT = 24
"""Letters of a text that is a place and hardly anything else."""

_HOUSE = re.compile(
    r"(?:no\.?|#)?[0-9]+(?:号楼|号|弄|栋|幢|座|单元|室|楼|层|f\b)?|[a-z]座|[一二三四五六七八九十]+(?:号楼|号|弄|栋|幢|单元|室|楼|层)"
)
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A place by name. `at` is WGS-84."""

    id: UUID
    station_id: UUID
    name: str
    aliases: tuple[str, ...]
    at: Point


@dataclass(frozen=True, slots=True)
class PlaceGiven:
    """One line of an import."""

    name: str
    aliases: tuple[str, ...]
    at: Point


@dataclass(frozen=True, eq=False, slots=True)
class _Name:
    """A name or an alias, ready for matching."""

    folded: str
    pairs: frozenset[str]
    place: KnownPlace


class Places:
    """All places at one moment, ready for matching. Immutable."""

    def __init__(self, places: Sequence[KnownPlace]) -> None:
        self._by_id = {place.id: place for place in places}
        self._starting: dict[str, list[_Name]] = {}
        self._holding: dict[str, list[_Name]] = {}
        for place in places:
            for folded in {_folded(name) for name in (place.name, *place.aliases)}:
                self._keep(_Name(folded, _pairs(folded), place))

    def _keep(self, name: _Name) -> None:
        if len(name.folded) < 2:
            return
        self._starting.setdefault(name.folded[:2], []).append(name)
        for pair in name.pairs:
            self._holding.setdefault(pair, []).append(name)

    def get(self, place_id: UUID) -> KnownPlace | None:
        """The place of this id, if it is still there."""
        return self._by_id.get(place_id)

    def match(self, words: str, *, alike: bool = False) -> list[KnownPlace]:
        """At most three places that the words name, the likeliest first; house numbers do not matter.

        `alike`: also names that the words only resemble, for words that are a place and nothing else.
        """
        said = _folded(words)
        found = [(1.0 + len(name.folded), name) for name in self._standing_in(said)]
        if alike and 1 < len(said) <= SHORT:
            found += self._alike(said)
        best: dict[UUID, tuple[float, _Name]] = {}
        for score, name in found:
            if score > best.get(name.place.id, (0.0, name))[0]:
                best[name.place.id] = (score, name)
        ranked = sorted(best.values(), key=lambda one: (-one[0], one[1].place.name, one[1].place.id))
        certain = [name.folded for score, name in ranked if score >= 1]
        return [name.place for score, name in ranked if _stands(score, name.folded, certain)][:CANDIDATES]

    def _standing_in(self, said: str) -> list[_Name]:
        """Names that stand in the words, each found by its first two letters."""
        return [
            name
            for at in range(len(said) - 1)
            for name in self._starting.get(said[at : at + 2], ())
            if said.startswith(name.folded, at)
        ]

    def _alike(self, said: str) -> list[tuple[float, _Name]]:
        """Names that the words are a part of, or share most of their pairs of letters with; below 1."""
        shared = Counter(name for pair in _pairs(said) for name in self._holding.get(pair, ()))
        scored = [(_likeness(name, said, count), name) for name, count in shared.items()]
        return [(score, name) for score, name in scored if score >= ALIKE]


def _likeness(name: _Name, said: str, shared: int) -> float:
    if len(said) > 2 and said in name.folded:
        return 0.99
    return min(shared / len(name.pairs), 0.98) if len(name.folded) > 2 else 0.0


def _stands(score: float, name: str, certain: list[str]) -> bool:
    """Words that say the park's gate do not mean the park, whose name stands in it; the park may mean its gate."""
    if score < 1:
        return not certain or any(shorter in name for shorter in certain)
    return not any(name != longer and name in longer for longer in certain)


def _folded(words: str) -> str:
    """Small letters and signs of one width, without spaces, punctuation and house numbers."""
    plain = unicodedata.normalize("NFKC", words).lower()
    return _NOT_LETTERS.sub("", _HOUSE.sub("", plain)) or _NOT_LETTERS.sub("", plain)


def _pairs(folded: str) -> frozenset[str]:
    return frozenset(folded[at : at + 2] for at in range(len(folded) - 1))


_ALL = text("SELECT id, station_id, name, aliases, lat, lng FROM places ORDER BY name, id")
_OF = text(
    "SELECT id, station_id, name, aliases, lat, lng FROM places WHERE station_id = :station_id ORDER BY name"
)
_TOUCH = text("UPDATE stations SET changed_at = clock_timestamp() WHERE id = :id RETURNING id")
_DROP = text("DELETE FROM places WHERE station_id = :id")
_ADD = text("""
    INSERT INTO places (id, station_id, name, aliases, lat, lng)
    VALUES (:id, :station_id, :name, CAST(:aliases AS text[]), :lat, :lng)
""")

_read: WeakKeyDictionary[Registry, Places] = WeakKeyDictionary()


async def known_places(runtime: Runtime) -> Places:
    """Every place of every station, as old as the registry of stations is."""
    stations = await registry(runtime)
    places = _read.get(stations)
    if places is None:
        async with runtime.database.moves() as db:
            rows = (await db.execute(_ALL)).all()
        places = _read[stations] = Places([_place(row) for row in rows])
    return places


async def places_of(db: Db, station_id: UUID) -> list[KnownPlace]:
    """The places of one station, by name."""
    return [_place(row) for row in await db.execute(_OF, {"station_id": station_id})]


async def replace_places(
    db: Db, station_id: UUID, given: Sequence[PlaceGiven], *, by: UUID | None = None
) -> None:
    """Put these in place of all places of a station, in the edge's transaction.

    Raises:
        NotFound: no such station. Invalid: too many, or one name twice.
    """
    _check(given)
    # The row of the station is touched first: every process reads its places anew, and two imports go one by one.
    if (await db.execute(_TOUCH, {"id": station_id})).one_or_none() is None:
        raise NotFound("no such station", station_id=str(station_id))
    await db.execute(_DROP, {"id": station_id})
    rows = [
        {
            "id": new_id(), "station_id": station_id, "name": place.name, "aliases": list(place.aliases),
            "lat": place.at.lat, "lng": place.at.lng,
        }
        for place in given
    ]  # fmt: skip
    if rows:
        await db.execute(_ADD, rows)
    data = {"what": "places", "count": len(given)}
    await record(db, STATIONS_CHANGED, station_id=station_id, actor_id=by, data=data)


def _check(given: Sequence[PlaceGiven]) -> None:
    if len(given) > PLACES_MAX:
        raise Invalid(f"a station keeps {PLACES_MAX} places, these are {len(given)}", field="places")
    if twice := sorted(name for name, n in Counter(place.name for place in given).items() if n > 1):
        raise Invalid(f"each name once; twice: {', '.join(twice[:5])}", field="places")


def read_csv(given: str) -> list[PlaceGiven]:
    """Places from CSV with the head `name,aliases,lat,lng`; aliases are parted by `|`, degrees are WGS-84.

    Raises:
        Invalid: names the line and what is wrong with it.
    """
    if len(given) > CSV_MAX:
        raise Invalid(f"the CSV may have {CSV_MAX} characters", field="csv")
    lines = csv.DictReader(io.StringIO(given.lstrip("\ufeff")), strict=True)
    try:
        if tuple(name.strip() for name in lines.fieldnames or ()) != COLUMNS:
            raise Invalid(f"the first line must be {','.join(COLUMNS)}", field="csv")
        lines.fieldnames = COLUMNS
        return [_line(number, line) for number, line in enumerate(lines, 2)]
    except csv.Error:
        raise Invalid(f"line {lines.line_num}: this is not CSV", field="csv") from None


def _line(number: int, line: dict[str, str | None]) -> PlaceGiven:
    name = (line.get("name") or "").strip()
    aliases = tuple(filter(None, (one.strip() for one in (line.get("aliases") or "").split("|"))))
    if not 1 < len(name) <= NAME_MAX or len(aliases) > ALIASES_MAX or any(len(a) > NAME_MAX for a in aliases):
        raise Invalid(
            f"line {number}: a name of 2 to {NAME_MAX} characters and at most {ALIASES_MAX} aliases",
            field="csv",
        )
    try:
        at = Point(float(line.get("lat") or ""), float(line.get("lng") or ""))
    except ValueError:
        raise Invalid(
            f"line {number}: lat and lng are degrees, as 32.0731 and 118.7969", field="csv"
        ) from None
    return PlaceGiven(name, aliases, at)


def _place(r: Any) -> KnownPlace:  # a Row of _ALL or _OF
    return KnownPlace(r.id, r.station_id, r.name, tuple(r.aliases), Point(r.lat, r.lng))
