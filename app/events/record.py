"""Writing an event inside a transaction. A move of a case writes its own (`app.cases.moves`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.kit.database import Db

FIRST_LEASE_S = 2
"""How long the process that made an event has it to itself; then the worker may follow it."""

_INSERT = text(f"""
    WITH e AS (
        INSERT INTO events (kind, case_id, station_id, actor_id, epoch, at, data)
        VALUES (:kind, :case_id, :station_id, :actor_id, :epoch, clock_timestamp(), :data)
        RETURNING id, at
    ), o AS (
        INSERT INTO outbox (event_id, lease_until, attempts)
        SELECT id, at + interval '{FIRST_LEASE_S} seconds', 1 FROM e
    )
    SELECT id, at FROM e
""").bindparams(bindparam("data", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Event:
    """What a follower is given. `data` holds ids and facts, never personal data."""

    id: int
    kind: str
    at: datetime
    case_id: UUID | None = None
    station_id: UUID | None = None
    actor_id: UUID | None = None
    epoch: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


async def record(
    db: Db,
    kind: str,
    *,
    case_id: UUID | None = None,
    station_id: UUID | None = None,
    actor_id: UUID | None = None,
    epoch: int | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """Write an event and its outbox row in the caller's transaction.

    The edge (`app.events.edge.transaction`) follows it once the transaction has committed.
    """
    facts = data or {}
    values = {
        "kind": kind, "case_id": case_id, "station_id": station_id, "actor_id": actor_id, "epoch": epoch, "data": facts
    }  # fmt: skip
    row = (await db.execute(_INSERT, values)).one()
    event = Event(row.id, kind, row.at, case_id, station_id, actor_id, epoch, facts)
    db.info.setdefault("events", []).append(event)
    return event
