"""Every station in memory: which one a point belongs to, and who rings when its desk does not answer.

PostgreSQL is asked at most once a second whether anything changed, so two processes agree within about a
second; the process that changed something reloads at once, by the event `stations_changed`.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import shapely
import structlog
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.events.record import Event
from app.kit.clock import utc_now
from app.kit.database import Db, MovesDb
from app.kit.errors import Invalid, NotFound, Unavailable
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.stations.hours import within
from app.stations.settings import StationSettings, read_settings

log = structlog.get_logger()

CHECK_EVERY_S = 1.0

# A sum, not a maximum: of two changes, the one that read its clock first may commit last.
_VERSION = text("SELECT count(*) AS n, sum(extract(epoch FROM changed_at)) AS changed FROM stations")
_STATIONS = text("""
    SELECT id, code, name, name_en, phone, parent_id, is_command, boundary, settings FROM stations ORDER BY code
""")
_NEIGHBOURS = text(
    "SELECT station_id, neighbour_id FROM station_neighbours ORDER BY station_id, rank, neighbour_id"
)
# People stand above stations, so their tables are named here and not imported.
_DESKS = text("""
    SELECT DISTINCT r.station_id FROM roles r JOIN people p ON p.id = r.person_id WHERE r.role = 'desk' AND p.active
""")


@dataclass(frozen=True, eq=False)
class Station:
    """A station as it is now. `neighbours` are ids, the first to ring first."""

    id: UUID
    code: str
    name: str
    name_en: str
    phone: str
    parent_id: UUID | None
    is_command: bool
    boundary: BaseGeometry | None  # WGS-84, x is the longitude
    settings: StationSettings
    neighbours: tuple[UUID, ...] = ()

    def called(self, language: str) -> str:
        """Its name in `zh` or `en`; the Chinese one where it has no other."""
        return self.name_en or self.name if language == "en" else self.name

    def facts(self) -> dict[str, str]:
        """What fills words that name it: `station`, `station_en`, `phone`."""
        return {"station": self.name, "station_en": self.called("en"), "phone": self.phone}


class Registry:
    """All stations at one moment. Immutable: a change makes a new one."""

    def __init__(self, stations: list[Station]) -> None:
        self._all = sorted(stations, key=lambda s: s.code)
        self._by_id = {s.id: s for s in self._all}
        self._by_code = {s.code: s for s in self._all}
        self._with_area = [s for s in self._all if s.boundary is not None]
        self._tree = shapely.STRtree([s.boundary for s in self._all if s.boundary is not None])

    def all(self) -> list[Station]:
        """Every station, by code."""
        return list(self._all)

    def get(self, station_id: UUID) -> Station:
        """The station of this id.

        Raises:
            NotFound: there is none.
        """
        if station_id not in self._by_id:
            raise NotFound("no such station", station_id=str(station_id))
        return self._by_id[station_id]

    def by_code(self, code: str) -> Station | None:
        """The station of this code."""
        return self._by_code.get(code)

    def command_centre(self) -> Station | None:
        """Where every ladder ends."""
        return next((s for s in self._all if s.is_command), None)

    def station_at(self, point: Point) -> Station | None:
        """The station whose area holds the point, border included; None outside of all.

        On a border that stations share, the one whose code sorts first has it: always the same one.
        """
        found = self._tree.query(shapely.Point(point.lng, point.lat), predicate="intersects")
        return self._with_area[int(found.min())] if len(found) else None

    def nearest(self, point: Point) -> Station | None:
        """The station whose area is nearest to a point outside of all; None: none has an area.

        By the metres to the point of each border that is nearest in degrees: enough to choose a desk by.
        """

        def away_m(station: Station) -> float:
            way = shapely.shortest_line(station.boundary, shapely.Point(point.lng, point.lat))
            if way is None or way.is_empty:  # an area without any points
                return math.inf
            lng, lat = way.coords[0]
            return metres(Point(lat, lng), point)

        return min(self._with_area, key=away_m, default=None)

    def desk_is_on(self, station_id: UUID, now: datetime) -> bool:
        """Whether the desk's hours hold `now` (aware), on the station's own wall clock."""
        settings = self.get(station_id).settings
        return within(settings.desk_hours, now, settings.timezone)

    def ladder(self, station_id: UUID, now: datetime | None = None) -> list[Station]:
        """Whose desk rings, in order: its own; the first neighbour whose desk is on, else the parent; the command
        centre. Each once. `now` (aware) defaults to this process's clock: it decides who rings, never a deadline.
        """
        own = self.get(station_id)
        at = now or utc_now()
        beside = next(
            (n for n in own.neighbours if n in self._by_id and self.desk_is_on(n, at)), own.parent_id
        )
        steps = [own, self._by_id.get(beside) if beside else None, self.command_centre()]
        return list({step.id: step for step in steps if step}.values())


@dataclass
class _Held:
    """What one process knows, and when it last asked."""

    registry: Registry | None = None
    version: tuple[int, object] | None = None
    checked_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_held: WeakKeyDictionary[Runtime, _Held] = WeakKeyDictionary()


async def registry(runtime: Runtime) -> Registry:
    """The stations, at most about a second old; older while PostgreSQL does not answer.

    Raises:
        Unavailable: PostgreSQL does not answer and this process never read them.
    """
    held = _held.setdefault(runtime, _Held())
    if held.registry is not None and time.monotonic() - held.checked_at < CHECK_EVERY_S:
        return held.registry
    async with held.lock:
        if held.registry is None or time.monotonic() - held.checked_at >= CHECK_EVERY_S:
            await _refresh(runtime, held)
    if held.registry is None:
        raise Unavailable("the stations cannot be read: PostgreSQL does not answer")
    return held.registry


async def reload_stations(runtime: Runtime, event: Event) -> None:
    """Follower of `stations_changed`: the next use asks PostgreSQL, whenever it was asked last."""
    forget_stations(runtime)


def forget_stations(runtime: Runtime) -> None:
    """Ask PostgreSQL at the next use. What is known stays in use if it does not answer."""
    if held := _held.get(runtime):
        held.checked_at = float("-inf")


async def stations_without_desk(db: Db, stations: Registry) -> list[Station]:
    """Stations whose whole ladder has nobody: no active person with the role `desk` at any step of it."""
    staffed = set((await db.execute(_DESKS)).scalars())
    if None in staffed:  # a desk role for all stations
        return []
    return [s for s in stations.all() if not any(step.id in staffed for step in stations.ladder(s.id))]


async def _refresh(runtime: Runtime, held: _Held) -> None:
    began = time.monotonic()
    try:
        # Not the pool of transactions: who asks holds one of its connections, and all of them may ask at once.
        async with runtime.database.moves() as db:
            row = (await db.execute(_VERSION)).one()
            if (row.n, row.changed) != held.version:
                # What is read after the version may be newer than it: then the next check reads once more.
                held.registry = Registry(await _read(db, runtime.settings.claim_window_s))
                held.version = (row.n, row.changed)
    except (SQLAlchemyError, OSError) as error:
        log.warning("stations_not_read", error=type(error).__name__, known=held.registry is not None)
    held.checked_at = began


async def _read(db: Db | MovesDb, claim_window_s: int) -> list[Station]:
    neighbours: dict[UUID, list[UUID]] = {}
    for row in await db.execute(_NEIGHBOURS):
        neighbours.setdefault(row.station_id, []).append(row.neighbour_id)
    return [
        Station(
            row.id, row.code, row.name, row.name_en, row.phone, row.parent_id, row.is_command,
            _boundary(row.code, row.boundary), _settings(row.code, row.settings, claim_window_s),
            tuple(neighbours.get(row.id, ())),
        )
        for row in await db.execute(_STATIONS)
    ]  # fmt: skip


def _boundary(code: str, stored: dict[str, Any] | None) -> BaseGeometry | None:
    if stored is None:
        return None
    try:
        area = shapely.geometry.shape(stored)
    except (ShapelyError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        log.error("station_boundary_unreadable", code=code)
        return None
    shapely.prepare(area)
    return area


def _settings(code: str, stored: dict[str, Any], claim_window_s: int) -> StationSettings:
    """One row spoilt by hand must not stop every other station: it gets the defaults, loudly."""
    try:
        return read_settings(stored, claim_window_s=claim_window_s)
    except Invalid as error:
        log.error("station_settings_invalid", station=code, field=error.facts.get("field"))
        return read_settings({}, claim_window_s=claim_window_s)
