"""One human known as two people becomes one: what the one left moves to the one who stays.

WeChat names a person by an openid per account; the unionid says that two of them are one human. Whoever is no
citizen stays (an officer, staff), of two citizens the one known for longer. All in the caller's transaction;
doing it again changes nothing. What somebody writes for the one who left at the very moment of the merge is
gathered right after it and by the worker.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.audit.service import record_act
from app.events.edge import transaction
from app.events.record import Event, record
from app.kit.database import AdvisoryLock, Db
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.people.events import PeopleEvent
from app.people.sessions import drop_person, revoke_all
from app.people.tables import PersonKind

log = structlog.get_logger()

PERSONS = "identity.persons"
GATHER_FOR_H = 1
"""How long after a merge the worker looks for what came late; a request lives for seconds."""

_WHO = text("SELECT id, kind, active, merged_into FROM people WHERE id = :id")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:key)")
# Who goes is locked against new rows that refer to them; who stays is not, so that a claim of theirs does not wait.
# Drafts first: who writes in one may be about to open a case, which needs the person.
_LOCK_GOING = text("SELECT id FROM people WHERE id = :id AND erased_at IS NULL FOR UPDATE")
_LOCK_DRAFTS = text(
    "SELECT person_id FROM drafts WHERE person_id IN (:going, :staying) ORDER BY person_id FOR UPDATE"
)
_LEAVE = text("""
    UPDATE people SET merged_into = :staying, merged_at = clock_timestamp(), active = FALSE WHERE id = :going
""")
_STAY = text("""
    UPDATE people s SET active = s.active AND (g.active OR s.kind <> 'citizen'),
           follows = CASE WHEN EXISTS (SELECT FROM identity.openids o WHERE o.person_id = g.id AND o.app_id = :account)
                          THEN g.follows ELSE s.follows END,
           near_station_id = CASE WHEN g.near_station_at > coalesce(s.near_station_at, '-infinity') THEN g.near_station_id
                                  ELSE s.near_station_id END,
           near_station_at = greatest(g.near_station_at, s.near_station_at)
      FROM people g WHERE s.id = :staying AND g.id = :going AND s.erased_at IS NULL RETURNING s.id
""")


async def merge(db: Db, runtime: Runtime, one: UUID, other: UUID, *, by: UUID | None = None) -> UUID | None:
    """Make two people one; returns who stays. Of two who are no citizens neither goes: None, and it is logged.
    None, too, when one of them has just been erased at their wish: the other goes on alone.

    A citizen who goes into an officer is signed out, as an officer's session is shorter and has a second factor;
    other sessions go on, their sockets come back. A suspension of either citizen holds for both.
    """
    await db.execute(_ONE_AT_A_TIME, {"key": AdvisoryLock.PEOPLE})
    pair = await _who_stays(db, one, other)
    if pair is None:
        log.warning("two_officers_of_one_unionid", person_id=one, other_id=other)
        return None
    staying, going = pair
    if staying.id == going.id:
        return UUID(str(staying.id))
    await db.execute(_LOCK_DRAFTS, {"staying": staying.id, "going": going.id})
    if (await db.execute(_LOCK_GOING, {"id": going.id})).one_or_none() is None:
        return None
    return UUID(str(staying.id)) if await _merge(db, runtime, staying, going, by) else None


async def _who_stays(db: Db, one: UUID, other: UUID) -> tuple[Any, Any] | None:  # Rows of _WHO
    a, b = await _root(db, one), await _root(db, other)
    if a.id == b.id:
        return a, a
    if PersonKind.CITIZEN not in (a.kind, b.kind):
        return None
    a, b = sorted((a, b), key=lambda p: (p.kind == PersonKind.CITIZEN, p.id))
    return a, b


async def _root(db: Db, person_id: UUID) -> Any:  # a Row of _WHO
    row = (await db.execute(_WHO, {"id": person_id})).one()
    while row.merged_into:
        row = (await db.execute(_WHO, {"id": row.merged_into})).one()
    return row


async def _merge(db: Db, runtime: Runtime, staying: Any, going: Any, by: UUID | None) -> bool:
    officer = staying.kind != PersonKind.CITIZEN
    pair = {"staying": staying.id, "going": going.id}
    if not (await db.execute(_STAY, pair | {"account": runtime.settings.wechat_app_id})).all():
        return False
    if officer:
        await revoke_all(db, going.id, by=by)
    sessions = await _gather(db, runtime, **pair)
    if officer:
        await db.execute(_OWN_OFFERS, {"staying": staying.id})
    await _move_identity(db, runtime, officer=officer, **pair)
    await db.execute(_LEAVE, pair)
    facts = {"from_person_id": str(going.id)}
    for person_id in pair.values():
        await record(db, PeopleEvent.ACTOR_CHANGED, actor_id=by, data={"person_id": str(person_id)})
    data = {"person_id": str(staying.id), "sessions": sessions} | facts
    await record(db, PeopleEvent.PEOPLE_MERGED, actor_id=by, data=data)
    await record_act(
        db, actor_id=by, action="people_merged", object_kind="person", object_id=staying.id, facts=facts
    )
    return True


# Tables of the features above, moved in raw SQL: they, the vault and the sessions change hands as one.
_CASES = text("""
    UPDATE cases c SET reporter_id = :staying,
           idempotency_key = CASE WHEN NOT EXISTS (SELECT FROM cases s WHERE s.reporter_id = :staying
                                                      AND s.idempotency_key = c.idempotency_key) THEN c.idempotency_key END
     WHERE c.reporter_id = :going
""")
_DELIVERIES = text("""
    UPDATE deliveries d SET person_id = :staying WHERE d.person_id = :going
       AND NOT EXISTS (SELECT FROM deliveries s WHERE s.event_id = d.event_id AND s.person_id = :staying
                          AND s.kind = d.kind)
""")
_MEDIA = text("""
    UPDATE media m SET person_id = :staying WHERE m.person_id = :going
       AND NOT EXISTS (SELECT FROM media s WHERE s.person_id = :staying AND s.source_id = m.source_id)
""")
_RESIDENT = text("""
    WITH gone AS (DELETE FROM residents WHERE person_id = :going RETURNING *)
    INSERT INTO residents (person_id, officer_id, station_id, bound_at)
    SELECT :staying, officer_id, station_id, bound_at FROM gone WHERE officer_id <> :staying
    ON CONFLICT (person_id) DO UPDATE SET officer_id = excluded.officer_id, station_id = excluded.station_id,
           bound_at = excluded.bound_at WHERE residents.bound_at < excluded.bound_at
""")
_QUESTIONS = text("""
    UPDATE questions q SET person_id = :staying WHERE q.person_id = :going
       AND NOT EXISTS (SELECT FROM questions s WHERE s.person_id = :staying AND s.key = q.key)
""")
_COMPLAINTS = text("""
    UPDATE complaints c SET person_id = :staying,
           key = CASE WHEN EXISTS (SELECT FROM complaints s WHERE s.person_id = :staying AND s.key = c.key)
                      THEN CAST(c.id AS text) ELSE c.key END
     WHERE c.person_id = :going
""")
_ME_TOOS = text("""
    WITH gone AS (DELETE FROM me_toos WHERE person_id = :going RETURNING *)
    INSERT INTO me_toos AS m (person_id, case_id, told, told_at, joined_at, ended_by)
    SELECT :staying, case_id, told, told_at, joined_at, ended_by FROM gone
    ON CONFLICT (person_id, case_id) DO UPDATE SET
        told = m.told + excluded.told, told_at = greatest(m.told_at, excluded.told_at),
        joined_at = coalesce(m.joined_at, excluded.joined_at), ended_by = coalesce(m.ended_by, excluded.ended_by)
""")
_WINDOWS = text("""
    WITH gone AS (DELETE FROM windows WHERE person_id = :going RETURNING *)
    INSERT INTO windows AS w (person_id, channel, long_left, long_until, short_left, short_until)
    SELECT :staying, channel, long_left, long_until, short_left, short_until FROM gone
    ON CONFLICT (person_id, channel) DO UPDATE SET
        long_left = CASE WHEN excluded.long_until > w.long_until THEN excluded.long_left ELSE w.long_left END,
        long_until = greatest(excluded.long_until, w.long_until),
        short_left = CASE WHEN excluded.short_until > w.short_until THEN excluded.short_left ELSE w.short_left END,
        short_until = greatest(excluded.short_until, w.short_until)
""")
_CONSENTS = text("""
    WITH gone AS (DELETE FROM consents WHERE person_id = :going RETURNING *)
    INSERT INTO consents AS c (person_id, channel, template_id, left_once, lasting)
    SELECT :staying, channel, template_id, left_once, lasting FROM gone
    ON CONFLICT (person_id, channel, template_id) DO UPDATE SET
        left_once = least(c.left_once + excluded.left_once, 30000), lasting = c.lasting OR excluded.lasting
""")
# Nobody takes their own report: an offer made while the two were not known for one is taken back.
_OWN_OFFERS = text("""
    UPDATE offers o SET declined_at = clock_timestamp(), reason = 'own_report' FROM cases c
     WHERE c.id = o.case_id AND c.reporter_id = :staying AND o.officer_id = :staying AND o.declined_at IS NULL
""")
_SESSIONS = text("""
    UPDATE sessions SET person_id = :staying
     WHERE person_id = :going AND revoked_at IS NULL AND expires_at > clock_timestamp() RETURNING id
""")
_OPENIDS = text("UPDATE identity.openids SET person_id = :staying WHERE person_id = :going")
_DRAFT = text("SELECT words, place, media FROM drafts WHERE person_id = :going")
_NEW_DRAFT = text("""
    INSERT INTO drafts AS d (person_id, category, words, place, media, asked_place, facts, turns, changed_at)
    SELECT :staying, category, CAST(:words AS bytea), CAST(:place AS bytea), media, asked_place, facts, turns, changed_at
      FROM drafts WHERE person_id = :going
    ON CONFLICT (person_id) DO UPDATE SET category = excluded.category, words = excluded.words, place = excluded.place,
           media = excluded.media, asked_place = excluded.asked_place, facts = excluded.facts, turns = excluded.turns,
           changed_at = excluded.changed_at
     WHERE d.words IS NULL AND d.place IS NULL AND d.media = '{}' AND d.changed_at <= excluded.changed_at
""")
_OLD_DRAFT = text("DELETE FROM drafts WHERE person_id = :going")


async def _gather(db: Db, runtime: Runtime, *, staying: UUID, going: UUID) -> list[str]:
    """Move what stands under who goes; returns the sessions that changed hands."""
    pair = {"staying": staying, "going": going}
    sessions = [str(one) for one in (await db.execute(_SESSIONS, pair)).scalars()]
    await db.execute(_OPENIDS, pair)
    if draft := (await db.execute(_DRAFT, pair)).one_or_none():
        fields: dict[str, Any] = {
            column: _again(runtime, "drafts", column, getattr(draft, column), **pair)
            for column in ("words", "place")
        }
        await db.execute(_NEW_DRAFT, pair | fields)
        await db.execute(_OLD_DRAFT, pair)
    for statement in (
        _WINDOWS,
        _CONSENTS,
        _DELIVERIES,
        _CASES,
        _COMPLAINTS,
        _MEDIA,
        _RESIDENT,
        _QUESTIONS,
        _ME_TOOS,
    ):
        await db.execute(statement, pair)
    return sessions


_IDENTITY = text("""
    SELECT person_id, name, phone, phone_index, phone_next, unionid, unionid_index, unionid_next, consent_version, consent_at
      FROM identity.persons WHERE person_id = :going FOR UPDATE
""")
_DROP_IDENTITY = text("DELETE FROM identity.persons WHERE person_id = :going")
_ADD_IDENTITY = text("""
    INSERT INTO identity.persons AS i (person_id, name, phone, phone_index, phone_next, unionid, unionid_index,
        unionid_next, consent_version, consent_at)
    VALUES (:staying, CAST(:name AS bytea), CAST(:phone AS bytea), CAST(:phone_index AS bytea), CAST(:phone_next AS bytea),
        CAST(:unionid AS bytea), CAST(:unionid_index AS bytea), CAST(:unionid_next AS bytea),
        CAST(:consent_version AS text), CAST(:consent_at AS timestamptz))
    ON CONFLICT (person_id) DO UPDATE SET
        name = coalesce(i.name, excluded.name),
        phone = coalesce(i.phone, excluded.phone),
        phone_index = CASE WHEN i.phone IS NULL THEN excluded.phone_index ELSE i.phone_index END,
        phone_next = CASE WHEN i.phone IS NULL THEN excluded.phone_next ELSE i.phone_next END,
        unionid = coalesce(i.unionid, excluded.unionid),
        unionid_index = CASE WHEN i.unionid IS NULL THEN excluded.unionid_index ELSE i.unionid_index END,
        unionid_next = CASE WHEN i.unionid IS NULL THEN excluded.unionid_next ELSE i.unionid_next END,
        consent_version = coalesce(i.consent_version, excluded.consent_version),
        consent_at = coalesce(i.consent_at, excluded.consent_at)
""")


async def _move_identity(db: Db, runtime: Runtime, *, officer: bool, staying: UUID, going: UUID) -> None:
    """Encrypt anew for who stays. An officer's name and phone are the administrator's: only the unionid moves."""
    pair: dict[str, Any] = {"staying": staying, "going": going}
    row = (await db.execute(_IDENTITY, pair)).one_or_none()
    if row is None:
        return
    await db.execute(_DROP_IDENTITY, pair)
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "person_id"}
    for column in ("name", "phone", "unionid"):
        values[column] = _again(runtime, PERSONS, column, values[column], **pair)
    if officer:
        values |= dict.fromkeys(
            ("name", "phone", "phone_index", "phone_next", "consent_version", "consent_at")
        )
    await db.execute(_ADD_IDENTITY, pair | values)


def _again(
    runtime: Runtime, table: str, column: str, value: bytes | None, *, staying: UUID, going: UUID
) -> bytes | None:
    """A field of `going`'s row as one of `staying`'s."""
    if value is None:
        return None
    said = runtime.keys.decrypt(value, table=table, row=str(going), column=column)
    return runtime.keys.encrypt(said, table=table, row=str(staying), column=column)


async def follow_merge(runtime: Runtime, event: Event) -> None:
    """Follower of `people_merged`: gather what came meanwhile; sockets opened as who is gone close and come back."""
    await gather(runtime, UUID(event.data["from_person_id"]))
    await drop_person(
        runtime, Event(event.id, event.kind, event.at, data={"person_id": event.data["from_person_id"]})
    )
    topics = [f"session:{session_id}" for session_id in event.data["sessions"]]
    if topics:
        await publish(runtime, topics, {"type": "signed_out"}, fresh=True)


_LATE = text(f"""
    SELECT p.id FROM people p WHERE p.merged_into IS NOT NULL
       AND p.merged_at > clock_timestamp() - interval '{GATHER_FOR_H} hours'
       AND (EXISTS (SELECT FROM cases c WHERE c.reporter_id = p.id) OR EXISTS (SELECT FROM drafts d WHERE d.person_id = p.id)
         OR EXISTS (SELECT FROM windows w WHERE w.person_id = p.id)
         OR EXISTS (SELECT FROM complaints x WHERE x.person_id = p.id)
         OR EXISTS (SELECT FROM consents k WHERE k.person_id = p.id)
         OR EXISTS (SELECT FROM media m WHERE m.person_id = p.id)
         OR EXISTS (SELECT FROM me_toos t WHERE t.person_id = p.id)
         OR EXISTS (SELECT FROM questions q WHERE q.person_id = p.id)
         OR EXISTS (SELECT FROM residents r WHERE r.person_id = p.id)) LIMIT 100
""")


async def gather_merged(runtime: Runtime) -> int:
    """Move what was written for somebody just after they were merged into another; every 30 s or so."""
    async with runtime.database.moves() as db:
        late = list((await db.execute(_LATE)).scalars())
    for person_id in late:
        await gather(runtime, person_id)
    return len(late)


async def gather(runtime: Runtime, going: UUID) -> None:
    """Move what stands under somebody who was merged into another."""
    async with transaction(runtime) as db:
        staying = await _root(db, going)
        if staying.id == going:
            return
        await db.execute(_LOCK_DRAFTS, {"staying": staying.id, "going": going})
        await _gather(db, runtime, staying=staying.id, going=going)
