"""Reads of the ledger: what a person was not told, and when a daily quota is new."""

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


@dataclass(frozen=True, slots=True)
class Stop:
    """A channel that nobody is written to by, and why: `wait_quota`, `operator`, `wait_minute`, `refresh`."""

    channel: str
    until: datetime
    reading: str


_STOPS = text(
    "SELECT channel, until, reading FROM channel_stops WHERE until > clock_timestamp() ORDER BY channel"
)
# Also what WeChat refused although we had counted a message, and what may or may not have arrived: the
# person is not sure to have heard it. What was no longer true when its turn came is not news.
_UNHEARD = """state IN ('dropped', 'refused', 'uncertain', 'dead') AND seen_at IS NULL AND NOT passed_on
         AND reading IS DISTINCT FROM 'stale'"""
_TAKE = text(f"""
    WITH taken AS (
        UPDATE deliveries SET seen_at = clock_timestamp() WHERE person_id = :person_id AND {_UNHEARD}
        RETURNING id, event_id, kind, case_id, facts
    ), newest AS (SELECT * FROM taken ORDER BY id DESC LIMIT {MOST})
    SELECT n.kind, n.case_id, n.facts, e.at FROM newest n JOIN events e ON e.id = n.event_id ORDER BY n.id
""")
_MIDNIGHT = text("""
    SELECT extract(epoch FROM (date_trunc('day', t.now AT TIME ZONE 'Asia/Shanghai') + interval '1 day')
                              AT TIME ZONE 'Asia/Shanghai' - t.now)::float8
      FROM (SELECT clock_timestamp() AS now) AS t
""")


async def take_waiting(db: Db, person_id: UUID) -> list[Waiting]:
    """Notices this person may not have heard, oldest first, the newest 50; afterwards nothing waits.

    In the transaction of the answer that tells them.
    """
    rows = await db.execute(_TAKE, {"person_id": person_id})
    return [Waiting(r.kind, r.case_id, r.facts, r.at) for r in rows]


async def quota_renewed_in_s(db: Db | MovesDb) -> float:
    """Seconds until midnight in Beijing, when WeChat's daily quotas start anew; over 0, up to a day."""
    return float((await db.execute(_MIDNIGHT)).scalar_one())


async def stops(db: Db | MovesDb) -> list[Stop]:
    """Channels that are stopped now."""
    return [Stop(r.channel, r.until, r.reading) for r in await db.execute(_STOPS)]
