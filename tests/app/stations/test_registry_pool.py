"""Reading the stations while every transaction of the process waits for them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import text

from app.kit.runtime import Runtime
from app.stations.registry import forget_stations, registry
from tests.factories import Make


async def test_stations_are_read_though_whoever_asks_holds_all_connections_for_transactions(
    runtime: Runtime, make: Make
) -> None:
    """Once a second all reports at once asked for them out of their transactions, and nobody had a connection left."""
    made = await make.station()
    async with AsyncExitStack() as stack:
        for _ in range(20):  # the pool of the tests' runtime
            db = await stack.enter_async_context(runtime.database.transaction())
            await db.execute(text("SELECT 1"))
        forget_stations(runtime)

        async with asyncio.timeout(1.5):
            stations = await registry(runtime)

    assert stations.get(made.id).id == made.id
