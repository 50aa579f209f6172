"""Keys of messages received, with their answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class InboxRow(Base):
    """One message from outside. Kept for 3 days; WeChat repeats within a minute."""

    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_received", "received_at"),)  # forget()

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  # SHA-256: no openid in it
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    reply: Mapped[str | None] = mapped_column(Text)  # what was answered, addresses left out
