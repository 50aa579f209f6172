"""Who asks whom, and what."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base
from app.kit.ids import new_id


class ResidentRow(Base):
    """A resident and their community officer."""

    __tablename__ = "residents"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.person_id"), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))  # the officer's when they were bound
    bound_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class QuestionRow(Base):
    """A resident's question and its answer."""

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("person_id", "key", name="uq_questions_key"),
        Index(
            "uq_questions_number",
            "officer_id",
            "number",
            unique=True,
            postgresql_where=text("answered_at IS NULL AND handed_at IS NULL"),
        ),  # questions_of_officer(), and a number names one question
        Index(
            "ix_questions_desk",
            "station_id",
            "asked_at",
            postgresql_where=text("answered_at IS NULL AND handed_at IS NOT NULL"),
        ),  # questions_of_desks()
        Index(
            "ix_questions_answered", "answered_at", postgresql_where=text("answered_at IS NOT NULL")
        ),  # forget()
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    key: Mapped[str] = mapped_column(String(80))  # of the message that asked: once, however often it comes
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.person_id"))
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    number: Mapped[int]  # short, among the officer's open ones: what they type
    words: Mapped[bytes] = mapped_column(LargeBinary)  # encrypted field
    asked_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    handed_at: Mapped[datetime | None]  # to the desk
    cause: Mapped[str | None] = mapped_column(String(20))  # why: off_duty, suspended, moved
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    answered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]  # by the resident
