"""The one channel by which other processes reach this one, and the beat that says it is there.

Each half second it sends itself an empty message: what comes back proves the whole way, in a cluster the
owner of the slot too. Whenever messages may have been missed (a new connection, or a beat that finds its
entry gone), the hub is told, and tells its sockets to resume.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import RedisCluster

from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.kit.valkey import GATEWAYS, ValkeyDown
from app.live.ending import end
from app.live.publish import GATEWAY_EXPIRY_S, channel, outgoing, send_to

log = structlog.get_logger()

ECHO_EVERY_S = 0.5
BEAT_EVERY_S = 2.0
LOST_AFTER_S = 1.5
"""Without an echo for this long the channel is held for dead."""
START_WAIT_S = 1.0
_BACKOFF_MAX_S = 2.0

# The server's clock, as in publish. Returns 1 when the entry was not there.
_BEAT = f"""
    local t = redis.call('TIME')
    local now = t[1] + t[2] / 1000000
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {GATEWAY_EXPIRY_S})
    return redis.call('ZADD', KEYS[1], now, ARGV[1])
"""


class _Lost(ConnectionError):
    """No echo: the connection stands, and nothing comes through it."""


class Gateway:
    """This process's end of its channel."""

    def __init__(self, runtime: Runtime, hear: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        """`hear` gets each message; `gap` is called when some may have been missed."""
        self.id = new_id().hex
        self._runtime, self._hear, self._gap = runtime, hear, gap
        self._channel = channel(self.id)
        self._heard_at = float("-inf")
        self._listening = False
        self._listened_before = self._stood_before = False
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether messages of other processes arrive now, as far as the last 1.5 s tell."""
        return self._listening and time.monotonic() - self._heard_at < LOST_AFTER_S

    async def start(self) -> None:
        """Be reachable before the first socket is; without Valkey, go on after a second."""
        outgoing(self._runtime).own.add(self.id)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat())]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), START_WAIT_S)

    async def stop(self) -> None:
        """Be no longer reachable."""
        await end(self._tasks)
        outgoing(self._runtime).own.discard(self.id)
        with contextlib.suppress(*ValkeyDown):
            await self._runtime.valkey.zrem(GATEWAYS, self.id)

    async def _beat(self) -> None:
        next_beat = 0.0
        while True:
            began = time.monotonic()
            try:
                if self._listening and began >= next_beat:
                    await self._stand()
                    next_beat = began + BEAT_EVERY_S
                await send_to(self._runtime.valkey, self._channel, b"")
                await outgoing(self._runtime).settle()
            except ValkeyDown:
                next_beat = 0.0
            await asyncio.sleep(max(0.0, ECHO_EVERY_S - (time.monotonic() - began)))

    async def _stand(self) -> None:
        """Stand in the list of gateways; publishers read it before they send."""
        was_gone = bool(await self._runtime.valkey.eval(_BEAT, 1, GATEWAYS, self.id))
        self._ready.set()
        if was_gone and self._stood_before:
            self._gap()
        self._stood_before = True

    async def _listen(self) -> None:
        attempt = 0
        while True:
            try:
                async with contextlib.aclosing(self._runtime.valkey.pubsub()) as pubsub:
                    await self._subscribe(pubsub)
                    while True:
                        if await self._next(pubsub):
                            attempt = 0
            except ValkeyDown as error:
                if self._listening:
                    log.warning("live_channel_lost", error=type(error).__name__)
            except (
                Exception
            ) as error:  # redis-py's pub/sub raises more kinds than it names; none may end this
                log.error("live_channel_failed", error=type(error).__name__)
            self._listening = False
            attempt += 1
            await asyncio.sleep(random.uniform(0.02, min(_BACKOFF_MAX_S, 0.1 * 2 ** min(attempt, 10))))

    async def _subscribe(self, pubsub: Any) -> None:
        if not isinstance(self._runtime.valkey, RedisCluster):
            await pubsub.subscribe(self._channel)
            return
        await send_to(self._runtime.valkey, self._channel, b"")  # learns who owns the slot now
        await pubsub.ssubscribe(self._channel)

    async def _next(self, pubsub: Any) -> bool:
        """Take one thing off the channel; whether it was a confirmed subscription."""
        read = getattr(pubsub, "get_sharded_message", pubsub.get_message)
        message = await read(timeout=LOST_AFTER_S)
        if message is None:
            raise _Lost("no echo on the channel of this gateway")
        kind = message["type"]
        if kind in ("message", "smessage"):
            self._heard(message["data"])
        elif kind in ("unsubscribe", "sunsubscribe"):
            raise _Lost("the slot of this channel has moved to another node")
        elif kind in ("subscribe", "ssubscribe"):
            await self._subscribed()
            return True
        return False

    def _heard(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        if data:
            for one in data.split(b"\n"):
                self._hear(one)

    async def _subscribed(self) -> None:
        """Also when redis-py itself has connected anew: between the two connections, messages were lost."""
        self._listening, self._heard_at = True, time.monotonic()
        with contextlib.suppress(*ValkeyDown):
            await self._stand()
        if self._listened_before:
            log.info("live_channel_back")
            self._gap()
        self._listened_before = True
