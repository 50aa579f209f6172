"""The trail of an officer on a case, and the few rounded points that stay."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Column, DateTime, Float, ForeignKey, Index, Integer, SmallInteger, String, Table, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base, text_enum


class FixSource(StrEnum):
    """What measured a fix."""

    MINIPROGRAM = "miniprogram"
    OFFICIAL_ACCOUNT = "official_account"


TRAIL = Table(
    "trail",
    Base.metadata,
    Column("case_id", Uuid, nullable=False),
    Column("officer_id", Uuid, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("fixed_at", DateTime(timezone=True), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lng", Float, nullable=False),
    Column("accuracy_m", SmallInteger, nullable=False),
    Column("source", text_enum(FixSource), nullable=False),
    Index("ix_trail_case", "case_id", "fixed_at"),
)
"""Fixes on the way to a case: written by COPY, deleted when the case ends. No key: nobody reads one row."""


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
