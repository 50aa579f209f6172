"""Reads of the ledger: what a person was not told, what they have seen, and when a daily quota is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.notices.policy import POLICIES, Told

MOST = 50


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that could not be sent; `facts` are those of its words, `at` is when it happened."""

    kind: str
    case_id: UUID | None
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Unseen(Waiting):
    """One that waits in the mini-program."""

    id: int


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
# person is not sure to have heard it. What was no longer true when its turn came is not news, and neither is what
# an officer was asked in a minute that is over.
_OF_ITS_MINUTE = ", ".join(
    f"'{kind}'" for kind, p in sorted(POLICIES.items()) if p.told in (Told.ASKED, Told.ON_DUTY)
)
UNHEARD = f"""d.state IN ('dropped', 'refused', 'uncertain', 'dead') AND d.seen_at IS NULL AND NOT d.passed_on
         AND d.reading IS DISTINCT FROM 'stale' AND d.kind NOT IN ({_OF_ITS_MINUTE})"""
"""Of a delivery `d`: nothing could carry it, and the person has not seen it."""
_ABOUT_OTHERS = ", ".join(f"'{kind}'" for kind, p in sorted(POLICIES.items()) if p.told is Told.JOINED)
OWN_CASE = f"CASE WHEN d.kind NOT IN ({_ABOUT_OTHERS}) THEN d.case_id END"
"""Of a delivery `d`: the case it tells of, unless it is somebody else's; its id holds the moment of that report."""
_TAKE = text(f"""
    WITH taken AS (
        UPDATE deliveries d SET seen_at = clock_timestamp() WHERE d.person_id = :person_id AND {UNHEARD}
        RETURNING d.id, d.event_id, d.kind, {OWN_CASE} AS case_id, d.facts
    ), newest AS (SELECT * FROM taken ORDER BY id DESC LIMIT {MOST})
    SELECT n.kind, n.case_id, n.facts, e.at FROM newest n JOIN events e ON e.id = n.event_id ORDER BY n.id
""")
# Also what an open mini-program is being shown at this moment.
_UNSEEN = text(f"""
    WITH d AS (
        SELECT * FROM deliveries d
         WHERE person_id = :person_id AND ({UNHEARD} OR (state = 'queued' AND channel = 'socket'))
         ORDER BY id DESC LIMIT {MOST}
    )
    SELECT d.id, d.kind, {OWN_CASE} AS case_id, d.facts, e.at FROM d JOIN events e ON e.id = d.event_id ORDER BY d.id DESC
""")
# Whichever channel has the notice by now: what is seen is sent no more.
_SEE = text("""
    WITH told AS (SELECT DISTINCT event_id, kind FROM deliveries WHERE person_id = :person_id AND id = ANY(CAST(:ids AS bigint[])))
    UPDATE deliveries d SET seen_at = clock_timestamp(),
           state = CASE WHEN d.state <> 'queued' THEN d.state WHEN d.channel = 'socket' THEN 'sent' ELSE 'dropped' END,
           done_at = coalesce(d.done_at, clock_timestamp()),
           reading = CASE WHEN d.state = 'queued' AND d.channel <> 'socket' THEN 'seen_elsewhere' ELSE d.reading END
      FROM told WHERE d.person_id = :person_id AND d.event_id = told.event_id AND d.kind = told.kind
       AND d.seen_at IS NULL AND (d.state <> 'queued' OR d.sending_at IS NULL)
    RETURNING d.event_id, d.kind
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


async def unseen_of(db: Db | MovesDb, person_id: UUID) -> list[Unseen]:
    """What this person may not have heard, newest first, at most 50; it goes on waiting."""
    rows = await db.execute(_UNSEEN, {"person_id": person_id})
    return [Unseen(r.kind, r.case_id, r.facts, r.at, r.id) for r in rows]


async def mark_seen(db: Db, person_id: UUID, ids: list[int]) -> int:
    """The person's mini-program showed these; returns how many notices were new. Others' ids change nothing."""
    rows = (await db.execute(_SEE, {"person_id": person_id, "ids": ids})).all()
    return len({(r.event_id, r.kind) for r in rows})


async def quota_renewed_in_s(db: Db | MovesDb) -> float:
    """Seconds until midnight in Beijing, when WeChat's daily quotas start anew; over 0, up to a day."""
    return float((await db.execute(_MIDNIGHT)).scalar_one())


async def stops(db: Db | MovesDb) -> list[Stop]:
    """Channels that are stopped now."""
    return [Stop(r.channel, r.until, r.reading) for r in await db.execute(_STOPS)]
