"""What happened to a case, in order. Events hold ids and facts, never personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb

PAGE = 200


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of a case. `actor_id` None: the system."""

    id: int
    kind: str
    at: datetime
    actor_id: UUID | None
    epoch: int | None
    facts: dict[str, Any]


_EVENTS = text("""
    SELECT id, kind, at, actor_id, epoch, data FROM events
     WHERE case_id = :case_id AND id > :after ORDER BY id LIMIT :limit
""")
_HIDDEN = frozenset({"reporter_id"})


async def timeline(db: Db | MovesDb, case_id: UUID, *, after: int = 0, limit: int = PAGE) -> list[Happened]:
    """A case's events, oldest first, from the one after the event `after`; the reporter is left out of the facts.

    Whether the asker may see the case is the caller's to check first (`cases.policy`).
    """
    rows = await db.execute(_EVENTS, {"case_id": case_id, "after": after, "limit": limit})
    return [
        Happened(
            r.id, r.kind, r.at, r.actor_id, r.epoch, {k: v for k, v in r.data.items() if k not in _HIDDEN}
        )
        for r in rows
    ]
