"""Making Valkey agree with PostgreSQL: after a flush, a fail-over or a doubt. Safe to run at any time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.cases.states import ACTIVE_SQL
from app.dispatch import presence
from app.kit.geo import Point, cell
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_pos


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was put right."""

    returned: int  # free officers put back into the index, by their last 300 m square
    removed: int  # officers taken out: off duty or busy


_FREE = text(f"""
    SELECT f.person_id, f.last_lat, f.last_lng,
           f.last_seen_at > clock_timestamp() - make_interval(secs => :fresh_s) AS fresh
      FROM officers f JOIN people p ON p.id = f.person_id
     WHERE f.on_duty AND p.active AND NOT EXISTS (
           SELECT FROM cases c WHERE c.officer_id = f.person_id AND c.state IN {ACTIVE_SQL})
""")


async def reconcile(runtime: Runtime) -> Reconciled:
    """Put back who is free and was heard within 45 s; take out who is off duty or busy, and beats long over."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_FREE, {"fresh_s": presence.FRESH_S})).all()
    free = {row.person_id for row in rows}
    known = {row.person_id: Point(row.last_lat, row.last_lng) for row in rows if row.last_lat is not None}
    fresh = {row.person_id for row in rows if row.fresh}
    try:
        touched = {cell(at) for at in known.values()}
        await presence.trim(runtime, touched)
        indexed = await _indexed(runtime, touched)
        for officer_id in indexed - free:
            await presence.remove(runtime, officer_id)
        missing = [(o, at) for o, at in known.items() if o in fresh and o not in indexed]
        await presence.beat_many(runtime, missing)
    except ValkeyDown:
        return Reconciled(0, 0)
    return Reconciled(len(missing), len(indexed - free))


async def _indexed(runtime: Runtime, cells: set[str]) -> set[UUID]:
    found: set[UUID] = set()
    for name in cells:
        members = await runtime.valkey.zrange(key_pos(name), 0, -1)
        found |= {UUID(member.decode()) for member in members}
    return found
