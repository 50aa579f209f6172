"""Followers: what features do when something happened.

The process that made an event follows it at once; the worker leases what a dead process left.
Delivery is at least once, so every follower is idempotent. Never follow by an id or time cursor:
ids commit out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import text

from app.events.record import Event
from app.kit.runtime import Runtime

log = structlog.get_logger()

Follower = Callable[[Runtime, Event], Awaitable[None]]

FOLLOWERS: dict[str, list[Follower]] = {}
"""Event kind to its followers, in order. Filled once by the composition (`app.wiring`)."""

MAX_ATTEMPTS = 8
LEASE_S = 30
AT_ONCE = 6
"""Events one process follows at the same time, of those it made itself; some hold two connections for a moment."""

_LEASE = text(f"""
    WITH due AS (
        SELECT event_id FROM outbox
         WHERE dead_at IS NULL AND lease_until <= clock_timestamp() AND attempts < {MAX_ATTEMPTS}
         ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
    ), leased AS (
        UPDATE outbox o SET attempts = o.attempts + 1,
               lease_until = clock_timestamp() + make_interval(secs => :lease_s)
          FROM due WHERE o.event_id = due.event_id RETURNING o.event_id
    )
    SELECT e.id, e.kind, e.at, e.case_id, e.station_id, e.actor_id, e.epoch, e.data
      FROM events e JOIN leased ON leased.event_id = e.id ORDER BY e.id
""")
_DONE = text("DELETE FROM outbox WHERE event_id = :event_id")
_RETRY = text("""
    UPDATE outbox SET error = :error,
           lease_until = clock_timestamp() + make_interval(secs => random() * least(60, 0.5 * 2 ^ attempts))
     WHERE event_id = :event_id
""")
_BURY = text(f"""
    UPDATE outbox SET dead_at = clock_timestamp()
     WHERE dead_at IS NULL AND lease_until <= clock_timestamp() AND attempts >= {MAX_ATTEMPTS}
    RETURNING event_id
""")
_RENEW = text("""
    UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
     WHERE event_id = :event_id AND dead_at IS NULL
""")


_turns: WeakKeyDictionary[Runtime, asyncio.Semaphore] = WeakKeyDictionary()


def follow_soon(runtime: Runtime, event: Event | None) -> None:
    """Follow an event whose transaction has committed, without keeping its maker waiting.

    None, the event of a move that had been made before: there is nothing to follow.
    """
    if event is None:
        return
    runtime.after(_in_turn(runtime, event), what=event.kind)


async def _in_turn(runtime: Runtime, event: Event) -> None:
    """A burst of events follows a few at a time: it takes every connection from claims and deadlines otherwise."""
    async with _turns.setdefault(runtime, asyncio.Semaphore(AT_ONCE)):
        await follow(runtime, event)


async def follow(runtime: Runtime, event: Event, *, lease_s: float | None = None) -> None:
    """Run every follower of an event, then take it off the outbox; a failure leaves it for later."""
    try:
        async with _Renewal(runtime, event.id, lease_s):
            for follower in FOLLOWERS.get(event.kind, ()):
                await follower(runtime, event)
    except Exception as error:
        log.warning("follower_failed", kind=event.kind, event_id=event.id, error=type(error).__name__)
        await _execute(runtime, _RETRY, event_id=event.id, error=f"{type(error).__name__}"[:200])
        return
    await _execute(runtime, _DONE, event_id=event.id)


class _Renewal:
    """Keeps the lease of an event alive while its followers run."""

    def __init__(self, runtime: Runtime, event_id: int, lease_s: float | None) -> None:
        self._runtime, self._event_id, self._lease_s = runtime, event_id, lease_s or 2.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 2)
            await _execute(self._runtime, _RENEW, event_id=self._event_id, lease_s=LEASE_S)


async def follow_left(runtime: Runtime, *, limit: int = 20) -> int:
    """Follow what dead processes left behind; returns how many events were leased."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_LEASE, {"limit": limit, "lease_s": LEASE_S})).all()
        buried = (await db.execute(_BURY)).scalars().all()
    for event_id in buried:
        log.error("event_dead", event_id=event_id)
    events = [Event(r.id, r.kind, r.at, r.case_id, r.station_id, r.actor_id, r.epoch, r.data) for r in rows]
    await asyncio.gather(*(follow(runtime, event, lease_s=LEASE_S) for event in events))
    return len(events)


async def _execute(runtime: Runtime, statement: Any, **values: object) -> None:
    async with runtime.database.moves() as db:
        await db.execute(statement, values)
