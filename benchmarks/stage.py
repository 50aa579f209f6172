"""What a benchmark stands on: own durable servers, a fresh database, server processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg

from app.kit.database import Database
from app.kit.embedded import lease
from app.kit.migrate import migrate
from app.kit.runtime import Runtime
from app.settings import Settings, load_settings
from tests.conftest import SECRETS, clean, make_runtime

ROOT = Path(__file__).parents[1]
RIVALS_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
START_WAIT_S = 30.0


@asynccontextmanager
async def stores() -> AsyncIterator[Settings]:
    """Settings for a PostgreSQL with fsync and a Valkey of the benchmarks' own, and a fresh database."""
    folder = Path(tempfile.gettempdir()) / f"didi-bench-{os.getuid() if hasattr(os, 'getuid') else 0}"
    with lease(folder, durable=True) as embedded:
        name = f"bench_{uuid4().hex[:8]}"
        admin = await asyncpg.connect(embedded.database_url)
        await admin.execute(f"CREATE DATABASE {name}")
        url = embedded.database_url.rpartition("/")[0] + f"/{name}"
        try:
            database = Database(url)
            await migrate(database)
            await database.close()
            yield load_settings(
                **SECRETS, DATABASE_URL=url, VALKEY_URL=embedded.valkey_url, DIDI_METRICS_PORT="0"
            )
        finally:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await admin.close()


@asynccontextmanager
async def runtime_on(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime with every follower, on empty stores."""
    runtime = make_runtime(settings)
    await clean(runtime)
    try:
        yield runtime
    finally:
        await runtime.close()


def environment(settings: Settings) -> dict[str, str]:
    """The variables by which a child process finds the same stores."""
    given = {**SECRETS, "DATABASE_URL": settings.database_url or "", "VALKEY_URL": settings.valkey_url or ""}
    return {**os.environ, **given, "DIDI_METRICS_PORT": "0", "WECHAT_API_BASE": "http://127.0.0.1:9"}


@contextmanager
def process(*command: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ended at the end."""
    child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@asynccontextmanager
async def served(app: str, settings: Settings | None = None) -> AsyncIterator[tuple[int, int]]:
    """A server process of ours that answers: (port, pid)."""
    command = (sys.executable, "-m", "benchmarks.serve", app)
    async with listening(*command, env=environment(settings) if settings else None) as found:
        yield found


@asynccontextmanager
async def listening(*command: str, env: dict[str, str] | None = None) -> AsyncIterator[tuple[int, int]]:
    """A process that takes a port as its last argument, once it listens there: (port, pid)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with process(*command, str(port), env=env) as child:
        deadline = asyncio.get_running_loop().time() + START_WAIT_S
        while True:
            if child.poll() is not None or asyncio.get_running_loop().time() > deadline:
                raise RuntimeError(f"{' '.join(command)} does not listen on port {port}: see its error above")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.1)
        yield port, child.pid


def rss_kib(pid: int) -> int:
    """Resident memory of a process; 0 where /proc is not."""
    with contextlib.suppress(OSError):
        for row in Path(f"/proc/{pid}/status").read_text().splitlines():
            if row.startswith("VmRSS:"):
                return int(row.split()[1])
    return 0
