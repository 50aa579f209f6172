"""The service and the worker as real processes on a test's stores: started, frozen, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.kit.embedded.ports import free_port

READY = {"worker": "worker_started", "serve": "service_started"}
PATIENCE_S = 30.0
NOBODY_LISTENS = "http://127.0.0.1:9"
"""WeChat's address in these tests: nothing may leave the machine."""


@dataclass
class Process:
    """One process of ours. What it says is in `log`."""

    popen: subprocess.Popen[bytes]
    log: Path
    port: int | None = None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait()

    def freeze(self) -> None:
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    async def says(self, word: str) -> None:
        """Wait until its log has the word.

        Raises:
            RuntimeError: it ended first; the message holds the end of its log.
        """
        until = time.monotonic() + PATIENCE_S
        while word not in (text := self.log.read_text(errors="replace")):
            if self.popen.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no {word!r} from pid {self.popen.pid}: {text[-2000:]}")
            await asyncio.sleep(0.01)


class Processes:
    """Starts processes with one environment; `end` kills what is left."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        base = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        fixed = {
            "WECHAT_API_BASE": NOBODY_LISTENS, "DIDI_METRICS_PORT": "0", "DATABASE_POOL_SIZE": "5",
            "DIDI_HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self._environment = base | fixed | dict(environment)
        self._all: list[Process] = []

    def launch(self, *arguments: str, **environment: str) -> Process:
        """`python ARGUMENTS`, without waiting for anything."""
        log = self._folder / f"{len(self._all)}.log"
        with log.open("wb") as handle:
            popen = subprocess.Popen(
                [sys.executable, *arguments],
                env=self._environment | environment,
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
            )
        process = Process(popen, log)
        self._all.append(process)
        return process

    async def start(self, kind: str, **environment: str) -> Process:
        """A `worker` or a `serve` that is ready; the service on a port of its own."""
        arguments, port = ["-m", "app.cli", kind], None
        if kind == "serve":
            port = free_port()
            arguments += ["--port", str(port)]
        process = self.launch(*arguments, **environment)
        process.port = port
        await process.says(READY[kind])
        while port is not None:  # the log speaks just before the port listens
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            break
        return process

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self._all:
            if process.popen.poll() is None:
                process.kill()
