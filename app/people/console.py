"""Accounts of the console: password and TOTP, both always, with limits on guessing that lock nobody out.

Three limits stand on a sign-in, and a stranger cannot use up what the account's owner needs:
a browser that signed this person in before has five failures in a row of its own; anybody else has five per
account and network; and all who are not known share, per account, ten tries at once and one a minute after
that. The last one is what a guesser with many networks meets: with the password in hand already, one try a
minute at a code of six digits, three of which are right at a time, is 0.4 % a day, and every failure is
recorded. It slows a new browser of the owner down too while a guesser is at work; a known one never.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.kit.database import AdvisoryLock, Db
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people import totp
from app.people.devices import Source, forget_devices, is_known, keep_device
from app.people.errors import AdministratorExists, SignInRefused, UnfitField, UsernameTaken
from app.people.guesses import forgive, key_of, spend
from app.people.identity import set_identity
from app.people.passwords import hash_secret, is_secret
from app.people.policy import may_administer, require
from app.people.roles import LOCK, grant, revoke_role
from app.people.sessions import CONSOLE_TTL_S, Actor, actor_now, issue, revoke_all
from app.people.tables import Audience, Role

__all__ = [
    "SignedIn", "StaffAccount", "change_password", "create_first_administrator", "create_staff", "grant",
    "refused_evenly", "revoke_role", "sign_in",
]  # fmt: skip

NOWHERE = Source()
"""A sign-in that shows nothing of where it comes from: such ones share one network."""
PASSWORD_LENGTH = (12, 128)
STRANGERS_AT_ONCE = 10
STRANGERS_EVERY_S = 60
"""All browsers that are not known share this many tries of an account at once, and one more each so many seconds."""
REFUSED_AFTER_S = 0.5
"""A refused sign-in is answered no sooner: how long it took does not say which part was wrong."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, and the tokens of the session and of the browser, told once."""

    actor: Actor
    token: str
    device: str


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """`totp_address`: otpauth://, shown once as a QR code; without its codes nobody signs in."""

    person_id: UUID
    username: str
    totp_address: str


async def sign_in(
    db: Db, runtime: Runtime, username: str, password: str, code: str, source: Source = NOWHERE
) -> SignedIn:
    """A session of the console for a right name, password and TOTP code, the code used for the first time.

    A try is counted before anything is compared, and stays counted when the caller's transaction rolls back.
    The caller's transaction stands inside `refused_evenly`.

    Raises:
        SignInRefused: any of it is wrong, or a limit of this module is reached; nobody is told which.
    """
    named = await totp.account_named(db, _folded(username))
    tries = await _try(db, runtime, named, source) if named else None
    account = named if tries else None
    # The code first: it costs nothing. A password costs 64 MiB and a good part of a second, and a stranger who
    # sends names and passwords by the hundred must not keep the desks waiting in the same line.
    step = totp.step_of(runtime, account, code) if account else None
    right = step is not None and account is not None and await is_secret(db, account.password_hash, password)
    if (
        tries is None
        or account is None
        or step is None
        or not right
        or not await totp.accept(db, account.person_id, step)
    ):
        if account is not None:
            await _refused(runtime, account.person_id)
        raise SignInRefused()
    token, _ = await issue(db, account.person_id, Audience.CONSOLE, ttl_s=CONSOLE_TTL_S, second_factor=True)
    actor = await actor_now(db, token, Audience.CONSOLE)  # Unauthenticated: suspended
    await forgive(db, tries.key)
    if not tries.known:
        await db.execute(_GIVE_BACK, {"id": account.person_id})
    device = await keep_device(db, account.person_id, source.device)
    await record_act(
        db, actor_id=actor.person_id, action="signed_in", object_kind="session", object_id=actor.session_id
    )
    return SignedIn(actor, token, device)


@asynccontextmanager
async def refused_evenly() -> AsyncIterator[None]:
    """Around the transaction of a sign-in: a refusal takes as long whatever was wrong, the name too.

    Outside of it, so that a flood of refusals waits without holding connections that others need.
    """
    began = time.monotonic()
    try:
        yield
    except SignInRefused:
        await asyncio.sleep(REFUSED_AFTER_S - (time.monotonic() - began))
        raise


@dataclass(frozen=True, slots=True)
class _Tries:
    key: bytes
    known: bool


_STRANGER = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    UPDATE credentials c
       SET strangers_at = greatest(c.strangers_at, t.now) + interval '{STRANGERS_EVERY_S} seconds' FROM t
     WHERE c.person_id = :id AND (c.strangers_at IS NULL
           OR c.strangers_at <= t.now + interval '{(STRANGERS_AT_ONCE - 1) * STRANGERS_EVERY_S} seconds')
    RETURNING c.person_id
""")
_GIVE_BACK = text(f"""
    UPDATE credentials SET strangers_at = strangers_at - interval '{STRANGERS_EVERY_S} seconds' WHERE person_id = :id
""")


async def _try(db: Db, runtime: Runtime, account: totp.Charged, source: Source) -> _Tries | None:
    """Count one try of who asks; None when they have none left."""
    person_id = account.person_id
    known = await is_known(db, person_id, source.device)
    where = ("device", source.device or "") if known else ("network", source.network)
    key = key_of(runtime, "sign_in", person_id, *where)
    if not await spend(runtime, key):
        return None
    if known:
        return _Tries(key, known)
    async with runtime.database.moves() as moves:
        slot = (await moves.execute(_STRANGER, {"id": person_id})).one_or_none()
    return _Tries(key, known) if slot else None


async def _refused(runtime: Runtime, person_id: UUID) -> None:
    """Recorded by itself: the transaction of a refused sign-in rolls back."""
    async with runtime.database.moves() as db:
        await record_act(
            db, actor_id=None, action="sign_in_failed", object_kind="person", object_id=person_id
        )


_ADD_PERSON = text("INSERT INTO people (id, kind) VALUES (:id, 'staff')")
_ADD_CREDENTIAL = text("""
    INSERT INTO credentials (person_id, username, password_hash) VALUES (:id, :username, :hash)
    ON CONFLICT (username) DO NOTHING RETURNING person_id
""")
_ADMINISTRATORS = text("""
    SELECT count(*) FROM roles r JOIN people p ON p.id = r.person_id
     WHERE r.role = 'administrator' AND r.station_id IS NULL AND p.active
""")


async def create_first_administrator(
    db: Db, runtime: Runtime, *, username: str, password: str, name: str
) -> StaffAccount:
    """The account that makes all others; for the operator at the shell, once. Two at once: one of them.

    Raises:
        AdministratorExists: an administrator of all stations is there. UnfitField: as `create_staff`.
    """
    await db.execute(LOCK, {"key": AdvisoryLock.ADMINISTRATORS})
    if (await db.execute(_ADMINISTRATORS)).scalar_one():
        raise AdministratorExists()
    account = await create_staff(db, runtime, username=username, password=password, name=name, by=None)
    await grant(db, person_id=account.person_id, role=Role.ADMINISTRATOR, station_id=None, by=None)
    return account


async def create_staff(
    db: Db,
    runtime: Runtime,
    *,
    username: str,
    password: str,
    name: str,
    by: Actor | None,
    station_id: UUID | None = None,
) -> StaffAccount:
    """An account without roles. An administrator of `station_id` makes it; None: one of all stations.

    Raises:
        Forbidden: not such an administrator. UsernameTaken: choose another.
        UnfitField: a user name of 3 to 40 letters, digits, dots, dashes; a password of 12 to 128 characters
            that is not the user name.
    """
    require(may_administer(by, station_id))
    folded, person_id = _fit_username(username), new_id()
    hashed = await _hashed(db, password, folded)
    await db.execute(_ADD_PERSON, {"id": person_id})
    values = {"id": person_id, "username": folded, "hash": hashed}
    if (await db.execute(_ADD_CREDENTIAL, values)).one_or_none() is None:
        raise UsernameTaken()
    await set_identity(db, runtime, person_id, name=name)
    address = await totp.enrol(db, runtime, person_id, label=folded)
    await record_act(
        db,
        actor_id=by.person_id if by else None,
        action="staff_created",
        object_kind="person",
        object_id=person_id,
    )
    return StaffAccount(person_id, folded, address)


_SET_PASSWORD = text("UPDATE credentials SET password_hash = :hash WHERE person_id = :id")
_USERNAME = text("SELECT username FROM credentials WHERE person_id = :id")


async def change_password(db: Db, runtime: Runtime, actor: Actor, *, old: str, new: str, code: str) -> None:
    """A new password for oneself, by the old one and a fresh TOTP code; every session ends, this one too.

    Raises:
        SignInRefused: the old one or the code is wrong; counted as a failed sign-in. UnfitField: as `create_staff`.
    """
    username = (await db.execute(_USERNAME, {"id": actor.person_id})).scalar_one_or_none()
    account = await totp.charge(runtime, actor.person_id)
    right = await is_secret(db, account.password_hash if account else None, old)
    step = totp.step_of(runtime, account, code) if account else None
    if not right or step is None or not await totp.accept(db, actor.person_id, step):
        raise SignInRefused()
    hashed = await _hashed(db, new, username or "")
    await db.execute(_SET_PASSWORD, {"id": actor.person_id, "hash": hashed})
    await forget_devices(db, actor.person_id)
    await revoke_all(db, actor.person_id, by=actor.person_id)
    await record_act(
        db,
        actor_id=actor.person_id,
        action="password_changed",
        object_kind="person",
        object_id=actor.person_id,
    )


async def _hashed(db: Db, password: str, username: str) -> str:
    least, most = PASSWORD_LENGTH
    if not least <= len(password) <= most or password.casefold() == username:
        raise UnfitField(f"password must have {least} to {most} characters and not be the user name")
    return await hash_secret(db, password)


def _fit_username(username: str) -> str:
    folded = _folded(username)
    if not re.fullmatch(r"[a-z0-9._-]{3,40}", folded):
        raise UnfitField("username must have 3 to 40 letters a-z, digits, dots, dashes or underscores")
    return folded


def _folded(username: str) -> str:
    return username.strip().casefold()
