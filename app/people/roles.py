"""Roles: given and taken per station; taken, they end within 1 s."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.events.record import record
from app.kit.database import AdvisoryLock, Db, MovesDb
from app.kit.ids import new_id
from app.people.errors import LastAdministrator
from app.people.events import PeopleEvent
from app.people.identity import person
from app.people.policy import may_give_role, require
from app.people.sessions import Actor, Grant
from app.people.tables import Role

LOCK = text("SELECT pg_advisory_xact_lock(:key)")

_GRANT = text("""
    INSERT INTO roles (id, person_id, role, station_id, granted_by)
    VALUES (:id, :person_id, :role, CAST(:station_id AS uuid), CAST(:by AS uuid)) ON CONFLICT DO NOTHING RETURNING id
""")
_REVOKE = text("""
    DELETE FROM roles WHERE person_id = :person_id AND role = :role
       AND station_id IS NOT DISTINCT FROM CAST(:station_id AS uuid) RETURNING id
""")
_OTHERS = text("""
    SELECT count(*) FROM roles r JOIN people p ON p.id = r.person_id
     WHERE r.role = 'administrator' AND r.station_id IS NULL AND p.active AND r.person_id <> :person_id
""")
_OF = text("SELECT role, station_id FROM roles WHERE person_id = :id ORDER BY granted_at, id")


async def roles_of(db: Db | MovesDb, person_id: UUID) -> tuple[Grant, ...]:
    """A person's roles, oldest first."""
    rows = (await db.execute(_OF, {"id": person_id})).all()
    return tuple(Grant(Role(row.role), row.station_id) for row in rows)


async def grant(db: Db, *, person_id: UUID, role: Role, station_id: UUID | None, by: Actor | None) -> bool:
    """Give a role at a station, or at all (None); False when it was theirs already. `by` None: the shell.

    Raises:
        Forbidden: `may_give_role` says no. PersonNotFound: nobody has this id.
    """
    require(may_give_role(by, role, station_id, person_id))
    await person(db, person_id)
    values = {
        "id": new_id(), "person_id": person_id, "role": role.value, "station_id": station_id,
        "by": by.person_id if by else None,
    }  # fmt: skip
    if (await db.execute(_GRANT, values)).one_or_none() is None:
        return False
    await _changed(db, person_id, role, station_id, by, "role_granted")
    return True


async def revoke_role(
    db: Db, *, person_id: UUID, role: Role, station_id: UUID | None, by: Actor | None
) -> bool:
    """Take exactly this role away; False when it was not theirs.

    Raises:
        Forbidden: `may_give_role` says no. LastAdministrator: nobody could make another.
    """
    require(may_give_role(by, role, station_id, person_id))
    if role is Role.ADMINISTRATOR and station_id is None:
        await db.execute(LOCK, {"key": AdvisoryLock.ADMINISTRATORS})
        if not (await db.execute(_OTHERS, {"person_id": person_id})).scalar_one():
            raise LastAdministrator()
    values = {"person_id": person_id, "role": role.value, "station_id": station_id}
    if (await db.execute(_REVOKE, values)).one_or_none() is None:
        return False
    await _changed(db, person_id, role, station_id, by, "role_revoked")
    return True


async def _changed(
    db: Db, person_id: UUID, role: Role, station_id: UUID | None, by: Actor | None, action: str
) -> None:
    actor_id = by.person_id if by else None
    await record(db, PeopleEvent.ACTOR_CHANGED, actor_id=actor_id, data={"person_id": str(person_id)})
    await record_act(
        db, actor_id=actor_id, action=action, object_kind="person", object_id=person_id,
        facts={"role": role.value, "station_id": str(station_id) if station_id else None},
    )  # fmt: skip
