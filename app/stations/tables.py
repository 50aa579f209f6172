"""Stations, who stands next to whom, and the places people call by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import Base
from app.kit.ids import new_id


class StationRow(Base):
    """A police station, or the command centre at the top."""

    __tablename__ = "stations"
    __table_args__ = (
        Index("uq_stations_command", "is_command", unique=True, postgresql_where=text("is_command")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(20), unique=True)  # what an administrator types
    name: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(80), server_default="")
    phone: Mapped[str] = mapped_column(String(30), server_default="")  # the desk's public number
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    is_command: Mapped[bool] = mapped_column(server_default=text("false"))
    boundary: Mapped[
        dict[str, Any] | None
    ]  # GeoJSON Polygon or MultiPolygon, WGS-84 [lng, lat]; None: no area
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))  # StationSettings
    changed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class NeighbourRow(Base):
    """A station that rings when this one does not answer, in order of rank."""

    __tablename__ = "station_neighbours"

    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), primary_key=True)
    neighbour_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), primary_key=True)
    rank: Mapped[int] = mapped_column(server_default=text("0"))


class PlaceRow(Base):
    """A place that people call by name, with its point: what words in a chat are matched with."""

    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("station_id", "name", name="uq_places_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))  # whose administrator keeps it
    name: Mapped[str] = mapped_column(String(60))
    aliases: Mapped[list[str]] = mapped_column(ARRAY(String(60)), server_default=text("'{}'"))
    lat: Mapped[float]  # WGS-84
    lng: Mapped[float]
