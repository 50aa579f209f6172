"""Officers and auxiliaries: duty, station and skills, crews, suspension."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.events.record import record
from app.kit.database import Db, MovesDb
from app.people.devices import forget_devices
from app.people.errors import CaseInHand, OfficerNotFound, UnfitField
from app.people.events import PeopleEvent
from app.people.policy import may_administer, require
from app.people.sessions import Actor, OfficerFacts, officer_facts, revoke_all


@dataclass(frozen=True, slots=True)
class Duty:
    """Whether an officer is on duty, and since when."""

    on_duty: bool
    since: datetime | None


_FACTS = text("""
    SELECT person_id, station_id, badge, skills, lead_id, on_duty FROM officers WHERE person_id = ANY(CAST(:ids AS uuid[]))
""")


async def facts_of(db: Db | MovesDb, ids: Collection[UUID]) -> dict[UUID, OfficerFacts]:
    """What is known of these officers; whoever is none is left out."""
    rows = (await db.execute(_FACTS, {"ids": list(ids)})).all()
    return {row.person_id: facts for row in rows if (facts := officer_facts(row))}


_DUTY_NOW = text("SELECT on_duty, duty_since FROM officers WHERE person_id = :id")
_DUTY = text("SELECT on_duty, duty_since FROM officers WHERE person_id = :id FOR UPDATE")
_ON = text("""
    UPDATE officers o SET on_duty = TRUE, duty_since = clock_timestamp() FROM people p
     WHERE o.person_id = :id AND NOT o.on_duty AND p.id = o.person_id AND p.active
    RETURNING o.station_id, o.duty_since
""")
# Raw SQL on a table above this feature: refusing and going off duty must be one statement. A test holds
# these states equal to `app.cases.states.ACTIVE`.
HOLDING = ("claimed", "assigned", "en_route", "arrived")
_OFF = text(f"""
    UPDATE officers o SET on_duty = FALSE, duty_since = NULL
     WHERE o.person_id = :id AND o.on_duty
       AND NOT EXISTS (SELECT FROM cases c WHERE c.officer_id = o.person_id AND c.state IN {HOLDING})
    RETURNING o.station_id
""")


async def duty_of(db: Db | MovesDb, officer_id: UUID) -> Duty | None:
    """Whether an officer is on duty; None for whoever is no officer."""
    row = (await db.execute(_DUTY_NOW, {"id": officer_id})).one_or_none()
    return Duty(row.on_duty, row.duty_since) if row else None


async def duty_on(db: Db, officer_id: UUID) -> Duty:
    """Put an officer on duty; again is no change and no event.

    Raises:
        OfficerNotFound: no officer, or suspended.
    """
    row = (await db.execute(_ON, {"id": officer_id})).one_or_none()
    if row is None:
        duty = await _duty(db, officer_id)
        if not duty.on_duty:
            raise OfficerNotFound(person_id=officer_id)
        return duty
    await record(db, PeopleEvent.DUTY_ON, actor_id=officer_id, station_id=row.station_id)
    return Duty(True, row.duty_since)


async def duty_off(db: Db, officer_id: UUID) -> Duty:
    """Take an officer off duty; again is no change and no event.

    Raises:
        CaseInHand: close it or give it back first. OfficerNotFound: no officer.
    """
    # The lock first, then a new snapshot: a claim that read this row FOR SHARE has committed by now, and is seen.
    if not (await _duty(db, officer_id)).on_duty:
        return Duty(False, None)
    row = (await db.execute(_OFF, {"id": officer_id})).one_or_none()
    if row is None:
        raise CaseInHand()
    await record(
        db, PeopleEvent.DUTY_OFF, actor_id=officer_id, station_id=row.station_id, data={"why": "asked"}
    )
    return Duty(False, None)


async def _duty(db: Db, officer_id: UUID) -> Duty:
    row = (await db.execute(_DUTY, {"id": officer_id})).one_or_none()
    if row is None:
        raise OfficerNotFound(person_id=officer_id)
    return Duty(row.on_duty, row.duty_since)


_CHANGE = text("""
    UPDATE officers SET station_id = coalesce(CAST(:station_id AS uuid), station_id),
           skills = coalesce(CAST(:skills AS text[]), skills)
     WHERE person_id = :id RETURNING station_id
""")
_LEAD = text(
    "UPDATE officers SET lead_id = CAST(:lead_id AS uuid) WHERE person_id = :id RETURNING station_id"
)


async def change_officer(
    db: Db,
    officer_id: UUID,
    *,
    by: Actor | None,
    station_id: UUID | None = None,
    skills: Collection[str] | None = None,
) -> None:
    """Move an officer to another station or give other skills; None leaves what is.

    Raises:
        OfficerNotFound: no officer. Forbidden: not an administrator of the old and the new station.
    """
    facts = (await facts_of(db, [officer_id])).get(officer_id)
    if facts is None:
        raise OfficerNotFound(person_id=officer_id)
    require(may_administer(by, facts.station_id) and may_administer(by, station_id or facts.station_id))
    values = {
        "id": officer_id,
        "station_id": station_id,
        "skills": sorted(skills) if skills is not None else None,
    }
    await db.execute(_CHANGE, values)
    await _changed(db, officer_id, by, "officer_changed")


async def set_lead(db: Db, officer_id: UUID, lead_id: UUID | None, *, by: Actor | None) -> None:
    """Put an officer into the crew of a lead, who claims for all; None: out of it.

    Raises:
        OfficerNotFound: either is no officer. Forbidden: not an administrator of both stations.
        UnfitField: a lead who is led, or oneself.
    """
    facts = await facts_of(db, [officer_id, *([lead_id] if lead_id else [])])
    if officer_id not in facts or (lead_id and lead_id not in facts):
        raise OfficerNotFound(person_id=officer_id)
    require(all(may_administer(by, one.station_id) for one in facts.values()))
    if lead_id and (lead_id == officer_id or facts[lead_id].lead_id):
        raise UnfitField("a crew's lead is another officer, in no other crew")
    await db.execute(_LEAD, {"id": officer_id, "lead_id": lead_id})
    await _changed(db, officer_id, by, "officer_changed")


_SUSPEND = text("UPDATE people SET active = :active WHERE id = :id AND active <> :active RETURNING id")
_FORCE_OFF = text("""
    UPDATE officers SET on_duty = FALSE, duty_since = NULL WHERE person_id = :id AND on_duty RETURNING station_id
""")


async def suspend(db: Db, person_id: UUID, *, by: Actor | None) -> None:
    """Shut a person out within 1 s: sessions end, duty ends. A case in hand is taken back by its silence.

    Raises:
        Forbidden: not an administrator of the officer's station (of all stations, for others); oneself.
    """
    await _may_suspend(db, person_id, by)
    if (await db.execute(_SUSPEND, {"id": person_id, "active": False})).one_or_none() is None:
        return
    actor_id = by.person_id if by else None
    row = (await db.execute(_FORCE_OFF, {"id": person_id})).one_or_none()
    if row:
        data = {"why": "suspended", "by": str(actor_id) if actor_id else None}
        await record(db, PeopleEvent.DUTY_OFF, actor_id=person_id, station_id=row.station_id, data=data)
    await revoke_all(db, person_id, by=actor_id)
    await forget_devices(db, person_id)
    await _changed(db, person_id, by, "person_suspended")


async def resume(db: Db, person_id: UUID, *, by: Actor | None) -> None:
    """Let a suspended person sign in again. Raises as `suspend`."""
    await _may_suspend(db, person_id, by)
    if (await db.execute(_SUSPEND, {"id": person_id, "active": True})).one_or_none():
        await _changed(db, person_id, by, "person_resumed")


async def _may_suspend(db: Db, person_id: UUID, by: Actor | None) -> None:
    facts = (await facts_of(db, [person_id])).get(person_id)
    require(by is None or by.person_id != person_id)
    require(may_administer(by, facts.station_id if facts else None))


async def _changed(db: Db, person_id: UUID, by: Actor | None, action: str) -> None:
    await record(
        db,
        PeopleEvent.ACTOR_CHANGED,
        actor_id=by.person_id if by else None,
        data={"person_id": str(person_id)},
    )
    await record_act(
        db, actor_id=by.person_id if by else None, action=action, object_kind="person", object_id=person_id
    )
