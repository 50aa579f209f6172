"""A process that follows what is left until nothing is; each arrival is counted by its event, as a receiver would."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from app.events.follow import FOLLOWERS, follow_left
from app.events.record import Event
from app.kit.runtime import Runtime
from app.settings import load_settings
from app.wiring import open_runtime

KIND = "prove_happened"
_ARRIVED = text("""
    INSERT INTO prove_seen (event_id, times) VALUES (:id, 1)
    ON CONFLICT (event_id) DO UPDATE SET times = prove_seen.times + 1
""")


async def _deliver(runtime: Runtime, event: Event) -> None:
    async with runtime.database.moves() as db:
        await db.execute(_ARRIVED, {"id": event.id})


async def main() -> None:
    """Until the outbox is empty, leases of the dead included."""
    runtime = open_runtime(load_settings())
    FOLLOWERS[KIND] = [_deliver]
    print("following", flush=True)
    while True:
        if not await follow_left(runtime, limit=50):
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
