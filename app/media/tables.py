"""Media, and how many were fetched on a day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base, text_enum
from app.kit.ids import new_id
from app.media.states import MediaKind, MediaState, Reason


class MediumRow(Base):
    """A picture, voice or video that a person sent; of a case once the report they were writing became one."""

    __tablename__ = "media"
    __table_args__ = (
        UniqueConstraint("person_id", "source_id", name="uq_media_source"),
        Index("ix_media_due", "due_at", postgresql_where=text("state IN ('waiting', 'erasing')")),  # jobs
        Index(
            "ix_media_case", "case_id", "received_at", postgresql_where=text("case_id IS NOT NULL")
        ),  # media_of()
        # forget()
        Index(
            "ix_media_unbound", "received_at", postgresql_where=text("case_id IS NULL AND state <> 'erasing'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))  # who sent it
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    source_id: Mapped[str] = mapped_column(
        String(128)
    )  # WeChat's media id, as in drafts.media and cases.media
    kind: Mapped[MediaKind] = mapped_column(text_enum(MediaKind))
    state: Mapped[MediaState] = mapped_column(text_enum(MediaState), server_default="waiting")
    reason: Mapped[Reason | None] = mapped_column(text_enum(Reason))
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # also the token of a lease
    code: Mapped[int | None] = mapped_column(Integer)  # WeChat's last refusal
    fetched_at: Mapped[datetime | None]

    data_key: Mapped[bytes | None] = mapped_column(
        LargeBinary
    )  # encrypted field; without it the files are noise
    stored_as: Mapped[str | None] = mapped_column(String(64))  # the folder of its files in the store
    store: Mapped[str | None] = mapped_column(String(10))  # local, s3
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)  # of the original, for evidence
    original_type: Mapped[str | None] = mapped_column(String(40))  # by content
    original_bytes: Mapped[int | None] = mapped_column(Integer)
    served_type: Mapped[str | None] = mapped_column(String(40))
    served_bytes: Mapped[int | None] = mapped_column(Integer)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    duration_ms: Mapped[int | None] = mapped_column(Integer)


class MediaDayRow(Base):
    """How many media were fetched on a day in Beijing, where WeChat's quota ends at midnight."""

    __tablename__ = "media_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    downloads: Mapped[int] = mapped_column(Integer)
    spent: Mapped[bool] = mapped_column(server_default=text("false"))  # WeChat said so, whatever we counted
