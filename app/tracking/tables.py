"""The trail of an officer on a case, and the few rounded points that stay."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base, text_enum


class FixSource(StrEnum):
    """What measured a fix."""

    MINIPROGRAM = "miniprogram"
    OFFICIAL_ACCOUNT = "official_account"


class TrailRow(Base):
    """One fix on the way to a case; written by COPY, deleted when the case ends. No primary key: none reads one row."""

    __tablename__ = "trail"
    __table_args__ = (Index("ix_trail_case", "case_id", "fixed_at"),)

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(primary_key=True)
    fixed_at: Mapped[datetime] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    lat: Mapped[float]
    lng: Mapped[float]
    accuracy_m: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[FixSource] = mapped_column(text_enum(FixSource))


class WaypointRow(Base):
    """One position rounded to 300 m at claim and at arrival: what replay needs, and no more."""

    __tablename__ = "waypoints"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    moment: Mapped[str] = mapped_column(String(10), primary_key=True)  # claimed, arrived
    officer_id: Mapped[UUID]
    lat: Mapped[float]
    lng: Mapped[float]
    at: Mapped[datetime]
