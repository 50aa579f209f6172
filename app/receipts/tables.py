"""The receipt of a case, and what its reporter needs to prove the content by it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class ReceiptRow(Base):
    """One receipt a case, never written anew.

    `salt` and `content` are encrypted and go when the case's words do: then the receipt still says that a report
    was made, and nobody can ever say again what was in it.
    """

    __tablename__ = "receipts"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    receipt: Mapped[str] = mapped_column(String(300))
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
