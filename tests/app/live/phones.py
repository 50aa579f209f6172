"""A phone in memory, a Valkey that can be killed, and waiting for a state."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.kit.embedded.binaries import find_binaries
from app.kit.embedded.ports import free_port

PATIENCE_S = 20.0


class Phone:
    """A port in memory. While `stalled` its sends wait, as on a full network."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.sending = asyncio.Event()

    def stall(self) -> None:
        self.may_send.clear()

    async def send(self, frame: bytes) -> None:
        self.sending.set()
        await self.may_send.wait()
        self.frames.put_nowait(json.loads(frame))

    async def close(self, code: int, reason: str) -> None:
        self.closed.set_result((code, reason))

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, or the next of a kind; fails after 20 s."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.frames.get()
                if kind is None or frame["type"] == kind:
                    return frame

    async def was_closed(self) -> tuple[int, str]:
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.shield(self.closed)

    def heard(self) -> list[dict[str, Any]]:
        """What has arrived and was not read."""
        return [self.frames.get_nowait() for _ in range(self.frames.qsize())]


async def eventually(true: Callable[[], Any]) -> None:
    """Wait for a state that nothing announces; fails after 20 s."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = true()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.01)


class Server:
    """A real Valkey on one port, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._executable = find_binaries(folder, None).valkey_server
        self._folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([self._executable, *words], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
