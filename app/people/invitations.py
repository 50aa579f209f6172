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
from app.people.errors import (
    BadgeTaken,
    BindingTooOften,
    InvitationRefused,
    PhoneBound,
    SecretsBusy,
    UnfitField,
)
from app.people.guesses import forgive, key_of, locked_for_s, spend
from app.people.identity import (
    Person,
    add_openid,
    bound_at,
    citizen_of,
    person_by_openid,
    set_identity,
    unbind,
    unionid_of,
)
from app.people.merging import merge
from app.people.passwords import BINDING, hash_secret, is_secret
from app.people.policy import may_administer, require
from app.people.sessions import Actor, revoke_all
from app.people.tables import PersonKind

INVITATION_S = 10 * 60
INVITATION_TRIES = 5


@dataclass(frozen=True, slots=True)
class Invitation:
    """`code`: 8 digits in two groups, told once; it works for 10 minutes and one phone; five may try."""

    person_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An officer's account and phone belong together now. `replaced`: another WeChat account lost its place for it."""

    person_id: UUID
    needs_second_factor: bool
    replaced: bool = False


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


# One statement on a row lock: callers at once take the places one after the other, and a repeat takes none.
_TRY = text("""
    WITH i AS (
        SELECT id, person_id, code_hash, tries_left FROM invitations
         WHERE badge = :badge AND used_at IS NULL AND expires_at > clock_timestamp() ORDER BY id DESC LIMIT 1 FOR UPDATE
    ), place AS (
        INSERT INTO invitation_tries (invitation_id, caller_hash) SELECT i.id, :caller FROM i WHERE i.tries_left > 0
        ON CONFLICT DO NOTHING RETURNING invitation_id
    ), less AS (
        UPDATE invitations v SET tries_left = v.tries_left - 1 FROM place WHERE v.id = place.invitation_id
    )
    SELECT i.id, i.person_id, i.code_hash FROM i
     WHERE EXISTS (SELECT FROM place)
        OR EXISTS (SELECT FROM invitation_tries t WHERE t.invitation_id = i.id AND t.caller_hash = :caller)
""")
_USE = text("""
    UPDATE invitations SET used_at = clock_timestamp()
     WHERE id = :id AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING person_id
""")


async def bind(
    db: Db, runtime: Runtime, *, badge: str, code: str, app_id: str, openid: str, unionid: str | None = None
) -> Bound:
    """Bind the WeChat account of the phone in hand to the invited officer; their sessions on other phones end.

    A citizen who becomes an officer keeps the phone: both are merged, with the openids that a unionid joined,
    and the citizen's sessions end. Another WeChat account than before takes the place of the old one everywhere.

    An officer may be known at several of our accounts, by the mini-program and by the Official Account. An openid at
    an account where they had none yet is added beside the others, and their sessions go on: without a unionid nobody
    can say that it is another WeChat account, and what one door learns must not lock another. Where it can be said,
    because both have a unionid and they differ, or because they had another openid at this very account, it takes
    the place of the old one everywhere, and `Bound.replaced` says so.

    Who may try how often: a WeChat account has five wrong tries in a row, whatever the badge, then it waits for
    15 minutes. A code lets five WeChat accounts try. A badge is no secret, so a code that died after any five
    tries could be killed by one stranger; counted by who tries, the stranger takes one place of the five and
    runs out of tries of their own. It takes five WeChat accounts, each of a real name and phone, in the ten
    minutes that the officer stands beside the administrator, who then makes another code. At most 5 x 5 guesses
    at one of 10^8 codes: one in four million. Each try is counted before it is compared, and stays counted when
    the caller's transaction rolls back.

    Raises:
        InvitationRefused: wrong, late, used, or its five places are taken. PhoneBound: another officer's phone.
        BindingTooOften: this WeChat account waits. SecretsBusy: too many at this moment; nothing was counted.
    """
    if BINDING.full:
        raise SecretsBusy()
    caller = key_of(runtime, "bind", app_id, openid)
    if not await spend(runtime, caller):
        raise BindingTooOften(retry_after_s=await locked_for_s(runtime, caller))
    async with runtime.database.moves() as moves:
        tried = (await moves.execute(_TRY, {"badge": badge.strip(), "caller": caller})).one_or_none()
    digits = "".join(c for c in code if c.isdecimal() and c.isascii())
    if not await is_secret(db, tried.code_hash if tried else None, digits, BINDING) or tried is None:
        raise InvitationRefused()
    if (await db.execute(_USE, {"id": tried.id})).one_or_none() is None:
        raise InvitationRefused()
    await forgive(db, caller)
    before = await person_by_openid(db, runtime, app_id=app_id, openid=openid)
    known_at = await bound_at(db, tried.person_id)
    own = before is not None and before.id == tried.person_id
    beside = not own and bool(known_at) and app_id not in known_at
    if beside and await _another_account(db, runtime, tried.person_id, known_at, before, unionid):
        beside = False
    replaced = not own and not beside and bool(known_at)
    if before is None:
        if not beside:
            await unbind(db, tried.person_id)
        await add_openid(db, runtime, person_id=tried.person_id, app_id=app_id, openid=openid)
    owner = await citizen_of(db, runtime, app_id=app_id, openid=openid, unionid=unionid)
    if owner.kind is not PersonKind.CITIZEN and owner.id != tried.person_id:
        raise PhoneBound()
    if not beside:
        await revoke_all(db, tried.person_id, by=tried.person_id)
    if owner.id != tried.person_id:
        if not beside:
            await unbind(db, tried.person_id)
        await _made_one(db, runtime, tried.person_id, owner.id)
    facts: dict[str, object] = {"replaced": True} if replaced else {}
    if before and before.id != tried.person_id:
        facts["from_person_id"] = str(before.id)
    await record_act(
        db,
        actor_id=tried.person_id,
        action="phone_bound",
        object_kind="person",
        object_id=tried.person_id,
        facts=facts,
    )
    return Bound(tried.person_id, needs_second_factor=True, replaced=replaced)


async def _made_one(db: Db, runtime: Runtime, officer_id: UUID, citizen_id: UUID) -> None:
    if await merge(db, runtime, officer_id, citizen_id, by=officer_id) is None:
        raise InvitationRefused()  # the citizen erased themselves at this moment: tried again, it is a new phone


async def _another_account(
    db: Db,
    runtime: Runtime,
    officer_id: UUID,
    known_at: frozenset[str],
    before: Person | None,
    unionid: str | None,
) -> bool:
    """Whether it can be said that this is another WeChat account: two openids at one account, or two unionids."""
    if before and known_at & await bound_at(db, before.id):
        return True
    officers = await unionid_of(db, runtime, officer_id)
    theirs = unionid or (await unionid_of(db, runtime, before.id) if before else None)
    return officers is not None and theirs is not None and officers != theirs
