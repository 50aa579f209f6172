"""The edge: one transaction per request or tick, its events followed after the commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.events.follow import follow_soon
from app.kit.database import Db
from app.kit.runtime import Runtime


@asynccontextmanager
async def transaction(runtime: Runtime) -> AsyncIterator[Db]:
    """Open a transaction; commit at the end of the block; then follow the events recorded in it.

    Nothing leaves the process before the commit, and an exception in the block leaves no trace.
    """
    async with runtime.database.transaction() as db:
        yield db
        events = db.info.get("events", [])
    for event in events:
        follow_soon(runtime, event)
