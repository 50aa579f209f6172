"""What every proof stands on: durable embedded servers of its own, a migrated database, a Runtime, harm."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.kit import valkey as valkey_kit
from app.kit.database import Database
from app.kit.embedded import lease, start
from app.kit.migrate import migrate
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.settings import load_settings
from app.wiring import wire
from tests.conftest import SECRETS
from tests.factories import Make
from tests.races.processes import Processes


@dataclass
class Ground:
    """The servers of one proof. `durable` as in production: fsync, append-only file."""

    folder: Path
    logs: Path
    runtime: Runtime
    make: Make
    processes: Processes

    def server_pids(self) -> tuple[int, int]:
        """(PostgreSQL's first process, Valkey)."""
        postgres = (self.folder / "postgres" / "postmaster.pid").read_text().split()[0]
        valkey = (self.folder / "valkey" / "valkey.pid").read_text().split()[0]
        return int(postgres), int(valkey)

    async def kill_postgres(self) -> None:
        """kill -9 of the postmaster, then a start that recovers."""
        os.kill(self.server_pids()[0], signal.SIGKILL)
        await asyncio.to_thread(start, self.folder, valkey=False)

    async def kill_valkey(self, *, away_s: float = 0.0) -> None:
        """kill -9, the time it stays away, then a start."""
        os.kill(self.server_pids()[1], signal.SIGKILL)
        await asyncio.sleep(away_s)
        await asyncio.to_thread(start, self.folder, postgres=False)

    async def flush(self) -> None:
        """FLUSHALL, if there is anything to flush."""
        with suppress(*valkey_kit.ValkeyDown):
            await self.runtime.valkey.flushall()


@asynccontextmanager
async def ground(*, connections: int = 40) -> AsyncIterator[Ground]:
    """Servers in a folder that is gone afterwards; every process started on it is killed at the end."""
    folder = Path(tempfile.gettempdir()) / f"didi-prove-{uuid4().hex[:8]}"
    try:
        with tempfile.TemporaryDirectory(prefix="didi-prove-logs-") as logs, lease(folder) as servers:
            environment = SECRETS | {
                "DATABASE_URL": servers.database_url,
                "VALKEY_URL": servers.valkey_url,
            }
            settings = load_settings(**environment)
            database = Database(servers.database_url, pool_size=10, moves_pool_size=connections)
            await migrate(database)
            runtime = Runtime(
                settings=settings,
                database=database,
                valkey=valkey_kit.connect(servers.valkey_url),
                keys=KeyRing(parse_keys(settings.secret_keys.get_secret_value())),
                index=BlindIndex(*parse_keys(settings.index_key.get_secret_value())),
            )
            wire(runtime)
            processes = Processes(Path(logs), environment)
            try:
                yield Ground(folder, Path(logs), runtime, Make(runtime), processes)
            finally:
                processes.end()
                await runtime.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
