"""A lean HTTP/1.1 load: raw sockets, keep-alive, one request under way per connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

Next = Callable[[], bytes | None]
"""The next whole request, or None: this connection is done."""


@dataclass
class Load:
    """What came back: answers by status, and the seconds each took."""

    statuses: dict[int, int] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    body: bytes = b""  # of the last answer

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.took_s) / self.elapsed_s


def request(
    method: str, path: str, *, token: str = "", body: bytes = b"", kind: str = "application/json"
) -> bytes:
    """One request as bytes."""
    head = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head.append(f"Content-Type: {kind}")
    return "\r\n".join([*head, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """Reads answers with a Content-Length, as every route here gives."""

    def __init__(self, load: Load, following: Next, done: asyncio.Future[None]) -> None:
        self._load, self._following, self._done = load, following, done
        self._got = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at > 0 else 0
        if len(body) < size:
            return
        status = int(head[9:12])
        self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        self._load.took_s.append(time.perf_counter() - self._sent_at)
        self._load.body = body
        self._got = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed a connection of the load"))

    def _send(self) -> None:
        following = self._following()
        if following is None:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(following)


async def drive(port: int, following: Next, *, connections: int) -> Load:
    """Send until `following` gives no more, on that many connections."""
    loop, load = asyncio.get_running_loop(), Load()
    ends = [loop.create_future() for _ in range(connections)]
    began = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: _Connection(load, following, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    load.elapsed_s = time.perf_counter() - began
    return load


def for_seconds(requests: list[bytes], seconds: float) -> Next:
    """These requests in turn, over and over, until the time is up."""
    until, count = time.perf_counter() + seconds, -1

    def following() -> bytes | None:
        nonlocal count
        if time.perf_counter() > until:
            return None
        count += 1
        return requests[count % len(requests)]

    return following


def once(requests: list[bytes]) -> Next:
    """Each request once."""
    waiting = iter(requests)
    return lambda: next(waiting, None)


def expect(load: Load, status: int) -> Load:
    """Nothing is counted that was not the answer it is said to be."""
    if set(load.statuses) != {status}:
        raise RuntimeError(f"expected only {status}, got {load.statuses}; the last body: {load.body[:300]!r}")
    return load
