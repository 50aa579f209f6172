"""Fixes come in: to the case in hand and its people, or to the index of who is free.

Newest wins, by the time the phone measured; a late fix is kept in the trail and never shown as new.
A frame carries (case, epoch); ingest stops when PostgreSQL says the officer holds nothing, read at
most 0.5 s ago.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.cases.service import note_sign
from app.cases.states import ACTIVE_SQL, HELPS_SQL
from app.kit.clock import utc_now
from app.kit.errors import Invalid
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_fix
from app.live.publish import publish
from app.tracking.tables import FixSource

__all__ = ["FIXES_MAX", "Fix", "FixSource", "Holding", "Ingest"]

log = structlog.get_logger()

FIXES_MAX = 200
"""Fixes in one batch."""
AHEAD_S = 30
"""A fix may be this far in the future: phones' clocks drift."""
BEHIND_S = 6 * 3600
"""A fix older than this is dropped."""
HOLDING_READ_S = 0.5
KEPT_S = 900
SIGN_EVERY_S = 15
PROGRESS_M = 100
TRAIL_FLUSH_S = 1.0


@dataclass(frozen=True, slots=True)
class Fix:
    """One position: WGS-84, accuracy in metres, measured at `at` by the phone's clock."""

    point: Point
    accuracy_m: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """The case whose people may see an officer: held, or helped on as back-up."""

    case_id: UUID
    epoch: int
    holder: bool
    since: datetime  # what was measured before is not of this case


_HOLDINGS = text(f"""
    SELECT c.id, c.epoch, TRUE AS holder, coalesce(greatest(c.claimed_at, c.assigned_at), c.reported_at) AS since FROM cases c
     WHERE c.officer_id = :officer_id AND c.state IN {ACTIVE_SQL}
    UNION ALL
    SELECT c.id, c.epoch, FALSE, b.joined_at FROM backups b JOIN cases c ON c.id = b.case_id
     WHERE b.officer_id = :officer_id AND {HELPS_SQL} AND c.state IN {ACTIVE_SQL}
""")
_NEWER = """
local old = redis.call('GET', KEYS[1])
if old and cjson.decode(old).ms >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""


class Ingest:
    """Fixes of one process: who holds what (read at most 0.5 s ago) and the trail waiting for its COPY."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._holdings: dict[UUID, tuple[float, list[Holding]]] = {}
        self._newest: dict[tuple[UUID, UUID], datetime] = {}
        self._signs: dict[tuple[UUID, int], tuple[float, Point]] = {}
        self._trail: list[tuple[Any, ...]] = []
        self._flusher: asyncio.Task[None] | None = None

    def forget(self, officer_id: UUID) -> None:
        """What this officer holds has changed: read it anew before the next frame."""
        self._holdings.pop(officer_id, None)

    async def holdings(self, officer_id: UUID) -> list[Holding]:
        """The cases an officer is tracked for, from PostgreSQL, at most 0.5 s old."""
        known = self._holdings.get(officer_id)
        if known and time.monotonic() - known[0] < HOLDING_READ_S:
            return known[1]
        asked = time.monotonic()
        async with self._runtime.database.moves() as db:
            rows = (await db.execute(_HOLDINGS, {"officer_id": officer_id})).all()
        found = [Holding(r.id, r.epoch, r.holder, r.since) for r in rows]
        self._holdings[officer_id] = (asked, found)
        if len(self._holdings) > 50_000:
            self._holdings.clear()
        return found

    async def record(self, officer_id: UUID, fixes: Sequence[Fix], source: FixSource) -> list[Holding]:
        """Take a batch of fixes of one officer; returns the cases they went to (none: the officer is free).

        Raises:
            Invalid: more than 200 fixes, or an accuracy outside 0..10000 m.
        """
        good = sorted(_usable(fixes), key=lambda f: f.at)
        held = await self.holdings(officer_id)
        if not good or not held:
            return held
        for holding in held:
            mine = [f for f in good if f.at >= holding.since - timedelta(seconds=AHEAD_S)]
            if not mine:
                continue
            self._remember(officer_id, holding, mine, source)
            await self._show(officer_id, holding, mine[-1], source)
            if holding.holder:
                await self._sign(officer_id, holding, mine[-1])
        return held

    def _remember(self, officer_id: UUID, holding: Holding, fixes: list[Fix], source: FixSource) -> None:
        self._trail += [
            (
                holding.case_id,
                officer_id,
                holding.epoch,
                f.at,
                f.point.lat,
                f.point.lng,
                f.accuracy_m,
                source.value,
            )
            for f in fixes
        ]
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_soon())

    async def _show(self, officer_id: UUID, holding: Holding, fix: Fix, source: FixSource) -> None:
        key = (holding.case_id, officer_id)
        if key in self._newest and fix.at <= self._newest[key]:
            return
        self._newest[key] = fix.at
        if len(self._newest) > 50_000:
            self._newest.clear()
        frame = {
            "type": "fix", "case_id": str(holding.case_id), "epoch": holding.epoch, "officer_id": str(officer_id),
            "lat": fix.point.lat, "lng": fix.point.lng, "accuracy_m": fix.accuracy_m, "at": fix.at.isoformat(),
            "source": source.value, "holder": holding.holder,
        }  # fmt: skip
        if holding.holder and not await self._store(holding, frame, fix):
            return
        await publish(
            self._runtime, [f"case:{holding.case_id}"], frame, newest=f"fix:{holding.case_id}:{officer_id}"
        )

    async def _store(self, holding: Holding, frame: dict[str, Any], fix: Fix) -> bool:
        """Whether this fix is the newest of all processes; without Valkey, of this one."""
        ms = int(fix.at.timestamp() * 1000)
        try:
            stored = json.dumps({**frame, "ms": ms})
            return bool(
                await self._runtime.valkey.eval(_NEWER, 1, key_fix(holding.case_id), stored, ms, KEPT_S)
            )
        except ValkeyDown:
            return True

    async def _sign(self, officer_id: UUID, holding: Holding, fix: Fix) -> None:
        """A fix is a sign of life; on the way, only one that got somewhere is progress."""
        key = (holding.case_id, holding.epoch)
        now = time.monotonic()
        last = self._signs.get(key)
        moved = last is None or metres(last[1], fix.point) >= PROGRESS_M
        if last and not moved and now - last[0] < SIGN_EVERY_S:
            return
        self._signs[key] = (now, fix.point if moved or last is None else last[1])
        if len(self._signs) > 50_000:
            self._signs.clear()
        async with self._runtime.database.moves() as db:
            await note_sign(db, holding.case_id, holding.epoch, officer_id, progress=moved)

    async def _flush_soon(self) -> None:
        await asyncio.sleep(TRAIL_FLUSH_S)
        await self.flush()

    async def flush(self) -> int:
        """Write the trail that waits, by COPY; returns how many fixes. A failure drops them: a trail is not a promise."""
        rows, self._trail = self._trail, []
        if not rows:
            return 0
        columns = ["case_id", "officer_id", "epoch", "fixed_at", "lat", "lng", "accuracy_m", "source"]
        try:
            async with self._runtime.database.moves() as db:
                await db.copy("trail", rows, columns)
        except Exception as error:
            log.warning("trail_dropped", fixes=len(rows), error=type(error).__name__)
            return 0
        return len(rows)

    async def close(self) -> None:
        """Write what waits."""
        if self._flusher:
            self._flusher.cancel()
        await self.flush()


def _usable(fixes: Sequence[Fix]) -> list[Fix]:
    if len(fixes) > FIXES_MAX:
        raise Invalid(f"a batch may hold {FIXES_MAX} fixes, this one has {len(fixes)}", field="fixes")
    for fix in fixes:
        if not 0 <= fix.accuracy_m <= 10_000:
            raise Invalid("accuracy_m must be 0 to 10000", field="accuracy_m")
    now = utc_now()
    oldest, newest = now - timedelta(seconds=BEHIND_S), now + timedelta(seconds=AHEAD_S)
    return [f for f in fixes if oldest <= f.at <= newest]
