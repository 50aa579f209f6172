"""A message is acted on once; a repeat is given the answer of the first time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import text

from app.kit.database import Db
from app.kit.runtime import Runtime

KEPT_DAYS = 3

_FIRST = text("INSERT INTO inbox (key) VALUES (:key) ON CONFLICT DO NOTHING RETURNING key")
_REPLY = text("SELECT reply FROM inbox WHERE key = :key")
_REMEMBER = text("UPDATE inbox SET reply = :reply WHERE key = :key")
_FORGET = text("""
    DELETE FROM inbox WHERE key IN (
        SELECT key FROM inbox WHERE received_at < clock_timestamp() - make_interval(days => :days)
         ORDER BY received_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING key
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a message came before; then `reply` is what was answered, None when nothing was said."""

    repeat: bool
    reply: str | None = None


def key_of(source: str, message: str) -> bytes:
    """The inbox key of a message: SHA-256 over where it came from and what names it there."""
    return hashlib.sha256(f"{source}\0{message}".encode()).digest()


def _stored(key: bytes | str) -> bytes:
    """What stands in the table: a text may hold an openid, so only its SHA-256 does."""
    return key if isinstance(key, bytes) else hashlib.sha256(key.encode()).digest()


async def first_time(db: Db, key: bytes | str) -> Seen:
    """Note a message in the caller's transaction, before anything else is done about it.

    `key` is `key_of(...)`, or any text that names the message, kept as its SHA-256. While another transaction
    acts on the same message this waits, on the unique index: if that one commits, its reply is the answer; if it
    fails, this is the first time.
    """
    stored = _stored(key)
    while True:
        if (await db.execute(_FIRST, {"key": stored})).one_or_none() is not None:
            return Seen(repeat=False)
        # A statement of its own: only a fresh snapshot sees what the other has committed meanwhile.
        row = (await db.execute(_REPLY, {"key": stored})).one_or_none()
        if row is not None:
            return Seen(repeat=True, reply=row.reply)
        # Forgotten between the two statements: then it is new.


async def remember(db: Db, key: bytes | str, reply: str | None) -> None:
    """Keep the answer with the message, in the transaction that acted on it."""
    await db.execute(_REMEMBER, {"key": _stored(key), "reply": reply})


async def forget(runtime: Runtime, *, limit: int = 5000) -> int:
    """Delete messages older than 3 days, oldest first, at most `limit`; returns how many went."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_FORGET, {"days": KEPT_DAYS, "limit": limit})).all()
    return len(rows)
