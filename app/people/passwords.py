"""argon2id for what people type: passwords and invitation codes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# RFC 9106, section 4, second recommended option: t=3, 64 MiB, 4 lanes.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
# Two at a time, so that a flood of guesses takes 128 MiB and not all there is; the rest wait in line.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_NOBODYS = _HASHER.hash("nobody's password, verified for names that do not exist")


async def hash_secret(secret: str) -> str:
    """The hash to keep, with its parameters and a salt of its own."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, secret)


async def is_secret(kept: str | None, given: str) -> bool:
    """Whether this is the secret. `kept` None (no such account) takes as long and is never true."""
    right = await asyncio.get_running_loop().run_in_executor(_THREADS, _verify, kept or _NOBODYS, given)
    return right and kept is not None


def _verify(kept: str, given: str) -> bool:
    try:
        return _HASHER.verify(kept, given)
    except (Argon2Error, InvalidHashError):
        return False
