"""The handover's own thread: a deadline does not wait for followers, notices and upkeep of the same process.

It has an event loop and a connection of its own. What it handed over is followed on the worker's loop. The
interpreter's lock changes hands within half a millisecond.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress

import structlog
import uvloop

from app.cases.moves import Moved
from app.dispatch import handover
from app.kit.database import Database
from app.kit.metrics import TICKS
from app.kit.runtime import Runtime

log = structlog.get_logger()

SWITCH_S = 0.0005
LOOK_S = 1.0
"""With no deadline in sight, look again after this long."""
AGAIN_S = 0.2
"""After a failure."""


class Deadlines:
    """Hands cases over when their minute ends, until it is stopped."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._home = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="deadlines", daemon=True)

    def start(self) -> None:
        """Begin."""
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    async def stop(self) -> None:
        """Finish the sweep under way, and end."""
        await asyncio.to_thread(self._ready.wait)
        if self._loop and self._stop:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        settings = self._runtime.settings
        database = Database(
            settings.database_url or "", pooler=settings.database_pooler, pool_size=1, moves_pool_size=1
        )
        try:
            while not self._stop.is_set():
                await self._once(database, self._stop)
        finally:
            await database.close()

    async def _once(self, database: Database, stop: asyncio.Event) -> None:
        """Sleep on the monotonic clock to the next deadline, at most a second, then sweep.

        Deadlines are known a minute ahead, so this is exact without any wake-up.
        """
        try:
            in_s = await handover.next_deadline_s(database)
            if in_s is None or in_s > LOOK_S:
                await _pause(stop, LOOK_S)
                return
            if in_s > 0:
                await asyncio.sleep(in_s)
            await handover.hand_over_due(database, self._follow)
            TICKS.labels("hand_over", "ok").inc()
        except Exception as error:
            TICKS.labels("hand_over", "failed").inc()
            log.warning("tick_failed", job="hand_over", error=type(error).__name__)
            await _pause(stop, AGAIN_S)

    def _follow(self, moved: list[Moved]) -> None:
        if moved:
            self._home.call_soon_threadsafe(handover.follow_moved, self._runtime, moved)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
