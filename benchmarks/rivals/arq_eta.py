"""arq's deferred jobs: a worker (`arq arq_eta.WorkerSettings`) and, as a script, the jobs it gets."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime

from arq import create_pool
from arq.connections import RedisSettings

if __name__ != "__main__" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {0})  # the worker, where ours is

SETTINGS = RedisSettings.from_dsn(os.environ["RIVAL_URL"])


async def late(ctx, due: float) -> None:  # type: ignore[no-untyped-def]
    """Note by how much it ran late, in seconds."""
    await ctx["redis"].rpush("arq:late", time.time() - due)


async def quiet(_) -> None:  # type: ignore[no-untyped-def]
    """Two lines a job would be measured too."""
    logging.getLogger("arq").setLevel(logging.ERROR)


class WorkerSettings:
    """As arq is by default: it looks each half second."""

    functions = [late]  # noqa: RUF012
    on_startup = quiet
    redis_settings = SETTINGS
    poll_delay = 0.5
    keep_result = 0


async def main() -> None:
    """Queue every job."""
    pool = await create_pool(SETTINGS)
    for due in json.load(sys.stdin):
        await pool.enqueue_job("late", due, _defer_until=datetime.fromtimestamp(due, UTC))


if __name__ == "__main__":
    asyncio.run(main())
