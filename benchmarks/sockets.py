"""Two thousand raw WebSocket clients on one loop: they count frames and read nothing."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import cast

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING = 0x81, 0x88, 0x89


class Crowd:
    """The frames of all sockets, counted together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames = 0
        self.lost = 0
        self.said = b""  # the last frame of close, and why
        self.clients: list[Client] = []
        self.wanted = 0
        self.reached = asyncio.Event()

    def count(self, frames: int) -> None:
        """So many more."""
        self.frames += frames
        if self.frames >= self.wanted:
            self.reached.set()

    async def until(self, frames: int, *, within_s: float = 30) -> None:
        """Until so many have come in all.

        Raises:
            RuntimeError: they have not within that time, or sockets were lost.
        """
        self.wanted = frames
        self.reached.clear()
        if self.frames < frames:
            try:
                async with asyncio.timeout(within_s):
                    await self.reached.wait()
            except TimeoutError:
                raise RuntimeError(
                    f"{self.name}: {frames - self.frames} frames missing; {self._losses()}"
                ) from None
        self.expect_all(len(self.clients))

    def expect_all(self, sockets: int) -> None:
        """That many are open, none was lost. Raises: RuntimeError."""
        if self.lost or len(self.clients) != sockets:
            raise RuntimeError(f"{self.name}: {len(self.clients)} sockets opened; {self._losses()}")

    def _losses(self) -> str:
        return f"{self.lost} sockets lost, the last after {self.said!r}"

    async def dial(self, port: int, path: str, first: list[str | None]) -> None:
        """Open a socket for each, send it what it must say first, wait for one frame of each that says something."""
        loop, before = asyncio.get_running_loop(), self.frames
        for start in range(0, len(first), 50):
            group = [Client(self, path, said) for said in first[start : start + 50]]
            self.clients += group
            await asyncio.gather(
                *(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in group)
            )  # type: ignore[misc]
            await asyncio.gather(*(one.upgraded for one in group))
            await self.until(before + sum(said is not None for said in first[: start + len(group)]))

    def hang_up(self) -> None:
        """Close all."""
        for one in self.clients:
            one.transport.abort()


class Client(asyncio.Protocol):
    """One socket."""

    transport: asyncio.Transport

    def __init__(self, crowd: Crowd, path: str, first: str | None) -> None:
        self._crowd, self._path, self._first = crowd, path, first
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.transport.write(UPGRADE.format(path=self._path).encode())

    def data_received(self, data: bytes) -> None:
        got = self._got + data
        if not self.upgraded.done():
            head, found, got = got.partition(b"\r\n\r\n")
            if not found:
                self._got = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.upgraded.set_exception(ConnectionError(f"no WebSocket: {head[:80]!r}"))
                return
            self.upgraded.set_result(None)
            if self._first is not None:
                self.transport.write(masked(self._first.encode()))
        if (
            len(got) > 1 and got[0] == TEXT and len(got) == 2 + got[1]
        ):  # what a fan-out brings: counted with the least ado
            self._got = b""
            crowd = self._crowd
            crowd.frames += 1
            if crowd.frames >= crowd.wanted:
                crowd.reached.set()
            return
        at = frames = 0
        while len(got) - at >= 2:
            size = got[at + 1]
            head_size = 2
            if size == 126:
                size, head_size = int.from_bytes(got[at + 2 : at + 4], "big"), 4
            if len(got) - at < head_size + size:
                break
            if got[at] == CLOSE:
                self._crowd.said = got[at + head_size : at + head_size + size]
            elif got[at] == PING:  # the servers' keep-alive; one that is not answered hangs up
                self.transport.write(masked(got[at + head_size : at + head_size + size], opcode=0x8A))
            else:
                frames += 1
            at += head_size + size
        self._got = got[at:]
        if frames:
            self._crowd.count(frames)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += 1


def masked(said: bytes, *, opcode: int = 0x81) -> bytes:
    """A client's frame of at most 125 bytes."""
    mask = os.urandom(4)
    return (
        struct.pack("!BB", opcode, 0x80 | len(said))
        + mask
        + bytes(b ^ mask[n % 4] for n, b in enumerate(said))
    )
