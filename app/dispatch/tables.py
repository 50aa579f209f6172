"""Offers, how they reached a phone, and reports that are still being written."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class OfferRow(Base):
    """One open case shown to one officer, once per opening. Response rates come from here."""

    __tablename__ = "offers"
    __table_args__ = (Index("ix_offers_officer", "officer_id", "offered_at"),)  # open_offers()

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)  # of the opening
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    ring: Mapped[int] = mapped_column(SmallInteger)
    distance_m: Mapped[int | None]  # None: by last cell, or by station without a position
    candidates: Mapped[int]  # how many were considered in this ring
    offered_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    seen_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(30))


class ReachRow(Base):
    """Which channel reached whom and when, for one offer."""

    __tablename__ = "reaches"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(
        String(20), primary_key=True
    )  # as app.dispatch.reach.ReachChannel has it
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    outcome: Mapped[str] = mapped_column(String(20), server_default="sent")


class OfficerReachRow(Base):
    """What is known of the ways to an officer beyond windows and consents: the last test, and who knows no such badge."""

    __tablename__ = "officer_reach"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    unknown_to: Mapped[list[str]] = mapped_column(
        ARRAY(String(20)), server_default=text("'{}'")
    )  # pagers that have said so
    probed_at: Mapped[datetime | None]
    probe_channel: Mapped[str | None] = mapped_column(String(20))  # None: there was none to try
    probe_outcome: Mapped[str | None] = mapped_column(String(20))


class OfficerChatRow(Base):
    """Which case an officer was last told of in the chat: what they type next is about that one, in those hands."""

    __tablename__ = "officer_chats"

    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.person_id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    epoch: Mapped[int]


class DraftRow(Base):
    """A report that is still being written in chat; one a person."""

    __tablename__ = "drafts"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    category: Mapped[str | None] = mapped_column(String(30))
    words: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    place: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted JSON
    media: Mapped[list[str]] = mapped_column(ARRAY(String(128)), server_default=text("'{}'"))
    asked_place: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # twice at most
    turns: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # messages that went into it
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
