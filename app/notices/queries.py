"""Reads of the ledger: what a person was not told, how deliveries fare, when a daily quota is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb

MOST = 50


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that could not be sent; `facts` are those of its words, `at` is when it happened."""

    kind: str
    case_id: UUID | None
    facts: Mapping[str, Any]
    at: datetime


# Also what WeChat refused although we had counted a message, and what may or may not have arrived: the
# person is not sure to have heard it. What was no longer true when its turn came is not news.
_UNHEARD = """state IN ('dropped', 'refused', 'uncertain', 'dead') AND seen_at IS NULL
         AND reading IS DISTINCT FROM 'stale'"""
_WAITING = text(f"""
    SELECT d.kind, d.case_id, d.facts, e.at FROM deliveries d JOIN events e ON e.id = d.event_id
     WHERE d.id IN (SELECT id FROM deliveries WHERE person_id = :person_id AND {_UNHEARD} ORDER BY id DESC LIMIT {MOST})
     ORDER BY d.id
""")
_TAKE = text(f"""
    WITH taken AS (
        UPDATE deliveries SET seen_at = clock_timestamp() WHERE person_id = :person_id AND {_UNHEARD}
        RETURNING id, event_id, kind, case_id, facts
    ), newest AS (SELECT * FROM taken ORDER BY id DESC LIMIT {MOST})
    SELECT n.kind, n.case_id, n.facts, e.at FROM newest n JOIN events e ON e.id = n.event_id ORDER BY n.id
""")
_LEDGER = text("""
    SELECT kind, state, coalesce(reading, '') AS reading, count(*) AS n FROM deliveries
     WHERE due_at > clock_timestamp() - make_interval(hours => :hours) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_MIDNIGHT = text("""
    SELECT extract(epoch FROM (date_trunc('day', t.now AT TIME ZONE 'Asia/Shanghai') + interval '1 day')
                              AT TIME ZONE 'Asia/Shanghai' - t.now)::float8
      FROM (SELECT clock_timestamp() AS now) AS t
""")


async def waiting(db: Db | MovesDb, person_id: UUID) -> list[Waiting]:
    """Notices this person may not have heard, oldest first, the newest 50; they stay waiting."""
    return [_waiting(row) for row in await db.execute(_WAITING, {"person_id": person_id})]


async def take_waiting(db: Db, person_id: UUID) -> list[Waiting]:
    """The same, in the transaction of the answer that tells them: afterwards nothing waits."""
    return [_waiting(row) for row in await db.execute(_TAKE, {"person_id": person_id})]


async def ledger(db: Db | MovesDb, *, hours: int = 24) -> list[tuple[str, str, str, int]]:
    """(kind, state, reading, count) of the deliveries of the last hours."""
    return [(r.kind, r.state, r.reading, r.n) for r in await db.execute(_LEDGER, {"hours": hours})]


async def quota_renewed_in_s(db: Db | MovesDb) -> float:
    """Seconds until midnight in Beijing, when WeChat's daily quotas start anew; over 0, up to a day."""
    return float((await db.execute(_MIDNIGHT)).scalar_one())


def _waiting(row: Any) -> Waiting:  # a Row of either statement
    return Waiting(row.kind, row.case_id, row.facts, row.at)
