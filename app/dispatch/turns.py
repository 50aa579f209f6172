"""Claims of one opening in one process, one after the other: whoever waits learns from the winner, not from a queue.

PostgreSQL decides; a turn only keeps two hundred statements that must lose from standing in line for
connections. Nobody waits longer than half a second for a turn, whatever happens to the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from app.kit.runtime import Runtime

TURN_WAIT_S = 0.5


@dataclass
class Turn:
    """Whose turn it is at one opening, and how many are there."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: int = 0

    @property
    def contested(self) -> bool:
        """Whether others wait."""
        return self.present > 1


_turns: dict[tuple[int, UUID, int], Turn] = {}


@asynccontextmanager
async def turn(runtime: Runtime, case_id: UUID, epoch: int) -> AsyncIterator[Turn]:
    """Wait for one's turn, half a second at most, and have it for the block."""
    key = (id(runtime), case_id, epoch)
    mine = _turns.setdefault(key, Turn())
    mine.present += 1
    held = False
    try:
        held = await _acquire(mine.lock)
        yield mine
    finally:
        if held:
            mine.lock.release()
        mine.present -= 1
        if not mine.present:
            _turns.pop(key, None)


async def _acquire(lock: asyncio.Lock) -> bool:
    if not lock.locked():
        return await lock.acquire()
    try:
        async with asyncio.timeout(TURN_WAIT_S):
            return await lock.acquire()
    except TimeoutError:
        return False
