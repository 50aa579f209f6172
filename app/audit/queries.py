"""Reading the audit log, newest first; the reading is an act of its own, recorded by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `seq` and `hash` (hex) are None until it is sealed, about a second after the act."""

    id: int
    at: datetime
    actor_id: UUID | None
    action: str
    object_kind: str
    object_id: str
    purpose: str | None
    facts: dict[str, Any]
    seq: int | None
    hash: str | None


_ENTRIES = text("""
    SELECT id, at, actor_id, action, object_kind, object_id, purpose, facts, seq, hash FROM audit_log
     WHERE (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))
       AND (CAST(:actor_id AS uuid) IS NULL OR actor_id = CAST(:actor_id AS uuid))
       AND (CAST(:action AS text) IS NULL OR action = CAST(:action AS text))
       AND (CAST(:object_id AS text) IS NULL OR object_id = CAST(:object_id AS text))
     ORDER BY id DESC LIMIT :limit
""")


async def entries(
    db: Db,
    *,
    before: int | None = None,
    actor_id: UUID | None = None,
    action: str | None = None,
    object_id: str | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Acts, newest first, older than the entry `before`; of one actor, action or object where named."""
    values = {
        "before": before,
        "actor_id": actor_id,
        "action": action,
        "object_id": object_id,
        "limit": limit,
    }
    return [
        Entry(
            r.id, r.at, r.actor_id, r.action, r.object_kind, r.object_id, r.purpose, r.facts, r.seq,
            bytes(r.hash).hex() if r.hash is not None else None,
        )
        for r in await db.execute(_ENTRIES, values)
    ]  # fmt: skip
