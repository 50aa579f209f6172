"""Reads of dispatch: offers open to an officer, the desk's queue, who is on duty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import SELECT_CASES, Case, read_case
from app.cases.states import ACTIVE_SQL
from app.kit.database import Db, MovesDb
from app.kit.geo import Point
from app.kit.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Offer:
    """What an officer sees of a case before the claim: a rough place, no words, no reporter."""

    case_id: UUID
    epoch: int
    category: str
    station_id: UUID
    distance_m: int | None
    rough: Point | None  # centre of a 300 m square
    age_s: float
    seconds_left: float
    asked: int  # officers offered this opening so far


@dataclass(frozen=True, slots=True)
class OnDuty:
    """An officer on duty, for the desk: the 300 m square last seen, and the case in hand."""

    officer_id: UUID
    badge: str
    kind: str
    station_id: UUID
    duty_since: datetime | None
    last_seen_at: datetime | None
    square: Point | None
    case_id: UUID | None


_OFFERS = text("""
    SELECT c.id, c.epoch, c.category, c.station_id, o.distance_m, c.rough_lat, c.rough_lng,
           extract(epoch FROM clock_timestamp() - c.reported_at)::float8 AS age_s,
           extract(epoch FROM c.deadline - clock_timestamp())::float8 AS seconds_left,
           (SELECT count(*) FROM offers a WHERE a.case_id = c.id AND a.epoch = c.epoch) AS asked
      FROM offers o JOIN cases c ON c.id = o.case_id AND c.epoch = o.epoch
     WHERE o.officer_id = :officer_id AND o.offered_at > clock_timestamp() - interval '15 minutes'
       AND o.declined_at IS NULL AND c.state = 'open' AND c.deadline > clock_timestamp()
       AND (CAST(:case_id AS uuid) IS NULL OR c.id = :case_id)
     ORDER BY c.urgent DESC, c.deadline LIMIT 50
""")


async def open_offers(db: Db | MovesDb, officer_id: UUID, *, case_id: UUID | None = None) -> list[Offer]:
    """What an officer may take now, most urgent first, then by seconds left; of one case only, if named."""
    rows = await db.execute(_OFFERS, {"officer_id": officer_id, "case_id": case_id})
    return [
        Offer(
            r.id, r.epoch, r.category, r.station_id, r.distance_m,
            Point(r.rough_lat, r.rough_lng) if r.rough_lat is not None else None, round(r.age_s, 1),
            round(r.seconds_left, 1), r.asked,
        )
        for r in rows
    ]  # fmt: skip


_QUEUE = text(f"""
    {SELECT_CASES}
     WHERE (c.state = 'handed_over' OR c.ack_by IS NOT NULL) AND (:everywhere OR c.station_id = ANY(CAST(:stations AS uuid[]))
                                                                OR c.ringing_id = ANY(CAST(:stations AS uuid[])))
       AND (CAST(:after AS timestamptz) IS NULL OR (NOT c.urgent, c.reported_at, c.id) > (:after_calm, :after, :after_id))
     ORDER BY NOT c.urgent, c.reported_at, c.id LIMIT :limit
""")
_BOARD = text(f"""
    {SELECT_CASES}
     WHERE (c.state = 'open' OR c.state IN {ACTIVE_SQL})
       AND (:everywhere OR c.station_id = ANY(CAST(:stations AS uuid[])))
     ORDER BY NOT c.urgent, c.reported_at LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class After:
    """The last case of the page before."""

    calm: bool
    reported_at: datetime
    case_id: UUID


async def desk_queue(
    db: Db,
    runtime: Runtime,
    *,
    everywhere: bool,
    stations: list[UUID],
    after: After | None = None,
    limit: int = 50,
) -> list[Case]:
    """Cases with the desk of these stations, or ringing at them: urgent on top, then oldest first.

    Also an alarm about a case that is open or in an officer's hands, until a human answers it.
    """
    values = {
        "everywhere": everywhere, "stations": stations, "after": after.reported_at if after else None,
        "after_calm": after.calm if after else None, "after_id": after.case_id if after else None, "limit": limit,
    }  # fmt: skip
    return [read_case(runtime, row) for row in await db.execute(_QUEUE, values)]


async def running(
    db: Db, runtime: Runtime, *, everywhere: bool, stations: list[UUID], limit: int = 200
) -> list[Case]:
    """Cases of these stations that are open or in an officer's hands."""
    rows = await db.execute(_BOARD, {"everywhere": everywhere, "stations": stations, "limit": limit})
    return [read_case(runtime, row) for row in rows]


_ON_DUTY = text(f"""
    SELECT f.person_id, f.badge, p.kind, f.station_id, f.duty_since, f.last_seen_at, f.last_lat, f.last_lng, c.id AS case_id
      FROM officers f JOIN people p ON p.id = f.person_id
      LEFT JOIN cases c ON c.officer_id = f.person_id AND c.state IN {ACTIVE_SQL}
     WHERE f.on_duty AND p.active AND (:everywhere OR f.station_id = ANY(CAST(:stations AS uuid[])))
     ORDER BY f.badge LIMIT 2000
""")


async def on_duty(db: Db | MovesDb, *, everywhere: bool, stations: list[UUID]) -> list[OnDuty]:
    """Officers on duty at these stations, by badge."""
    rows = await db.execute(_ON_DUTY, {"everywhere": everywhere, "stations": stations})
    return [
        OnDuty(
            r.person_id, r.badge, r.kind, r.station_id, r.duty_since, r.last_seen_at,
            Point(r.last_lat, r.last_lng) if r.last_lat is not None else None, r.case_id,
        )
        for r in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReachStep:
    """One way by which an officer was called: `sent`, `seen`, or why not."""

    channel: str
    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Offered:
    """One officer asked in one opening of a case, and the ways that were tried, in order."""

    officer_id: UUID
    badge: str
    epoch: int
    offered_at: datetime
    steps: tuple[ReachStep, ...]

    @property
    def reached_s(self) -> float | None:
        """Seconds from the offer until a way had it; None: none had."""
        had = [step.at for step in self.steps if step.outcome in ("sent", "seen")]
        return round((min(had) - self.offered_at).total_seconds(), 3) if had else None


_REACHED_OF = text("""
    WITH asked AS (SELECT * FROM offers WHERE case_id = :case_id ORDER BY offered_at, officer_id LIMIT 1000)
    SELECT o.officer_id, f.badge, o.epoch, o.offered_at, r.channel, r.outcome, r.at
      FROM asked o JOIN officers f ON f.person_id = o.officer_id
      LEFT JOIN reaches r ON r.case_id = o.case_id AND r.epoch = o.epoch AND r.officer_id = o.officer_id
     ORDER BY o.offered_at, o.officer_id, o.epoch, r.at
""")


async def reached_of(db: Db | MovesDb, case_id: UUID) -> list[Offered]:
    """Whom a case was offered to and how each was reached, in the order they were asked; at most 1,000."""
    asked: dict[tuple[UUID, int], list[Any]] = {}
    for row in await db.execute(_REACHED_OF, {"case_id": case_id}):
        asked.setdefault((row.officer_id, row.epoch), []).append(row)
    return [
        Offered(
            officer_id, rows[0].badge, epoch, rows[0].offered_at,
            tuple(ReachStep(r.channel, r.outcome, r.at) for r in rows if r.channel is not None),
        )
        for (officer_id, epoch), rows in asked.items()
    ]  # fmt: skip
