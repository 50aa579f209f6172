"""An event that kills whoever follows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from app.events.follow import MAX_ATTEMPTS
from app.events.record import record
from app.kit.runtime import Runtime
from tests.races.conftest import environment
from tests.races.processes import Processes

KIND = "test_deadly"


@pytest.mark.slow
async def test_an_event_that_kills_its_follower_ends_among_the_dead(runtime: Runtime, tmp_path: Path) -> None:
    async with runtime.database.transaction() as db:
        event = await record(db, KIND)
    processes = Processes(tmp_path, environment(runtime.settings))
    ends = []
    for _ in range(MAX_ATTEMPTS + 1):
        async with runtime.database.moves() as db:
            await db.execute(text("UPDATE outbox SET lease_until = clock_timestamp() - interval '1 second'"))
        ends.append(processes.launch("-m", "tests.app.events.dies_following", KIND).popen.wait())

    async with runtime.database.moves() as db:
        rows = (await db.execute(text("SELECT event_id, attempts, dead_at FROM outbox"))).all()
    assert ends == [9] * (MAX_ATTEMPTS - 1) + [0, 0]  # the maker's own try was the first
    assert [(row.event_id, row.attempts, row.dead_at is not None) for row in rows] == [
        (event.id, MAX_ATTEMPTS, True)
    ]
