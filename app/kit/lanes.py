"""A lane for each person: who sends a hundred requests at once waits for themselves, and nobody else waits for them.

What one person asks at once meets on the same rows (their draft, their reports), and whoever waits there holds a
connection of a pool that all share: two hundred reports of one citizen were two hundred refusals for the officers.
So a process lets few of one person through at a time; the others wait here, and hold nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.kit.runtime import Runtime

AT_ONCE = 4
"""Requests of one person under way in one process: more than any client of ours sends, a fifth of a pool."""


@dataclass
class _Lane:
    places: asyncio.Semaphore
    present: int = 0


_lanes: dict[tuple[int, Hashable], _Lane] = {}


@asynccontextmanager
async def lane(runtime: Runtime, who: Hashable, *, at_once: int = AT_ONCE) -> AsyncIterator[None]:
    """Have a place in the lane of `who` for the block; first come, first served."""
    key = (id(runtime), who)
    mine = _lanes.setdefault(key, _Lane(asyncio.Semaphore(at_once)))
    mine.present += 1
    try:
        async with mine.places:
            yield
    finally:
        mine.present -= 1
        if not mine.present:
            _lanes.pop(key, None)
