"""Deliveries, and the windows in which WeChat lets us write."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
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
        Index("ix_deliveries_due", "due_at", "id", postgresql_where=text("state = 'queued'")),  # deliver()
        # deliver(), for the oldest of each person
        Index("ix_deliveries_order", "person_id", "channel", "id", postgresql_where=text("state = 'queued'")),
        # take_waiting()
        Index(
            "ix_deliveries_waiting",
            "person_id",
            postgresql_where=text("seen_at IS NULL AND state IN ('dropped', 'refused', 'uncertain', 'dead')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    case_id: Mapped[UUID | None]
    epoch: Mapped[int | None]
    person_id: Mapped[UUID]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    kind: Mapped[str] = mapped_column(String(40))
    priority: Mapped[int]  # 1 is the highest
    facts: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'::jsonb")
    )  # for the words; no personal data
    state: Mapped[DeliveryState] = mapped_column(text_enum(DeliveryState), server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))  # also the lease
    sending_at: Mapped[datetime | None]  # set before the call; still set after a crash: uncertain
    done_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]  # not heard of when it happened, and told in a later answer
    code: Mapped[int | None]  # WeChat's
    reading: Mapped[str | None] = mapped_column(String(40))  # ours


class WindowRow(Base):
    """How many messages WeChat still lets us send a person, and until when.

    Two windows, for they run beside each other: a click's minute neither shortens nor refills the two days
    that a message opened.
    """

    __tablename__ = "windows"
    __table_args__ = (CheckConstraint("long_left >= 0 AND short_left >= 0", name="left"),)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(text_enum(Channel), primary_key=True)
    long_left: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # of a message
    long_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))
    short_left: Mapped[int] = mapped_column(
        SmallInteger, server_default=text("0")
    )  # of a click, follow or scan
    short_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))


class ChannelStopRow(Base):
    """A channel that must not be used for a while: its quota is spent, or only an operator can help."""

    __tablename__ = "channel_stops"

    channel: Mapped[Channel] = mapped_column(text_enum(Channel), primary_key=True)
    until: Mapped[datetime]
    reading: Mapped[str] = mapped_column(String(40))
