"""Who is near: positions of free officers in Valkey, one GEO key an H3 cell.

Valkey holds candidates, PostgreSQL the truth: whoever is found here is offered a case only if the
database says on duty, free and fit (`broadcast`). A flushed Valkey comes back with the next fixes.

A search pipelines the cells that the circle touches, widens until enough are found, keeps an
officer's newest beat and drops beats older than 45 s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text

from app.kit.errors import Unavailable
from app.kit.geo import Point, cell, cells, rounded
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_at, key_beat, key_pos

FRESH_S = 45
"""A beat older than this does not count as a position."""
SEARCH_TIMEOUT_S = 0.2
FIRST_RADIUS_M = 500
SQUARE_EVERY_S = 30
_AT_EXPIRY_S = 12 * 3600
_INDEX_EXPIRY_S = 120

_SQUARES = text("""
    UPDATE officers f SET last_lat = s.lat, last_lng = s.lng, last_seen_at = clock_timestamp()
      FROM unnest(CAST(:ids AS uuid[]), CAST(:lats AS float8[]), CAST(:lngs AS float8[])) AS s(id, lat, lng)
     WHERE f.person_id = s.id
""")

_last_square: dict[UUID, tuple[Point, float]] = {}
_last_cell: dict[UUID, str] = {}  # of this process; another process's older cell ages out by its beat


@dataclass(frozen=True, slots=True)
class Nearby:
    """An officer with a fresh position."""

    officer_id: UUID
    distance_m: int
    age_s: float


class _Beats:
    """Beats of one process: those that come while others are on their way to Valkey go together, next."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, Point] = {}
        self._next: asyncio.Future[None] | None = None
        self._going = False

    async def note(self, runtime: Runtime, officer_id: UUID, at: Point) -> None:
        """Return when it is noted."""
        self._waiting[officer_id] = at
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        mine = self._next
        if not self._going:
            self._going = True
            runtime.after(self._go(runtime), what="beats")
        await asyncio.shield(mine)

    async def _go(self, runtime: Runtime) -> None:
        try:
            while self._next is not None:
                waiting, noted = self._waiting, self._next
                self._waiting, self._next = {}, None
                try:
                    await beat_many(runtime, waiting.items())
                    await note_squares(runtime, waiting.items())
                except BaseException as error:
                    noted.set_exception(error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    noted.set_result(None)
        finally:
            self._going = False


_beats: WeakKeyDictionary[Runtime, _Beats] = WeakKeyDictionary()


async def beat(runtime: Runtime, officer_id: UUID, at: Point) -> None:
    """Note where a free officer on duty is; silent when Valkey is down (the next fix tries again)."""
    await _beats.setdefault(runtime, _Beats()).note(runtime, officer_id, at)


async def beat_many(runtime: Runtime, beats: Iterable[tuple[UUID, Point]]) -> None:
    """Note many positions in one round trip, one command a cell.

    An officer who crosses into another cell is added there before being removed here: found twice for a
    moment, never missing.
    """
    now_ms = int(time.time() * 1000)
    pipe = runtime.valkey.pipeline(transaction=False)
    places: dict[str, list[float | str]] = {}
    scores: dict[str, dict[str, int]] = {}
    gone: list[tuple[str, str]] = []
    for officer_id, at in beats:
        here, member = cell(at), str(officer_id)
        places.setdefault(here, []).extend((at.lng, at.lat, member))
        scores.setdefault(here, {})[member] = now_ms
        before = _last_cell.get(officer_id)
        if before != here:
            pipe.set(key_at(officer_id), here, ex=_AT_EXPIRY_S)
            _last_cell[officer_id] = here
            if before:
                gone.append((before, member))
    for here, values in places.items():
        pipe.geoadd(key_pos(here), values)
        pipe.zadd(key_beat(here), scores[here])
    for before, member in gone:
        pipe.zrem(key_pos(before), member)
        pipe.zrem(key_beat(before), member)
    try:
        await pipe.execute()
    except ValkeyDown:
        return


async def note_squares(runtime: Runtime, beats: Iterable[tuple[UUID, Point]]) -> None:
    """Keep the 300 m square each officer was last seen in, in PostgreSQL: at most every 30 s, or on crossing.

    It makes a sleeping phone, and everybody after a flush of Valkey, offerable by last cell.
    """
    now = time.monotonic()
    due: dict[UUID, Point] = {}
    for officer_id, at in beats:
        square = rounded(at, 300)
        noted = _last_square.get(officer_id)
        if noted is None or noted[0] != square or now - noted[1] > SQUARE_EVERY_S:
            _last_square[officer_id] = (square, now)
            due[officer_id] = square
    if not due:
        return
    values = {"ids": list(due), "lats": [p.lat for p in due.values()], "lngs": [p.lng for p in due.values()]}
    async with runtime.database.moves() as db:
        await db.execute(_SQUARES, values)


async def last_beat_at(runtime: Runtime, officer_id: UUID) -> datetime | None:
    """When a position of this officer was noted last; None: not lately, or Valkey is down."""
    try:
        stored = await runtime.valkey.get(key_at(officer_id))
        ms = await runtime.valkey.zscore(key_beat(stored.decode()), str(officer_id)) if stored else None
    except ValkeyDown:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC) if ms is not None else None


async def remove(runtime: Runtime, officer_id: UUID) -> None:
    """Take an officer out of the index: off duty, busy, signed out."""
    member = str(officer_id)
    try:
        stored = await runtime.valkey.get(key_at(officer_id))
        here = stored.decode() if stored else _last_cell.get(officer_id)
        if here:
            pipe = runtime.valkey.pipeline(transaction=False)
            pipe.zrem(key_pos(here), member)
            pipe.zrem(key_beat(here), member)
            pipe.delete(key_at(officer_id))
            await pipe.execute()
    except ValkeyDown:
        pass
    _last_cell.pop(officer_id, None)


async def nearby(runtime: Runtime, at: Point, *, within_m: int, limit: int = 50) -> list[Nearby]:
    """Officers within `within_m` metres, nearest first, from beats at most 45 s old.

    Complete up to `limit`: the radius doubles from 500 m until `limit` are found or `within_m` is searched.

    Raises:
        Unavailable: Valkey is silent for 200 ms; the caller offers to the whole station.
    """
    try:
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            radius = min(FIRST_RADIUS_M, within_m)
            while True:
                found = await _search(runtime, at, radius, limit)
                if len(found) >= limit or radius >= within_m:
                    return found[:limit]
                radius = min(radius * 2, within_m)
    except ValkeyDown as error:
        raise Unavailable("positions are not available right now") from error


async def _search(runtime: Runtime, at: Point, radius_m: int, limit: int) -> list[Nearby]:
    touched = cells(at, radius_m)
    count = limit
    while True:
        found, full = await _search_cells(runtime, at, radius_m, touched, count)
        if len(found) >= limit or not full:
            return found
        count *= 4  # stale beats filled the page: read more of it, so that nobody fresh is missed


async def _search_cells(
    runtime: Runtime, at: Point, radius_m: int, touched: list[str], count: int
) -> tuple[list[Nearby], bool]:
    pipe = runtime.valkey.pipeline(transaction=False)
    for name in touched:
        pipe.geosearch(
            key_pos(name), longitude=at.lng, latitude=at.lat, radius=radius_m, unit="m", sort="ASC", count=count,
            withdist=True,
        )  # fmt: skip
    pages = await pipe.execute()
    hit = [(name, page) for name, page in zip(touched, pages, strict=True) if page]
    if not hit:
        return [], False
    pipe = runtime.valkey.pipeline(transaction=False)
    for name, page in hit:
        pipe.zmscore(key_beat(name), [member for member, _ in page])
    scores = await pipe.execute()
    now_ms = time.time() * 1000
    newest: dict[UUID, tuple[float, float]] = {}
    for (_, page), beats in zip(hit, scores, strict=True):
        for (member, metres), beat_ms in zip(page, beats, strict=True):
            if beat_ms is None or now_ms - beat_ms > FRESH_S * 1000:
                continue
            officer_id = UUID(member.decode())
            if officer_id not in newest or newest[officer_id][0] < beat_ms:
                newest[officer_id] = (beat_ms, metres)
    found = [Nearby(o, round(metres), (now_ms - ms) / 1000) for o, (ms, metres) in newest.items()]
    found.sort(key=lambda n: n.distance_m)
    return found, any(len(page) >= count for _, page in hit)


async def trim(runtime: Runtime, cell_names: Iterable[str]) -> int:
    """Drop beats that are long over from the given cells; returns how many."""
    dropped = 0
    until = int((time.time() - _INDEX_EXPIRY_S) * 1000)
    for name in cell_names:
        try:
            old = await runtime.valkey.zrangebyscore(key_beat(name), 0, until)
            if old:
                await runtime.valkey.zrem(key_pos(name), *old)
                await runtime.valkey.zrem(key_beat(name), *old)
                dropped += len(old)
        except ValkeyDown:
            return dropped
    return dropped
