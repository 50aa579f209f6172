"""The ticking process: handover, rings, silence, the ladder, what dead processes left, notices, upkeep.

Each job has its own loop and its own pace; a failing one is logged and tried again, and never stops
the others. Any number of workers run at once: every job is a conditional statement or a lease.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from app.audit.seal import seal
from app.community import service as community
from app.complaints import service as complaints
from app.deadlines import Deadlines
from app.dispatch import drafts, handover, nearby
from app.dispatch.broadcast import due_rings
from app.dispatch.personal import erase_words
from app.dispatch.reconcile import reconcile
from app.events.follow import follow_left
from app.inbox import service as inbox
from app.kit.metrics import TICKS
from app.kit.runtime import Runtime
from app.live.publish import settle
from app.media import jobs as media
from app.media.source import MediaSource
from app.notices.confirm import forget_early
from app.notices.jobs import deliver
from app.notices.sender import Sender
from app.notices.walls import watch_walls
from app.people import jobs as people
from app.people.merging import gather_merged
from app.tracking import jobs as tracking

log = structlog.get_logger()

Job = Callable[[], Awaitable[object]]
FULL = 20
"""A job that found this many goes on without a pause: there is more."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A job and the seconds between its rounds."""

    name: str
    every_s: float
    job: Job


def ticks(runtime: Runtime, sender: Sender, source: MediaSource | None = None) -> list[Tick]:
    """Every job of the worker but the handover, which has a thread of its own. Without a `source` no medium is fetched."""
    fetching = [Tick("fetch_media", 1.0, lambda: media.fetch_due(runtime, source))] if source else []
    return [
        *fetching,
        Tick("erase_media", 5.0, lambda: media.erase_files(runtime)),
        Tick("forget_media", 3600.0, lambda: media.forget(runtime)),
        Tick("rings", 0.25, lambda: due_rings(runtime)),
        Tick("silent", 0.5, lambda: handover.sweep_silent(runtime)),
        Tick("unacknowledged", 0.5, lambda: handover.sweep_unacknowledged(runtime)),
        Tick("follow_left", 0.5, lambda: follow_left(runtime)),
        Tick("deliver", 0.3, lambda: deliver(runtime, sender)),
        # A round lasts as long as its slowest send: while one channel hangs, an offer goes out by another.
        *(Tick(f"deliver_{n}", 0.3, lambda: deliver(runtime, sender)) for n in (2, 3)),
        Tick("watch_walls", 30.0, lambda: watch_walls(runtime)),
        Tick("forget_early", 600.0, lambda: forget_early(runtime)),
        Tick("settle", 1.0, lambda: settle(runtime)),
        Tick("duty_of_expired", 30.0, lambda: people.end_duty_of_expired(runtime)),
        Tick("gather_merged", 30.0, lambda: gather_merged(runtime)),
        Tick("forget_people", 3600.0, lambda: people.forget(runtime)),
        Tick("expire_drafts", 3600.0, lambda: drafts.expire(runtime)),
        Tick("questions_to_desk", 5.0, lambda: community.hand_over(runtime)),
        Tick("forget_questions", 3600.0, lambda: community.forget(runtime)),
        Tick("forget_complaints", 3600.0, lambda: complaints.forget(runtime)),
        Tick("forget_me_toos", 3600.0, lambda: nearby.forget(runtime)),
        Tick("erase_words", 3600.0, lambda: erase_words(runtime)),
        Tick("seal", 1.0, lambda: seal(runtime)),
        Tick("reconcile", 30.0, lambda: reconcile(runtime)),
        Tick("forget_trails", 30.0, lambda: tracking.forget(runtime)),
        Tick("forget_inbox", 600.0, lambda: inbox.forget(runtime)),
    ]


async def run(
    runtime: Runtime,
    sender: Sender,
    stop: asyncio.Event,
    source: MediaSource | None = None,
    *,
    of_doors: Sequence[Tick] = (),
) -> None:
    """Tick until `stop` is set, then finish the rounds under way and drain. `of_doors`: jobs of doors beside ours."""
    deadlines = Deadlines(runtime)
    deadlines.start()
    all_ticks = [*ticks(runtime, sender, source), *of_doors]
    loops = [asyncio.create_task(_loop(tick, stop), name=tick.name) for tick in all_ticks]
    try:
        await stop.wait()
    finally:
        await deadlines.stop()
    await asyncio.gather(*loops)
    await runtime.drain()


async def _loop(tick: Tick, stop: asyncio.Event) -> None:
    failed = 0
    while not stop.is_set():
        try:
            found = await tick.job()
            failed = 0
            TICKS.labels(tick.name, "ok").inc()
        except Exception as error:
            failed += 1
            found = None
            TICKS.labels(tick.name, "failed").inc()
            log.warning("tick_failed", job=tick.name, error=type(error).__name__, failed=failed)
        if isinstance(found, int) and found >= FULL and not isinstance(found, bool):
            continue
        await _pause(stop, tick.every_s + random.uniform(0, min(5.0, failed * 0.5)))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
