"""A flood of one person's requests: they wait for themselves."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from app.kit.runtime import Runtime
from tests.miniprogram.phones import Phone


async def test_one_who_asks_for_a_hundred_things_at_once_keeps_nobody_else_waiting(
    citizen: Phone, officer: Phone, runtime: Runtime
) -> None:
    async with runtime.database.transaction() as db:
        lock = text("SELECT FROM people WHERE id = :id FOR UPDATE")
        await db.execute(lock, {"id": citizen.person_id})  # what their reports wait for
        flood = [asyncio.create_task(citizen.report(f"key-{number:08d}")) for number in range(60)]
        async with asyncio.timeout(10):
            while not await _waits(runtime):
                await asyncio.sleep(0.01)
        duty = await officer.call("POST", "/duty/off")

        assert duty.status_code == 200
    assert len({one["case_id"] for one in await asyncio.gather(*flood)}) == 60


async def _waits(runtime: Runtime) -> bool:
    async with runtime.database.moves() as db:
        sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool((await db.execute(text(sql))).all())
