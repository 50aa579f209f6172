"""Counting guesses: five in a row by one who guesses, and that one waits 15 minutes.

Who guesses is a key that the caller composes (an account and a network, an account and a browser, a WeChat
account), kept as an HMAC: the table tells nobody whose network or openid it counts. A guess is counted, by
one committed statement, before anything is compared: parallel guesses are counted one by one.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db
from app.kit.runtime import Runtime

MAX_GUESSES = 5
LOCK_S = 15 * 60

_SPEND = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    INSERT INTO guesses AS g (key_hash, failed, tried_at) SELECT :key, 1, t.now FROM t
    ON CONFLICT (key_hash) DO UPDATE
       SET failed = CASE WHEN g.locked_until IS NULL THEN g.failed + 1 ELSE 1 END,
           locked_until = CASE WHEN g.locked_until IS NULL AND g.failed + 1 >= {MAX_GUESSES}
                               THEN clock_timestamp() + interval '{LOCK_S} seconds' END,
           tried_at = clock_timestamp()
     WHERE g.locked_until IS NULL OR g.locked_until <= clock_timestamp()
    RETURNING key_hash
""")
_LEFT = text("""
    SELECT greatest(1, ceil(extract(epoch FROM locked_until - clock_timestamp())))::int FROM guesses
     WHERE key_hash = :key AND locked_until > clock_timestamp()
""")
_FORGIVE = text("DELETE FROM guesses WHERE key_hash = :key")


def key_of(runtime: Runtime, purpose: str, *parts: str | UUID) -> bytes:
    """The key of one who guesses: an HMAC of these parts under the key of that purpose."""
    said = "\x00".join((purpose, *map(str, parts)))
    return hmac.digest(runtime.keys.purpose("guesses"), said.encode(), "sha256")


async def spend(runtime: Runtime, key: bytes) -> bool:
    """Count one guess, committed at once; False while this key is locked, and then nothing is counted."""
    async with runtime.database.moves() as db:
        return (await db.execute(_SPEND, {"key": key})).one_or_none() is not None


async def locked_for_s(runtime: Runtime, key: bytes) -> int:
    """Whole seconds until this key may guess again; 1 when it may already."""
    async with runtime.database.moves() as db:
        return int((await db.execute(_LEFT, {"key": key})).scalar_one_or_none() or 1)


async def forgive(db: Db, key: bytes) -> None:
    """Forget the guesses of who guessed right."""
    await db.execute(_FORGIVE, {"key": key})
