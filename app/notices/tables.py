"""Deliveries, the windows in which WeChat lets us write, what people consented to, and what a day has used up."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Enum,
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
    """How a person is reached. One more needs no migration: the database does not know the list."""

    SOCKET = "socket"  # an open mini-program; counts when the phone says that it showed the notice
    OFFICIAL_ACCOUNT = "official_account"  # a customer-service message, while a window is open
    TEMPLATE = "template"  # a template message or a subscription notice of the Official Account
    SUBSCRIPTION = "subscription"  # a subscription message of the mini-program, by consent
    PAGER = "pager"  # police app, WeCom, SMS, the desk's loudspeaker


def _channel() -> Enum:
    return Enum(
        Channel,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class DeliveryState(StrEnum):
    """What became of a delivery."""

    QUEUED = "queued"
    SENT = "sent"
    REFUSED = "refused"  # WeChat said no, for good
    UNCERTAIN = "uncertain"  # it may have arrived: no answer came, or nobody lived to write it down
    DROPPED = "dropped"  # no longer true, or no budget: waits for the person to ask
    DEAD = "dead"  # 8 tries, or our own fault: an operator looks


class DeliveryRow(Base):
    """One thing one person is told by one channel."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "person_id", "channel", "kind", name="uq_deliveries_once"),
        # Never two channels at once for one notice.
        Index(
            "uq_deliveries_under_way",
            "event_id",
            "person_id",
            "kind",
            unique=True,
            postgresql_where=text("NOT passed_on"),
        ),
        Index("ix_deliveries_due", "due_at", "id", postgresql_where=text("state = 'queued'")),  # deliver()
        # deliver(), for the oldest of each person
        Index("ix_deliveries_order", "person_id", "channel", "id", postgresql_where=text("state = 'queued'")),
        # take_waiting()
        Index(
            "ix_deliveries_waiting",
            "person_id",
            postgresql_where=text(
                "seen_at IS NULL AND NOT passed_on AND state IN ('dropped', 'refused', 'uncertain', 'dead')"
            ),
        ),
        # confirm()
        Index("ix_deliveries_sent_id", "sent_id", postgresql_where=text("sent_id IS NOT NULL")),
        # deliveries_of()
        Index("ix_deliveries_case", "case_id", "id", postgresql_where=text("case_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    case_id: Mapped[UUID | None]
    epoch: Mapped[int | None]
    person_id: Mapped[UUID]
    channel: Mapped[Channel] = mapped_column(_channel())
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
    seen_at: Mapped[datetime | None]  # the person has seen it: in a later answer, or in the mini-program
    code: Mapped[int | None]  # WeChat's
    reading: Mapped[str | None] = mapped_column(String(40))  # ours
    passed_on: Mapped[bool] = mapped_column(server_default=text("FALSE"))  # the next channel has it
    sent_id: Mapped[str | None] = mapped_column(String(40))  # WeChat's, by which it tells what became of it
    confirmed_at: Mapped[datetime | None]  # WeChat said that the phone has it


class WindowRow(Base):
    """How many messages WeChat still lets us send a person, and until when.

    Two windows, for they run beside each other: a click's minute neither shortens nor refills the two days
    that a message opened.
    """

    __tablename__ = "windows"
    __table_args__ = (CheckConstraint("long_left >= 0 AND short_left >= 0", name="left"),)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(_channel(), primary_key=True)
    long_left: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # of a message
    long_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))
    short_left: Mapped[int] = mapped_column(
        SmallInteger, server_default=text("0")
    )  # of a click, follow or scan
    short_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))


class ChannelStopRow(Base):
    """A channel that must not be used for a while: its quota is spent, or only an operator can help."""

    __tablename__ = "channel_stops"

    channel: Mapped[Channel] = mapped_column(_channel(), primary_key=True)
    until: Mapped[datetime]
    reading: Mapped[str] = mapped_column(String(40))


class ConsentRow(Base):
    """How often a person lets one template be sent by one channel."""

    __tablename__ = "consents"
    __table_args__ = (CheckConstraint("left_once >= 0", name="left"),)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(_channel(), primary_key=True)
    template_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    left_once: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # one send each
    lasting: Mapped[bool] = mapped_column(server_default=text("FALSE"))  # a long-term one: many sends
    changed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class DailySendRow(Base):
    """What one channel's API has been called on one day in Beijing; in shards, so that no row is a queue."""

    __tablename__ = "daily_sends"

    channel: Mapped[Channel] = mapped_column(_channel(), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    alarmed_at: Mapped[datetime | None]  # shard 0: when the day's 80 % were told


class EarlyResultRow(Base):
    """What WeChat told of a message before we had written down its id; kept for an hour."""

    __tablename__ = "early_results"

    channel: Mapped[Channel] = mapped_column(_channel(), primary_key=True)
    sent_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    status: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
