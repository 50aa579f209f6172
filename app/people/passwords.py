"""argon2id for what people type: passwords and invitation codes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import text

from app.kit.database import Db
from app.people.errors import SecretsBusy

T = TypeVar("T")

# RFC 9106, section 4, second recommended option: t=3, 64 MiB, 4 lanes.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
AT_ONCE = 2
"""Hashes of a line at a time: 128 MiB and two cores, and not all there is."""
WAITING_MAX = 4
"""How many more may wait in a line; a hash takes about 0.1 s. Each holds the connection of its transaction: with both
lines full, of a pool of 20 there are 8 for everybody else."""


class Line:
    """Hashes wait here, and no longer than it takes to serve `AT_ONCE` and `WAITING_MAX`."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix=f"argon2-{name}")
        self._places = asyncio.BoundedSemaphore(AT_ONCE + WAITING_MAX)

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return self._places.locked()

    async def run(self, work: Callable[..., T], *given: str) -> T:
        """Do it in turn. Raises: SecretsBusy, at once, when the line is full."""
        if self.full:
            raise SecretsBusy()
        async with self._places:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


CONSOLE = Line("console")
"""Passwords of the console, and what administrators make."""
BINDING = Line("binding")
"""Invitation codes, which anybody with WeChat may try: their flood keeps no desk waiting."""
_NOBODYS = _HASHER.hash("nobody's password, verified for names that do not exist")


# The role's 2 s are there so that nobody frozen holds a case. A transaction that hashes holds none, and may
# wait in line behind a flood of guesses.
_PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '30s'")


async def hash_secret(db: Db, secret: str) -> str:
    """The hash to keep, with its parameters and a salt of its own. Raises: SecretsBusy."""
    await db.execute(_PATIENCE)
    return await CONSOLE.run(_HASHER.hash, secret)


async def is_secret(db: Db, kept: str | None, given: str, line: Line = CONSOLE) -> bool:
    """Whether this is the secret. `kept` None (no such account) takes as long and is never true.

    Raises:
        SecretsBusy: the line is full; the try was not compared.
    """
    await db.execute(_PATIENCE)
    right = await line.run(_verify, kept or _NOBODYS, given)
    return right and kept is not None


def _verify(kept: str, given: str) -> bool:
    try:
        return _HASHER.verify(kept, given)
    except (Argon2Error, InvalidHashError):
        return False
