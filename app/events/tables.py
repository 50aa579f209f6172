"""Events and their outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class EventRow(Base):
    """Something that happened. Never updated, never deleted while its case is kept."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_case", "case_id", "id"),)  # a case's timeline

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[UUID | None]
    station_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]  # None: the system
    epoch: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    # Ids and facts, no personal data.
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class OutboxRow(Base):
    """An event that nobody has followed to its end yet."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "lease_until", postgresql_where=text("dead_at IS NULL")),  # follow_left()
    )

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), primary_key=True)
    lease_until: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    dead_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(200))
