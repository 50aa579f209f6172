"""Deliveries, and the windows in which WeChat lets us write."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base, text_enum


class Channel(StrEnum):
    """How a person is reached outside our own sockets."""

    OFFICIAL_ACCOUNT = "official_account"


class DeliveryState(StrEnum):
    """What became of a delivery."""

    QUEUED = "queued"
    SENT = "sent"
    REFUSED = "refused"  # WeChat said no, for good
    UNCERTAIN = "uncertain"  # the process died between send and record
    DROPPED = "dropped"  # no longer true, or no budget: waits for the person to ask
    DEAD = "dead"  # 8 tries, or our own fault: an operator looks


class DeliveryRow(Base):
    """One thing one person is told by one channel."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "person_id", "channel", "kind", name="uq_deliveries_once"),
        Index("ix_deliveries_due", "due_at", postgresql_where=text("state = 'queued'")),  # lease_deliveries()
        Index("ix_deliveries_person", "person_id", "id"),  # what waits for this person; order per person
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    case_id: Mapped[UUID | None]
    epoch: Mapped[int | None]
    person_id: Mapped[UUID]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    kind: Mapped[str] = mapped_column(String(40))
    priority: Mapped[int]  # 1 is the highest
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))  # for the words; no personal data
    state: Mapped[DeliveryState] = mapped_column(text_enum(DeliveryState), server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))  # also the lease
    sending_at: Mapped[datetime | None]  # set before the call; still set after a crash: uncertain
    done_at: Mapped[datetime | None]
    code: Mapped[int | None]  # WeChat's
    reading: Mapped[str | None] = mapped_column(String(40))  # ours


class WindowRow(Base):
    """How many messages WeChat still lets us send a person, and until when."""

    __tablename__ = "windows"
    __table_args__ = (CheckConstraint("remaining >= 0", name="remaining"),)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(text_enum(Channel), primary_key=True)
    remaining: Mapped[int]
    until: Mapped[datetime]
