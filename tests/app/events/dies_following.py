"""A worker whose follower kills it: one look at the outbox, then gone.

python -m tests.app.events.dies_following KIND
"""

from __future__ import annotations

import asyncio
import os
import sys

from app.events.follow import FOLLOWERS, follow_left
from app.events.record import Event
from app.kit.runtime import Runtime
from app.settings import load_settings
from app.wiring import open_runtime


async def _dies(_: Runtime, __: Event) -> None:
    os._exit(9)


async def main(kind: str) -> None:
    """Lease what is left and die of it; end quietly when nothing is."""
    runtime = open_runtime(load_settings())
    FOLLOWERS[kind] = [_dies]
    await follow_left(runtime)
    await runtime.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
