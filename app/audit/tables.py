"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base


class AuditRow(Base):
    """One act. `seq` and `hash` come with the seal, in order of sealing without gaps."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_unsealed", "id", postgresql_where=text("seq IS NULL")),  # seal()
        Index("ix_audit_object", "object_kind", "object_id", "id"),  # who looked at this
        Index("ix_audit_actor", "actor_id", "id"),  # what did they do
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    object_kind: Mapped[str] = mapped_column(String(30))
    object_id: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str | None] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)
