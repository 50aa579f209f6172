"""An officer's one-time code, and the phone that it binds to their account."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.kit.database import Db
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.errors import BadgeTaken, InvitationRefused, PhoneBound, UnfitField
from app.people.identity import give_openid, person_by_openid, set_identity
from app.people.passwords import hash_secret, is_secret
from app.people.policy import may_administer, require
from app.people.sessions import Actor, revoke_all
from app.people.tables import PersonKind

INVITATION_S = 10 * 60
INVITATION_TRIES = 5


@dataclass(frozen=True, slots=True)
class Invitation:
    """`code`: 8 digits in two groups, told once; it works for 10 minutes, 5 tries and one phone."""

    person_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An officer's account and phone belong together now."""

    person_id: UUID
    needs_second_factor: bool


_BY_BADGE = text("SELECT o.person_id, o.station_id FROM officers o WHERE o.badge = :badge FOR UPDATE")
_ADD_PERSON = text("INSERT INTO people (id, kind) VALUES (:id, :kind)")
_ADD_OFFICER = text("""
    INSERT INTO officers (person_id, station_id, badge) VALUES (:id, :station_id, :badge) ON CONFLICT DO NOTHING RETURNING badge
""")
_VOID = text("""
    UPDATE invitations SET expires_at = clock_timestamp()
     WHERE person_id = :person_id AND used_at IS NULL AND expires_at > clock_timestamp()
""")
_INVITE = text(f"""
    INSERT INTO invitations (id, person_id, badge, code_hash, invited_by, expires_at, tries_left)
    VALUES (:id, :person_id, :badge, :code_hash, CAST(:by AS uuid),
            clock_timestamp() + interval '{INVITATION_S} seconds', {INVITATION_TRIES})
""")


async def invite(
    db: Db,
    runtime: Runtime,
    *,
    name: str,
    badge: str,
    station_id: UUID,
    kind: PersonKind = PersonKind.OFFICER,
    phone: str | None = None,
    by: Actor | None = None,
) -> Invitation:
    """A one-time code for an officer's phone; a badge known at this station is invited anew (another phone).

    An earlier code of the same officer ends. `by` None: an operator at the shell.

    Raises:
        Forbidden: not an administrator of this station. BadgeTaken: an officer of another station has it.
        UnfitField: a badge of 1 to 20 characters; name and phone as `set_identity` says.
    """
    require(may_administer(by, station_id))
    if kind not in (PersonKind.OFFICER, PersonKind.AUXILIARY) or not 1 <= len(badge.strip()) <= 20:
        raise UnfitField("badge must have 1 to 20 characters, kind must be officer or auxiliary")
    badge, actor_id = badge.strip(), by.person_id if by else None
    person_id = await _officer_with(db, badge, station_id, kind)
    await set_identity(db, runtime, person_id, name=name, phone=phone)
    code = f"{secrets.randbelow(10**8):08d}"
    await db.execute(_VOID, {"person_id": person_id})
    values = {
        "id": new_id(),
        "person_id": person_id,
        "badge": badge,
        "code_hash": await hash_secret(db, code),
        "by": actor_id,
    }
    await db.execute(_INVITE, values)
    await record_act(
        db, actor_id=actor_id, action="officer_invited", object_kind="person", object_id=person_id,
        facts={"station_id": str(station_id), "kind": kind.value},
    )  # fmt: skip
    return Invitation(person_id, f"{code[:4]} {code[4:]}")


async def _officer_with(db: Db, badge: str, station_id: UUID, kind: PersonKind) -> UUID:
    row = (await db.execute(_BY_BADGE, {"badge": badge})).one_or_none()
    if row:
        if row.station_id != station_id:
            raise BadgeTaken(station_id=row.station_id)
        return UUID(str(row.person_id))
    person_id = new_id()
    await db.execute(_ADD_PERSON, {"id": person_id, "kind": kind.value})
    values = {"id": person_id, "station_id": station_id, "badge": badge}
    if (await db.execute(_ADD_OFFICER, values)).one_or_none() is None:
        raise BadgeTaken(station_id=station_id)  # invited by somebody else at this very moment
    return person_id


# Counted, committed and only then compared: parallel guesses meet on the row and get five between them.
_TRY = text("""
    UPDATE invitations SET tries_left = tries_left - 1
     WHERE id = (SELECT i.id FROM invitations i WHERE i.badge = :badge AND i.used_at IS NULL
                    AND i.expires_at > clock_timestamp() ORDER BY i.id DESC LIMIT 1)
       AND tries_left > 0 AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING id, person_id, code_hash
""")
_USE = text("""
    UPDATE invitations SET used_at = clock_timestamp()
     WHERE id = :id AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING person_id
""")


async def bind(db: Db, runtime: Runtime, *, badge: str, code: str, app_id: str, openid: str) -> Bound:
    """Bind the openid of the phone in hand to the invited officer; their sessions on other phones end.

    A citizen who becomes an officer keeps the phone: the openid moves, the citizen's sessions end. The try
    is counted even when the caller's transaction rolls back.

    Raises:
        InvitationRefused: wrong, late, used, or five tries are over. PhoneBound: another officer's phone.
    """
    async with runtime.database.moves() as moves:
        tried = (await moves.execute(_TRY, {"badge": badge.strip()})).one_or_none()
    digits = "".join(c for c in code if c.isdecimal() and c.isascii())
    if not await is_secret(db, tried.code_hash if tried else None, digits) or tried is None:
        raise InvitationRefused()
    if (await db.execute(_USE, {"id": tried.id})).one_or_none() is None:
        raise InvitationRefused()
    owner = await person_by_openid(db, runtime, app_id=app_id, openid=openid)
    if owner and owner.kind is not PersonKind.CITIZEN and owner.id != tried.person_id:
        raise PhoneBound()
    await give_openid(
        db, runtime, to_id=tried.person_id, from_id=owner.id if owner else None, app_id=app_id, openid=openid
    )
    for person_id in {tried.person_id, owner.id if owner else tried.person_id}:
        await revoke_all(db, person_id, by=tried.person_id)
    facts = {"from_person_id": str(owner.id)} if owner and owner.id != tried.person_id else {}
    await record_act(
        db,
        actor_id=tried.person_id,
        action="phone_bound",
        object_kind="person",
        object_id=tried.person_id,
        facts=facts,
    )
    return Bound(tried.person_id, needs_second_factor=True)
