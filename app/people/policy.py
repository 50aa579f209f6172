"""Who may decide about people: one function per question. `actor` None is an operator at the shell."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.kit.errors import Forbidden
from app.kit.runtime import Runtime
from app.live.permissions import Permission
from app.people.sessions import Actor
from app.people.tables import Role

_BY_A_STATION = frozenset({Role.DESK, Role.COMMANDER})


def may_administer(actor: Actor | None, station_id: UUID | None) -> bool:
    """Invite officers, change them, end their sessions; station None: at all stations."""
    return actor is None or (actor.second_factor and actor.has(Role.ADMINISTRATOR, station_id))


def may_give_role(actor: Actor | None, role: Role, station_id: UUID | None, person_id: UUID) -> bool:
    """Nobody decides on their own roles; a station's administrator gives the desk and command of that station."""
    if actor is None:
        return True
    if actor.person_id == person_id:
        return False
    return may_administer(actor, station_id if role in _BY_A_STATION else None)


def may_approve(actor: Actor, station_id: UUID, person_id: UUID) -> bool:
    """A desk or command lets an officer of its station in, never oneself."""
    if actor.person_id == person_id or not actor.second_factor:
        return False
    return actor.has(Role.DESK, station_id) or actor.has(Role.COMMANDER, station_id)


def require(allowed: bool) -> None:
    """Go on, or not.

    Raises:
        Forbidden: not allowed.
    """
    if not allowed:
        raise Forbidden()


async def may_hear_person(_: Runtime, person_ids: list[str]) -> dict[str, Permission]:
    """Policy of the topic `person:<id>`: that person alone."""
    return {person_id: Permission(frozenset({UUID(person_id)}), None) for person_id in person_ids}


_DESK = text("""
    SELECT s.id AS station_id, r.person_id FROM unnest(CAST(:ids AS uuid[])) AS s(id)
      JOIN roles r ON r.role IN ('desk', 'commander') AND (r.station_id = s.id OR r.station_id IS NULL)
      JOIN people p ON p.id = r.person_id AND p.active
""")


async def may_hear_desk(runtime: Runtime, station_ids: list[str]) -> dict[str, Permission]:
    """Policy of the topic `desk:<station_id>`: its desk and command, and those of all stations."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_DESK, {"ids": [UUID(one) for one in station_ids]})).all()
    heard: dict[str, set[UUID]] = {station_id: set() for station_id in station_ids}
    for row in rows:
        heard[str(row.station_id)].add(row.person_id)
    return {station_id: Permission(frozenset(persons), None) for station_id, persons in heard.items()}
