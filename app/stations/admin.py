"""Creating and changing stations; each change is one event `stations_changed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import shapely.geometry
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.audit.service import record_act
from app.events.record import record
from app.kit.database import AdvisoryLock, Db
from app.kit.errors import Conflict, Invalid, NotFound
from app.kit.ids import new_id
from app.stations.boundary import check_overlap, read_boundary
from app.stations.settings import read_settings

STATIONS_CHANGED = "stations_changed"

_INSERT = text("""
    INSERT INTO stations (id, code, name, name_en, phone, parent_id, is_command, boundary, settings)
    VALUES (:id, :code, :name, :name_en, :phone, :parent_id, :is_command, :boundary, :settings)
""").bindparams(bindparam("boundary", type_=JSONB(none_as_null=True)), bindparam("settings", type_=JSONB))
_KNOWN = text("SELECT id, code, parent_id, is_command, boundary FROM stations ORDER BY code")
_SETTINGS = text("SELECT settings FROM stations WHERE id = :id FOR UPDATE")
_SET_SETTINGS = text("""
    UPDATE stations SET settings = :settings, changed_at = clock_timestamp() WHERE id = :id
""").bindparams(bindparam("settings", type_=JSONB))
_SET_BOUNDARY = text("""
    UPDATE stations SET boundary = :boundary, changed_at = clock_timestamp() WHERE id = :id
""").bindparams(bindparam("boundary", type_=JSONB(none_as_null=True)))
_SET_FACTS = text("""
    UPDATE stations SET name = coalesce(CAST(:name AS text), name), name_en = coalesce(CAST(:name_en AS text), name_en),
           phone = coalesce(CAST(:phone AS text), phone), changed_at = clock_timestamp() WHERE id = :id
""")
_SET_PARENT = text(
    "UPDATE stations SET parent_id = :parent_id, changed_at = clock_timestamp() WHERE id = :id"
)
_TOUCH = text("UPDATE stations SET changed_at = clock_timestamp() WHERE id = :id")
_DROP_NEIGHBOURS = text("DELETE FROM station_neighbours WHERE station_id = :id")
_ADD_NEIGHBOUR = text(
    "INSERT INTO station_neighbours (station_id, neighbour_id, rank) VALUES (:id, :neighbour_id, :rank)"
)


class CodeTaken(Conflict):
    """Another station has this code, or there is a command centre already."""

    code = "station_exists"
    message = "该单位已存在"
    message_en = "There is such a station already"


async def create(
    db: Db,
    *,
    code: str,
    name: str,
    name_en: str = "",
    phone: str = "",
    parent_id: UUID | None = None,
    is_command: bool = False,
    boundary: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    by: UUID | None = None,
) -> UUID:
    """Add a station and return its id. `boundary` is GeoJSON in WGS-84; `settings` only what differs.

    Raises:
        Invalid: names the field. CodeTaken: the code, or the place of the command centre. NotFound: the parent.
    """
    _check_text("code", code, 1, 20)
    _check_text("name", name, 1, 60)
    _check_text("name_en", name_en, 0, 80)
    _check_text("phone", phone, 0, 30)
    read_settings(settings or {})
    known = await _known(db)
    if any(row.code == code for row in known):
        raise CodeTaken(f"a station with the code {code} exists", station=code)
    if is_command and any(row.is_command for row in known):
        raise CodeTaken("there is one command centre already")
    if parent_id is not None and parent_id not in {row.id for row in known}:
        raise NotFound("parent_id names no station", field="parent_id")
    if boundary is not None:
        _check_boundary(boundary, known)
    station_id = new_id()
    values = {
        "id": station_id, "code": code, "name": name, "name_en": name_en, "phone": phone, "parent_id": parent_id,
        "is_command": is_command, "boundary": boundary, "settings": settings or {},
    }  # fmt: skip
    await db.execute(_INSERT, values)
    await _changed(db, station_id, by, "created")
    return station_id


async def change_settings(
    db: Db, station_id: UUID, changes: dict[str, Any], *, by: UUID | None = None
) -> None:
    """Set some settings; a value of None returns that one to its default. The result must fit as a whole.

    Raises:
        Invalid: names the field. NotFound: no such station.
    """
    row = (await db.execute(_SETTINGS, {"id": station_id})).one_or_none()
    if row is None:
        raise NotFound("no such station", station_id=str(station_id))
    merged = {key: value for key, value in {**row.settings, **changes}.items() if value is not None}
    read_settings(merged)
    await db.execute(_SET_SETTINGS, {"id": station_id, "settings": merged})
    await _changed(db, station_id, by, "settings")


async def change_boundary(
    db: Db, station_id: UUID, boundary: dict[str, Any] | None, *, by: UUID | None = None
) -> None:
    """Give a station its area (GeoJSON, WGS-84), or take it away with None.

    Raises:
        Invalid: not a valid area, or it overlaps another station's. NotFound: no such station.
    """
    known = await _known(db)
    _check_known(station_id, known)
    if boundary is not None:
        _check_boundary(boundary, [row for row in known if row.id != station_id])
    await db.execute(_SET_BOUNDARY, {"id": station_id, "boundary": boundary})
    await _changed(db, station_id, by, "boundary")


async def change_facts(
    db: Db,
    station_id: UUID,
    *,
    name: str | None = None,
    name_en: str | None = None,
    phone: str | None = None,
    by: UUID | None = None,
) -> None:
    """Change how a station is called and reached; None leaves a field as it is.

    Raises:
        Invalid: names the field. NotFound: no such station.
    """
    for field, value, least, most in (
        ("name", name, 1, 60),
        ("name_en", name_en, 0, 80),
        ("phone", phone, 0, 30),
    ):
        if value is not None:
            _check_text(field, value, least, most)
    _check_known(station_id, await _known(db))
    await db.execute(_SET_FACTS, {"id": station_id, "name": name, "name_en": name_en, "phone": phone})
    await _changed(db, station_id, by, "facts")


async def change_parent(db: Db, station_id: UUID, parent_id: UUID | None, *, by: UUID | None = None) -> None:
    """Say who rings when no neighbour's desk is on.

    Raises:
        Invalid: a station would stand above itself. NotFound: no such station.
    """
    known = await _known(db)
    _check_known(station_id, known)
    above = {row.id: row.parent_id for row in known}
    if parent_id is not None:
        _check_known(parent_id, known)
    step = parent_id
    while step is not None:
        if step == station_id:
            raise Invalid("parent_id: a station cannot stand above itself", field="parent_id")
        step = above.get(step)
    await db.execute(_SET_PARENT, {"id": station_id, "parent_id": parent_id})
    await _changed(db, station_id, by, "parent")


async def change_neighbours(
    db: Db, station_id: UUID, neighbours: Sequence[UUID], *, by: UUID | None = None
) -> None:
    """Say which stations ring when this one does not answer, the first to ring first.

    Raises:
        Invalid: itself, or one of them twice. NotFound: no such station.
    """
    known = await _known(db)
    for one in (station_id, *neighbours):
        _check_known(one, known)
    if station_id in neighbours or len(set(neighbours)) < len(neighbours):
        raise Invalid("neighbours: other stations, each once", field="neighbours")
    await db.execute(_DROP_NEIGHBOURS, {"id": station_id})
    for rank, neighbour_id in enumerate(neighbours):
        await db.execute(_ADD_NEIGHBOUR, {"id": station_id, "neighbour_id": neighbour_id, "rank": rank})
    await db.execute(_TOUCH, {"id": station_id})
    await _changed(db, station_id, by, "neighbours")


async def _known(db: Db) -> Sequence[Any]:
    """Every station, while nobody else changes one: the lock lasts until the edge commits."""
    await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AdvisoryLock.STATIONS})
    return (await db.execute(_KNOWN)).all()


async def _changed(db: Db, station_id: UUID, by: UUID | None, what: str) -> None:
    await record(db, STATIONS_CHANGED, station_id=station_id, actor_id=by, data={"what": what})
    await record_act(
        db,
        actor_id=by,
        action="station_changed",
        object_kind="station",
        object_id=station_id,
        facts={"what": what},
    )


def _check_known(station_id: UUID, known: Sequence[Any]) -> None:
    if station_id not in {row.id for row in known}:
        raise NotFound("no such station", station_id=str(station_id))


def _check_boundary(boundary: dict[str, Any], others: Sequence[Any]) -> None:
    area = read_boundary(boundary)
    check_overlap(area, ((row.code, shapely.geometry.shape(row.boundary)) for row in others if row.boundary))


def _check_text(field: str, value: str, least: int, most: int) -> None:
    if not least <= len(value.strip()) or len(value) > most:
        raise Invalid(f"{field}: {least} to {most} characters, this has {len(value)}", field=field)
