"""The case."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    text,
)  # fmt: skip
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.states import ACTIVE_SQL, CaseState, Cause
from app.kit.database import Base, text_enum
from app.kit.ids import new_id

_ACTIVE = f"state IN {ACTIVE_SQL}"


class CaseRow(Base):
    """What a citizen reported, until it is closed. Its state is written by `cases.moves` alone."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("deadline > reported_at", name="window"),
        CheckConstraint("claimed_at < deadline", name="claimed_in_time"),
        CheckConstraint("handover_cause <> 'deadline' OR handed_over_at >= deadline", name="never_early"),
        CheckConstraint(
            f"({_ACTIVE}) = (officer_id IS NOT NULL) OR state IN ('closed','cancelled')", name="holder"
        ),
        UniqueConstraint("reporter_id", "idempotency_key", name="uq_cases_idempotency"),
        # One case at a time.
        Index("uq_cases_officer_active", "officer_id", unique=True, postgresql_where=text(_ACTIVE)),
        Index("ix_cases_due", "deadline", postgresql_where=text("state = 'open'")),  # sweep()
        Index("ix_cases_ring", "next_ring_at", postgresql_where=text("state = 'open'")),  # due_rings()
        Index("ix_cases_act", "act_by", postgresql_where=text("act_by IS NOT NULL")),  # sweep_silent()
        Index(
            "ix_cases_ack", "ack_by", postgresql_where=text("ack_by IS NOT NULL")
        ),  # sweep_unacknowledged()
        # desk_queue()
        Index("ix_cases_desk", "station_id", "reported_at", postgresql_where=text("state = 'handed_over'")),
        Index(
            "ix_cases_near",  # app.dispatch.nearby
            "category",
            "rough_lat",
            postgresql_where=text("state NOT IN ('cancelled', 'closed', 'merged')"),
        ),
        Index("ix_cases_reporter", "reporter_id", "reported_at"),  # my cases; limits per person
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(16), unique=True)  # read aloud on the phone
    state: Mapped[CaseState] = mapped_column(text_enum(CaseState))
    previous_state: Mapped[str | None] = mapped_column(String(20))  # before the last move; events tell it
    epoch: Mapped[int] = mapped_column(server_default=text("0"))  # fencing token: a stale one gets Conflict

    reporter_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    category: Mapped[str] = mapped_column(String(30))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    text_only: Mapped[bool] = mapped_column(server_default=text("false"))  # never call the reporter
    words: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    place: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted JSON: lat, lng (WGS-84), label
    rough_lat: Mapped[float | None]  # centre of a 300 m square: what an offer shows
    rough_lng: Mapped[float | None]
    media: Mapped[list[str]] = mapped_column(ARRAY(String(128)), server_default=text("'{}'"))
    meet_code: Mapped[str] = mapped_column(String(4))  # on both phones
    # Kinds of people who may be offered it.
    kinds: Mapped[list[str]] = mapped_column(ARRAY(String(12)), server_default=text("'{officer}'"))
    skill: Mapped[str | None] = mapped_column(String(30))

    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    previous_officer_id: Mapped[UUID | None]
    desk_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))  # who has taken it there
    excluded: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))

    reported_at: Mapped[datetime]
    deadline: Mapped[datetime]
    next_ring_at: Mapped[datetime | None]
    ring: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # the next ring to run
    claimed_at: Mapped[datetime | None]
    assigned_at: Mapped[datetime | None]
    en_route_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]  # when the last officer let go: access to the reporter ends with it
    closed_at: Mapped[datetime | None]

    # Seconds without a sign: nudge, alarm, take back.
    silence_s: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    stall_s: Mapped[int] = mapped_column(SmallInteger)  # en route without progress
    sign_at: Mapped[datetime | None]  # newest sign of the holder
    act_by: Mapped[datetime | None]  # when the sweep looks at the silent holder next
    act_step: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))

    handed_over_at: Mapped[datetime | None]
    handover_cause: Mapped[Cause | None] = mapped_column(text_enum(Cause))
    ack_s: Mapped[int] = mapped_column(SmallInteger)
    ack_by: Mapped[datetime | None]  # when the next desk on the ladder rings
    ack_step: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    acknowledged_at: Mapped[datetime | None]
    ringing_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))  # whose desk rings now
    forwards: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))

    disposition: Mapped[str | None] = mapped_column(String(30))
    disposition_note: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    stars: Mapped[int | None] = mapped_column(SmallInteger)
    rating_words: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class BackupRow(Base):
    """An officer who helps on a case: joins, is tracked, leaves; holds nothing."""

    __tablename__ = "backups"
    __table_args__ = (
        Index(
            "uq_backups_now", "case_id", "officer_id", unique=True, postgresql_where=text("left_at IS NULL")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    joined_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    left_at: Mapped[datetime | None]
