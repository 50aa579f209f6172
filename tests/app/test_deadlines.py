"""The handover's own thread: whatever keeps the worker's loop busy, a deadline is kept."""

from __future__ import annotations

import asyncio
import threading

from sqlalchemy import text

from app.deadlines import Deadlines
from app.kit.database import Database
from app.kit.runtime import Runtime
from tests.factories import Make

PATIENCE_S = 10.0
_STATE = text("SELECT state, handed_over_at >= deadline AS on_time FROM cases WHERE id = :id")


async def waiting(runtime: Runtime) -> int:
    async with runtime.database.moves() as db:
        return int((await db.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


async def test_a_deadline_is_kept_while_the_loop_is_held_up(runtime: Runtime, make: Make) -> None:
    case = await make.case(window_s=1, next_ring_at=None)
    found: list[tuple[str, bool]] = []

    async def watch() -> None:
        database = Database(runtime.settings.database_url or "", pool_size=1, moves_pool_size=1)
        try:
            async with asyncio.timeout(PATIENCE_S), database.moves() as db:
                while not found:
                    row = (await db.execute(_STATE, {"id": case.id})).one()
                    if row.state != "open":
                        found.append((row.state, row.on_time))
                    await asyncio.sleep(0.01)
        finally:
            await database.close()

    deadlines = Deadlines(runtime)
    deadlines.start()
    watcher = threading.Thread(target=lambda: asyncio.run(watch()))
    watcher.start()
    watcher.join()  # without giving way: nothing else runs on this loop
    held_up = await waiting(runtime)
    await deadlines.stop()
    await runtime.drain()

    assert found == [("handed_over", True)]
    assert held_up == 1  # its event waited for this loop
    assert await waiting(runtime) == 0


async def test_it_ends_when_told_and_can_be_told_at_once(runtime: Runtime) -> None:
    deadlines = Deadlines(runtime)
    deadlines.start()
    async with asyncio.timeout(PATIENCE_S):
        await deadlines.stop()

    assert not any(thread.name == "deadlines" for thread in threading.enumerate())
