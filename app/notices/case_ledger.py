"""Reading what was told about one case, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.notices.queries import UNHEARD

MOST = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """One notice by one channel and what became of it. `code` is WeChat's, `reading` what it means to us.

    `passed_on`: the next channel has it. `waits`: nothing could carry it, and the person has not seen it yet.
    """

    id: int
    person_id: UUID
    kind: str
    channel: str
    state: str
    attempts: int
    at: datetime  # of the event it tells
    done_at: datetime | None
    code: int | None
    reading: str | None
    passed_on: bool
    confirmed_at: datetime | None  # WeChat said that the phone has it
    seen_at: datetime | None
    waits: bool


_OF_CASE = text(f"""
    SELECT d.id, d.person_id, d.kind, d.channel, d.state, d.attempts, e.at, d.done_at, d.code, d.reading,
           d.passed_on, d.confirmed_at, d.seen_at, ({UNHEARD}) AS waits
      FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.case_id = :case_id ORDER BY d.id DESC LIMIT :limit
""")


async def deliveries_of(db: Db | MovesDb, case_id: UUID) -> list[Delivered]:
    """What was told about a case, newest first, at most 200."""
    rows = await db.execute(_OF_CASE, {"case_id": case_id, "limit": MOST})
    return [
        Delivered(
            r.id,
            r.person_id,
            r.kind,
            r.channel,
            r.state,
            r.attempts,
            r.at,
            r.done_at,
            r.code,
            r.reading,
            r.passed_on,
            r.confirmed_at,
            r.seen_at,
            r.waits,
        )
        for r in rows
    ]
