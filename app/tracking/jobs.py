"""What tracking does for the worker: dropping trails, keeping one rounded point at claim and arrival."""

from __future__ import annotations

import contextlib
import json
from uuid import UUID

from sqlalchemy import text

from app.cases.states import CaseEvent
from app.events.record import Event
from app.kit.geo import Point, rounded
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_fix

_DROP = text("DELETE FROM trail WHERE case_id = :case_id")
_SWEEP = text("""
    WITH gone AS (
        DELETE FROM trail WHERE case_id IN (
            SELECT DISTINCT t.case_id FROM trail t JOIN cases c ON c.id = t.case_id
             WHERE c.state NOT IN ('claimed', 'assigned', 'en_route', 'arrived')) RETURNING 1
    ) SELECT count(*) FROM gone
""")
_KEEP = text("""
    INSERT INTO waypoints (case_id, epoch, moment, officer_id, lat, lng, at)
    VALUES (:case_id, :epoch, :moment, :officer_id, :lat, :lng, :at) ON CONFLICT DO NOTHING
""")
_LAST_SQUARE = text(
    "SELECT last_lat, last_lng FROM officers WHERE person_id = :officer_id AND last_lat IS NOT NULL"
)


async def drop_trail(runtime: Runtime, event: Event) -> None:
    """Follower of what takes a case from its officer: the trail and the newest fix are gone at once."""
    if event.data.get("to") in ("claimed", "assigned", "en_route", "arrived") or event.case_id is None:
        return
    with contextlib.suppress(*ValkeyDown):
        await runtime.valkey.delete(key_fix(event.case_id))
    async with runtime.database.moves() as db:
        await db.execute(_DROP, {"case_id": event.case_id})


async def forget(runtime: Runtime) -> int:
    """Drop what a dead process left: trails of cases that nobody holds; returns how many fixes."""
    async with runtime.database.moves() as db:
        return int((await db.execute(_SWEEP)).scalar_one())


async def keep_waypoint(runtime: Runtime, event: Event) -> None:
    """Follower of claim and arrival: one point rounded to 300 m stays, for replay."""
    if event.case_id is None or not event.data.get("officer_id"):
        return
    officer_id = UUID(event.data["officer_id"])
    at = await _square(runtime, event.case_id, officer_id)
    if at is None:
        return
    values = {
        "case_id": event.case_id, "epoch": event.epoch, "officer_id": officer_id, "lat": at.lat, "lng": at.lng,
        "moment": "claimed" if event.kind == CaseEvent.CLAIMED else "arrived", "at": event.at,
    }  # fmt: skip
    async with runtime.database.moves() as db:
        await db.execute(_KEEP, values)


async def _square(runtime: Runtime, case_id: UUID, officer_id: UUID) -> Point | None:
    try:
        raw = await runtime.valkey.get(key_fix(case_id))
    except ValkeyDown:
        raw = None
    if raw:
        fix = json.loads(raw)
        if fix["officer_id"] == str(officer_id):
            return rounded(Point(fix["lat"], fix["lng"]), 300)
    async with runtime.database.moves() as db:
        row = (await db.execute(_LAST_SQUARE, {"officer_id": officer_id})).one_or_none()
    return Point(row.last_lat, row.last_lng) if row else None
