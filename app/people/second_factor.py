"""The second factor of a sign-in: a TOTP code, or somebody of the desk who says yes. Also unlocks an idle session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.events.record import Event, record
from app.kit.database import Db, MovesDb
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.people import totp
from app.people.errors import ApprovalNotFound, OfficerNotFound, PersonNotFound, SecondFactorRefused
from app.people.events import PeopleEvent
from app.people.policy import may_administer, may_approve, require
from app.people.sessions import Actor, revoke

APPROVAL_S = 10 * 60


@dataclass(frozen=True, slots=True)
class Approval:
    """A sign-in that waits for the desk of `station_id`, for 10 minutes."""

    id: UUID
    person_id: UUID
    station_id: UUID
    badge: str
    asked_at: datetime


_GIVE = text("""
    UPDATE sessions SET second_factor = TRUE, used_at = clock_timestamp()
     WHERE id = :session_id AND revoked_at IS NULL AND expires_at > clock_timestamp() RETURNING person_id
""")


async def second_factor_totp(db: Db, runtime: Runtime, actor: Actor, code: str) -> None:
    """Give this session its second factor, or unlock it after 30 idle minutes, by a code used for the first time.

    The try is counted even when the caller's transaction rolls back.

    Raises:
        SecondFactorRefused: wrong, used, not set up, or locked after five failures.
    """
    account = await totp.charge(runtime, actor.person_id)
    step = totp.step_of(runtime, account, code) if account else None
    if step is None or not await totp.accept(db, actor.person_id, step):
        raise SecondFactorRefused()
    if (await db.execute(_GIVE, {"session_id": actor.session_id})).one_or_none() is None:
        raise SecondFactorRefused()
    await _given(db, actor.person_id, actor.person_id, actor.session_id, how="totp")


_STATION = text("""
    SELECT p.id, o.station_id, coalesce(o.badge, c.username, '') AS label FROM people p
      LEFT JOIN officers o ON o.person_id = p.id LEFT JOIN credentials c ON c.person_id = p.id WHERE p.id = :id
""")


async def enrol_totp(db: Db, runtime: Runtime, person_id: UUID, *, by: Actor | None) -> str:
    """A new TOTP secret for a person; returns the otpauth:// address, shown once. The old codes end.

    By an administrator of the person's station, or by themselves in a session with a second factor.

    Raises:
        PersonNotFound: nobody has this id. Forbidden: neither of the two.
    """
    row = (await db.execute(_STATION, {"id": person_id})).one_or_none()
    if row is None:
        raise PersonNotFound(person_id=person_id)
    own = by is not None and by.person_id == person_id and by.may_see_personal_data
    require(own or may_administer(by, row.station_id))
    address = await totp.enrol(db, runtime, person_id, label=row.label)
    await record_act(
        db,
        actor_id=by.person_id if by else None,
        action="totp_enrolled",
        object_kind="person",
        object_id=person_id,
    )
    return address


_ASK = text(f"""
    INSERT INTO approvals AS a (id, session_id, person_id, station_id)
    SELECT :id, s.id, s.person_id, o.station_id FROM sessions s JOIN officers o ON o.person_id = s.person_id
     WHERE s.id = :session_id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
    ON CONFLICT (session_id) DO UPDATE
       SET asked_at = clock_timestamp(), decided_at = NULL, decided_by = NULL, approved = NULL,
           station_id = excluded.station_id
     WHERE a.decided_at IS NOT NULL OR a.asked_at < clock_timestamp() - interval '{APPROVAL_S} seconds'
    RETURNING a.id, a.station_id
""")
_ASKED = text("SELECT id FROM approvals WHERE session_id = :session_id")


async def ask_approval(db: Db, actor: Actor) -> UUID:
    """Ask the desk of the officer's station to let this session in; asking again is the same approval.

    Raises:
        OfficerNotFound: only an officer has a desk to ask; the session has ended.
    """
    row = (await db.execute(_ASK, {"id": new_id(), "session_id": actor.session_id})).one_or_none()
    if row is None:
        known = (await db.execute(_ASKED, {"session_id": actor.session_id})).scalar_one_or_none()
        if known is None:
            raise OfficerNotFound(person_id=actor.person_id)
        return UUID(str(known))
    await record(
        db, PeopleEvent.APPROVAL_ASKED, actor_id=actor.person_id, station_id=row.station_id,
        data={"approval_id": str(row.id)},
    )  # fmt: skip
    return UUID(str(row.id))


# The desk of the station where the officer is now, though they asked at another.
_OPEN = f"""
    SELECT a.id, a.person_id, o.station_id, a.session_id, a.asked_at, o.badge
      FROM approvals a JOIN officers o ON o.person_id = a.person_id
     WHERE a.decided_at IS NULL AND a.asked_at > clock_timestamp() - interval '{APPROVAL_S} seconds'
"""
_PENDING = text(
    _OPEN + " AND (:everywhere OR o.station_id = ANY(CAST(:stations AS uuid[]))) ORDER BY a.asked_at"
)
_ONE = text(_OPEN + " AND a.id = :id")
_DECIDE = text("""
    UPDATE approvals SET decided_at = clock_timestamp(), decided_by = :by, approved = :approved
     WHERE id = :id AND decided_at IS NULL RETURNING session_id, person_id, station_id
""")


async def pending_approvals(
    db: Db | MovesDb, *, stations: Collection[UUID], everywhere: bool = False
) -> list[Approval]:
    """What waits at these desks, oldest first."""
    rows = (await db.execute(_PENDING, {"stations": list(stations), "everywhere": everywhere})).all()
    return [Approval(r.id, r.person_id, r.station_id, r.badge, r.asked_at) for r in rows]


async def decide_approval(db: Db, approval_id: UUID, *, by: Actor, approve: bool) -> None:
    """Let a sign-in in, or end its session. The first who decides has decided.

    Raises:
        ApprovalNotFound: decided, over 10 minutes old, or not at a desk of this actor.
    """
    row = (await db.execute(_ONE, {"id": approval_id})).one_or_none()
    if row is None or not may_approve(by, row.station_id, row.person_id):
        raise ApprovalNotFound()
    values = {"id": approval_id, "by": by.person_id, "approved": approve}
    if (await db.execute(_DECIDE, values)).one_or_none() is None:
        raise ApprovalNotFound()
    data = {
        "approval_id": str(approval_id), "session_id": str(row.session_id), "person_id": str(row.person_id),
        "approved": approve,
    }  # fmt: skip
    await record(
        db, PeopleEvent.APPROVAL_DECIDED, actor_id=by.person_id, station_id=row.station_id, data=data
    )
    if not approve:
        await revoke(db, row.session_id, by=by.person_id)
        await record_act(
            db,
            actor_id=by.person_id,
            action="sign_in_refused_by_desk",
            object_kind="person",
            object_id=row.person_id,
        )
        return
    if (await db.execute(_GIVE, {"session_id": row.session_id})).one_or_none():
        await _given(db, by.person_id, row.person_id, row.session_id, how="desk")


async def tell_approval(runtime: Runtime, event: Event) -> None:
    """Follower of `approval_asked` and `approval_decided`: the desk's board, and the one who waits."""
    topics = [f"desk:{event.station_id}"]
    if person_id := event.data.get("person_id"):
        topics.append(f"person:{person_id}")
    body = {
        "type": event.kind,
        "approval_id": event.data["approval_id"],
        "approved": event.data.get("approved"),
    }
    await publish(runtime, topics, body)


async def _given(db: Db, actor_id: UUID, person_id: UUID, session_id: UUID, *, how: str) -> None:
    await record(db, PeopleEvent.ACTOR_CHANGED, actor_id=actor_id, data={"person_id": str(person_id)})
    await record_act(
        db, actor_id=actor_id, action="second_factor_given", object_kind="person", object_id=person_id,
        facts={"session_id": str(session_id), "how": how},
    )  # fmt: skip
