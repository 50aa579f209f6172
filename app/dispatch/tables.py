"""Offers, how they reached a phone, and reports that are still being written."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base
from app.kit.ids import new_id


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


class MeTooRow(Base):
    """Somebody who was told that a case like theirs is near, and whether they said "me too"; who hears of its end."""

    __tablename__ = "me_toos"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True, index=True)
    told: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # times within a day
    told_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"), index=True)
    joined_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(BigInteger)  # the event of whose notice they are


class AreaCaseRow(Base):
    """A case that the desk has opened for an area: who reports the like inside is asked whether it is this one."""

    __tablename__ = "area_cases"
    __table_args__ = (
        Index("uq_area_cases_now", "case_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        # area_case_at()
        Index("ix_area_cases_now", "category", "lat", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    category: Mapped[str] = mapped_column(String(30))
    lat: Mapped[float]  # WGS-84, chosen by the desk and published: nobody's address
    lng: Mapped[float]
    radius_m: Mapped[int]
    words_zh: Mapped[str] = mapped_column(String(200))  # published
    words_en: Mapped[str] = mapped_column(String(300))
    until: Mapped[datetime]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    opened_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    ended_at: Mapped[datetime | None]


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
