"""The complaint."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base
from app.kit.ids import new_id


class ComplaintRow(Base):
    """What a citizen says of the police. It names no station and no case."""

    __tablename__ = "complaints"
    __table_args__ = (
        UniqueConstraint("person_id", "key", name="uq_complaints_key"),
        Index("ix_complaints_filed", "filed_at"),  # complaints()
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    key: Mapped[str] = mapped_column(String(80))  # of the message that filed it: once, however often it comes
    words: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    filed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    read_at: Mapped[datetime | None]  # by an auditor, for the first time
    answered_at: Mapped[datetime | None]
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    receipt: Mapped[str] = mapped_column(String(300))
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
    content: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted field
