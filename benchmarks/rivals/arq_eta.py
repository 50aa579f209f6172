"""arq's deferred jobs: a worker (`arq arq_eta.WorkerSettings`) and, as a script, the jobs it gets."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime

from arq import create_pool
from arq.connections import RedisSettings

SETTINGS = RedisSettings.from_dsn(os.environ["RIVAL_URL"])


async def late(ctx, due: float) -> None:  # type: ignore[no-untyped-def]
    """Note by how much it ran late, in seconds."""
    await ctx["redis"].rpush("arq:late", time.time() - due)


class WorkerSettings:
    """As arq is by default: it looks each half second."""

    functions = [late]  # noqa: RUF012
    redis_settings = SETTINGS
    keep_result = 0


async def main() -> None:
    """Queue every job."""
    pool = await create_pool(SETTINGS)
    for due in json.load(sys.stdin):
        await pool.enqueue_job("late", due, _defer_until=datetime.fromtimestamp(due, UTC))


if __name__ == "__main__":
    asyncio.run(main())
