"""Where the officer on a case is, for who may know: newest fix with its age, or why there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.cases.policy import watchers
from app.cases.queries import Case
from app.cases.states import ACTIVE
from app.kit.database import MovesDb
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_fix
from app.live.topics import Permission

OLD_S = 60
"""A position older than this is said to be old."""
WALKING_M_S = 1.4
DRIVING_M_S = 7.0  # in a city, lights and turns included
_DRIVE_FROM_M = 600
_DETOUR = 1.3  # streets against the straight line


class TrackState(StrEnum):
    """What can be said of the officer's position."""

    NOBODY = "nobody"  # no officer holds the case
    NO_POSITION = "no_position"  # assigned, no position yet
    FRESH = "fresh"
    OLD = "old"  # last heard more than 60 s ago


@dataclass(frozen=True, slots=True)
class Track:
    """The officer on the way."""

    state: TrackState
    epoch: int
    at: Point | None = None
    accuracy_m: int | None = None
    fixed_at: datetime | None = None
    last_heard_s: float | None = None
    distance_m: int | None = None
    arrival_s: int | None = None  # an estimate, straight line with a detour factor


_TRAIL = text("""
    SELECT lat, lng, accuracy_m, fixed_at FROM trail
     WHERE case_id = :case_id AND officer_id = :officer_id AND epoch = :epoch ORDER BY fixed_at DESC LIMIT 1
""")


async def track(db: MovesDb, runtime: Runtime, case: Case) -> Track:
    """Where the holder of a case is now; nothing of an earlier holder, nothing after the end."""
    if case.state not in ACTIVE or case.officer_id is None:
        return Track(TrackState.NOBODY, case.epoch)
    found = await _newest(db, runtime, case)
    if found is None:
        return Track(TrackState.NO_POSITION, case.epoch)
    at, accuracy_m, fixed_at = found
    age_s = max(0.0, (case.now - fixed_at).total_seconds())
    away_m = round(metres(at, case.place.at)) if case.place and case.place.at else None
    state = TrackState.OLD if age_s > OLD_S else TrackState.FRESH
    arrival_s = _arrival_s(away_m) if away_m is not None else None
    return Track(state, case.epoch, at, accuracy_m, fixed_at, round(age_s, 1), away_m, arrival_s)


async def _newest(db: MovesDb, runtime: Runtime, case: Case) -> tuple[Point, int, datetime] | None:
    try:
        raw = await runtime.valkey.get(key_fix(case.id))
    except ValkeyDown:
        raw = None
    if raw:
        fix = json.loads(raw)
        if fix["epoch"] == case.epoch and fix["officer_id"] == str(case.officer_id):
            return Point(fix["lat"], fix["lng"]), fix["accuracy_m"], datetime.fromisoformat(fix["at"])
    values = {"case_id": case.id, "officer_id": case.officer_id, "epoch": case.epoch}
    row = (await db.execute(_TRAIL, values)).one_or_none()
    return (Point(row.lat, row.lng), row.accuracy_m, row.fixed_at) if row else None


def _arrival_s(away_m: int) -> int:
    speed = WALKING_M_S if away_m < _DRIVE_FROM_M else DRIVING_M_S
    return round(away_m * _DETOUR / speed)


async def may_hear(runtime: Runtime, case_ids: list[str]) -> dict[str, Permission]:
    """The live policy of the topic `case:<id>`: its people now; positions only while an officer holds it."""
    async with runtime.database.moves() as db:
        found = await watchers(db, [UUID(c) for c in case_ids])
    return {
        str(c): Permission(persons, epoch if tracked else -1)
        for c, (persons, epoch, tracked) in found.items()
    }
