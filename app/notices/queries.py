"""Reads of the ledger: what a person was not told, and how deliveries fare."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb

# Also what WeChat refused although we had counted a message: the person has not heard it either way.
_UNSAID = text("""
    UPDATE deliveries SET seen_at = clock_timestamp()
     WHERE person_id = :person_id AND state = 'dropped' AND seen_at IS NULL AND reading IS DISTINCT FROM 'stale'
    RETURNING id
""")
_LEDGER = text("""
    SELECT kind, state, coalesce(reading, '') AS reading, count(*) AS n FROM deliveries
     WHERE due_at > clock_timestamp() - make_interval(hours => :hours) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")


async def take_unsaid(db: Db, person_id: UUID) -> int:
    """How many notices this person missed for want of a message; counted once: the answer now tells them."""
    return len((await db.execute(_UNSAID, {"person_id": person_id})).all())


async def ledger(db: Db | MovesDb, *, hours: int = 24) -> list[tuple[str, str, str, int]]:
    """(kind, state, reading, count) of the deliveries of the last hours."""
    return [(r.kind, r.state, r.reading, r.n) for r in await db.execute(_LEDGER, {"hours": hours})]
