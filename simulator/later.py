"""What WeChat pushes by itself after a call was answered: events of its end, results, what was held back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from simulator.world import World


def later(world: World, doing: Coroutine[Any, Any, Any], *, after_s: float = 0.0) -> None:
    """Do this in the background, real seconds from now. Any: what comes of it is nobody's."""

    async def wait_and_do() -> None:
        try:
            await asyncio.sleep(after_s)
        except asyncio.CancelledError:
            doing.close()
            raise
        await doing

    task = asyncio.create_task(wait_and_do())
    world.later.add(task)
    task.add_done_callback(world.later.discard)


async def settle(world: World) -> None:
    """Wait until nothing is to be pushed any more, also not what follows from that."""
    while world.later:
        await asyncio.gather(*world.later, return_exceptions=True)
