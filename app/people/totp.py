"""Time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 s), and the lock on guessing by who is signed in.

A try is counted, by one committed statement, before anything is compared: parallel guesses are counted
one by one, and the fifth failure in a row locks the account's codes for 15 minutes. The clock is the database's.
Only a session of the account itself can spend these tries; those of a sign-in are counted elsewhere
(`app.people.console`), so that no stranger locks anybody out.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

import pyotp
from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.kit.runtime import Runtime
from app.people.devices import forget_devices
from app.people.guesses import LOCK_S

MAX_FAILURES = 5
STEP_S = 30
WINDOW_STEPS = 1
"""Steps before and after the present one that are accepted, for phones whose clock is off."""
ISSUER = "Didi Police"


@dataclass(frozen=True, slots=True)
class Charged:
    """An account whose code is about to be compared. `now_s`: the database's clock in seconds of the epoch."""

    person_id: UUID
    password_hash: str | None
    totp_secret: bytes | None
    now_s: float


_CHARGE = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    UPDATE credentials c
       SET failed = CASE WHEN c.locked_until IS NULL THEN c.failed + 1 ELSE 1 END,
           locked_until = CASE WHEN c.locked_until IS NULL AND c.failed + 1 >= {MAX_FAILURES}
                               THEN t.now + interval '{LOCK_S} seconds' END
      FROM t
     WHERE c.person_id = CAST(:person_id AS uuid) AND (c.locked_until IS NULL OR c.locked_until <= t.now)
    RETURNING c.person_id, c.password_hash, c.totp_secret, extract(epoch FROM t.now)::float8 AS now_s
""")
_NAMED = text("""
    SELECT person_id, password_hash, totp_secret, extract(epoch FROM clock_timestamp())::float8 AS now_s
      FROM credentials WHERE username = :username
""")
_ACCEPT = text("""
    UPDATE credentials SET failed = 0, locked_until = NULL, totp_step = :step
     WHERE person_id = :person_id AND totp_step < :step RETURNING person_id
""")
_ENROL = text("""
    INSERT INTO credentials (person_id, totp_secret) VALUES (:person_id, :secret)
    ON CONFLICT (person_id) DO UPDATE SET totp_secret = excluded.totp_secret, totp_step = 0, failed = 0, locked_until = NULL
""")


async def account_named(db: Db | MovesDb, username: str) -> Charged | None:
    """The account of a user name, with no try spent; None when there is none."""
    row = (await db.execute(_NAMED, {"username": username})).one_or_none()
    return Charged(row.person_id, row.password_hash, row.totp_secret, row.now_s) if row else None


async def charge(runtime: Runtime, person_id: UUID) -> Charged | None:
    """Spend one try of who is signed in, committed at once; None when there is no account or it is locked."""
    async with runtime.database.moves() as db:
        row = (await db.execute(_CHARGE, {"person_id": person_id})).one_or_none()
    return Charged(row.person_id, row.password_hash, row.totp_secret, row.now_s) if row else None


def step_of(runtime: Runtime, account: Charged, code: str) -> int | None:
    """The step whose code this is, within one step of now; None when it is none of them."""
    if account.totp_secret is None:
        return None
    totp = pyotp.TOTP(_open(runtime, account.person_id, account.totp_secret))
    now = int(account.now_s // STEP_S)
    for step in range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
            return step
    return None


async def accept(db: Db, person_id: UUID, step: int) -> bool:
    """Use a step up and forgive the tries; False when this or a later step was used before."""
    return (await db.execute(_ACCEPT, {"person_id": person_id, "step": step})).one_or_none() is not None


async def enrol(db: Db, runtime: Runtime, person_id: UUID, *, label: str) -> str:
    """A new TOTP secret in place of any other; returns the otpauth:// address to show once, as a QR code."""
    secret = pyotp.random_base32(32)
    sealed = runtime.keys.encrypt(secret, table="credentials", row=str(person_id), column="totp_secret")
    await db.execute(_ENROL, {"person_id": person_id, "secret": sealed})
    await forget_devices(db, person_id)
    return pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=ISSUER)


def _open(runtime: Runtime, person_id: UUID, sealed: bytes) -> str:
    return runtime.keys.decrypt(sealed, table="credentials", row=str(person_id), column="totp_secret")
