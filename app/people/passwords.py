"""argon2id for what people type: passwords and invitation codes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import text

from app.kit.database import Db

# RFC 9106, section 4, second recommended option: t=3, 64 MiB, 4 lanes.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
# Two at a time, so that a flood of guesses takes 128 MiB and not all there is; the rest wait in line.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_NOBODYS = _HASHER.hash("nobody's password, verified for names that do not exist")


# The role's 2 s are there so that nobody frozen holds a case. A transaction that hashes holds none, and may
# wait in line behind a flood of guesses.
_PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '30s'")


async def hash_secret(db: Db, secret: str) -> str:
    """The hash to keep, with its parameters and a salt of its own."""
    await db.execute(_PATIENCE)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, secret)


async def is_secret(db: Db, kept: str | None, given: str) -> bool:
    """Whether this is the secret. `kept` None (no such account) takes as long and is never true."""
    await db.execute(_PATIENCE)
    right = await asyncio.get_running_loop().run_in_executor(_THREADS, _verify, kept or _NOBODYS, given)
    return right and kept is not None


def _verify(kept: str, given: str) -> bool:
    try:
        return _HASHER.verify(kept, given)
    except (Argon2Error, InvalidHashError):
        return False
