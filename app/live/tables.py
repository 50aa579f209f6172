"""Tickets for sockets that were issued while Valkey was away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class SocketTicketRow(Base):
    """Whose socket a ticket opens, once. Read only when Valkey does not hold the ticket."""

    __tablename__ = "socket_tickets"

    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[UUID]
    session_id: Mapped[UUID]
    topics: Mapped[list[str]] = mapped_column(ARRAY(String(80)))
    expires_at: Mapped[datetime]
