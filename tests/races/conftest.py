"""Processes of ours on the test's stores, and a Valkey that a test may kill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.kit import valkey as valkey_kit
from app.kit.runtime import Runtime
from app.settings import Settings
from tests.app.live.phones import Server, eventually
from tests.conftest import SECRETS, make_runtime
from tests.races.processes import Processes


def environment(settings: Settings, valkey_url: str | None = None) -> dict[str, str]:
    """Of a process on these stores."""
    urls = {
        "DATABASE_URL": settings.database_url or "",
        "VALKEY_URL": valkey_url or settings.valkey_url or "",
    }
    return SECRETS | urls | {"DIDI_LOG_LEVEL": "INFO"}


@pytest.fixture
def processes(runtime: Runtime, tmp_path: Path) -> Iterator[Processes]:
    """On the stores of the test."""
    started = Processes(tmp_path, environment(runtime.settings))
    yield started
    started.end()


@pytest_asyncio.fixture
async def mortal(runtime: Runtime, tmp_path: Path) -> AsyncIterator[tuple[Server, Runtime, Processes]]:
    """A Valkey to kill, with a runtime and processes that use it and the test's database."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Server(folder)
    server.start()
    own = make_runtime(runtime.settings.model_copy(update={"valkey_url": server.url}))

    async def answers() -> bool:
        try:
            return bool(await own.valkey.ping())
        except valkey_kit.ValkeyDown:
            return False

    await eventually(answers)
    started = Processes(tmp_path, environment(runtime.settings, server.url))
    yield server, own, started
    started.end()
    await own.close()
    server.kill()
