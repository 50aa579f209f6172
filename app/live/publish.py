"""Telling whoever listens: this process's hubs at once, every other gateway through Valkey."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import RedisCluster

from app.kit.runtime import Runtime
from app.kit.valkey import GATEWAYS, ValkeyDown
from app.live.envelope import encode, encode_resume

log = structlog.get_logger()

GATEWAY_EXPIRY_S = 10
PENDING_LIMIT = 10_000
"""Messages that wait for Valkey in one process; beyond, they are dropped and everyone is told to resume."""
_FLUSH_TIMEOUT_S = 1.0
_BACKOFF_MAX_S = 2.0

# The server's clock, so that hosts whose clocks differ agree on who is alive.
_LIVING = f"""
    local t = redis.call('TIME')
    return redis.call('ZRANGEBYSCORE', KEYS[1], t[1] + t[2] / 1000000 - {GATEWAY_EXPIRY_S}, '+inf')
"""


def channel(gateway_id: str) -> str:
    """The channel of one gateway."""
    return f"live:gw:{gateway_id}"


async def publish(
    runtime: Runtime,
    topics: Iterable[str],
    body: dict[str, Any],
    *,
    newest: str | None = None,
    fresh: bool = False,
) -> None:
    """Tell everyone who listens to any of the topics and may hear it; each socket gets it once.

    `newest`: in a socket's queue a later message of the same key takes the place of this one. `fresh`: who
    may hear these topics has changed; every gateway asks the policies anew. Without Valkey only this
    process's sockets hear; the others are told to resume when it is back. Returns when the message has left.
    """
    to = list(dict.fromkeys(topics))
    if not to:
        return
    raw = encode(to, body, newest=newest, fresh=fresh)
    for ear in list(runtime.ears):
        ear(to, raw)
    await outgoing(runtime).send(raw)


async def send_to(valkey: Any, to: str, payload: bytes) -> int:
    """Put bytes on one channel; returns how many were listening. `valkey` is either client."""
    if isinstance(valkey, RedisCluster):
        return int(await valkey.spublish(to, payload))
    return int(await valkey.publish(to, payload))


class Outgoing:
    """What waits to leave one process. What gathers during one round trip leaves in the next, as one bundle."""

    def __init__(self, runtime: Runtime) -> None:
        self._valkey = runtime.valkey
        self.own: set[str] = set()  # gateways of this process: they were told directly
        self._pending: list[bytes] = []
        self._left: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._down_until = 0.0
        self._owed = False  # others missed something

    async def send(self, raw: bytes) -> None:
        """Return when it has left, or cannot."""
        if time.monotonic() < self._down_until or len(self._pending) >= PENDING_LIMIT:
            self._owed = True
            return
        self._pending.append(raw)
        if self._left is None:
            self._left = asyncio.get_running_loop().create_future()
        left = self._left
        if self._task is None:
            self._task = asyncio.create_task(self._flush())
        await asyncio.shield(left)

    async def settle(self) -> None:
        """Tell the others to resume, if they missed something and Valkey is back. Cheap when nothing is owed."""
        if self._owed:
            await self.send(encode_resume())

    async def _flush(self) -> None:
        try:
            while self._pending:
                bundle, left = self._pending, self._left
                self._pending, self._left = [], None
                try:
                    await self._tell(bundle)
                finally:
                    if left is not None and not left.done():
                        left.set_result(None)
        finally:
            self._task = None

    async def _tell(self, bundle: list[bytes]) -> None:
        if self._owed:
            bundle = [encode_resume(), *bundle]
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                await self._to_every_gateway(b"\n".join(bundle))
        except ValkeyDown as error:
            self._failed(error)
            return
        if self._failures:
            log.info("live_valkey_back", failures=self._failures)
        self._failures, self._owed = 0, False

    async def _to_every_gateway(self, payload: bytes) -> None:
        living = await self._valkey.eval(_LIVING, 1, GATEWAYS)
        others = {one.decode() for one in living} - self.own
        told = await asyncio.gather(
            *(send_to(self._valkey, channel(one), payload) for one in others), return_exceptions=True
        )
        for problem in told:
            if isinstance(problem, BaseException):
                raise problem

    def _failed(self, error: BaseException) -> None:
        if not self._failures:
            log.warning("live_valkey_down", error=type(error).__name__)
        self._failures += 1
        self._owed = True
        longest = min(_BACKOFF_MAX_S, 0.1 * 2 ** min(self._failures, 10))
        self._down_until = time.monotonic() + random.uniform(longest / 2, longest)


_outgoing: WeakKeyDictionary[Runtime, Outgoing] = WeakKeyDictionary()


def outgoing(runtime: Runtime) -> Outgoing:
    """What leaves this runtime; made at first use."""
    if runtime not in _outgoing:
        _outgoing[runtime] = Outgoing(runtime)
    return _outgoing[runtime]


async def settle(runtime: Runtime) -> None:
    """What a process without a hub (the worker) calls each second or so: pay what an outage left owed."""
    await outgoing(runtime).settle()
