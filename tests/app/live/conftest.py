"""Gateways, each as a process of its own, on a Valkey that tests kill; policies and sessions that they set."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from app.kit import valkey as valkey_kit
from app.kit.database import Database
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.live.hub import Hub
from app.live.topics import ALIVE, POLICIES, Permission, register_alive, register_policy
from app.settings import Settings
from tests.app.live.phones import Server, eventually


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest_asyncio.fixture
async def make_runtime(settings: Settings, valkey_server: Server) -> AsyncIterator[Callable[..., Runtime]]:
    """Runtimes, each as one process would have it; closed at the end."""
    made: list[Runtime] = []

    def make(url: str | None = None, *, cluster: bool = False) -> Runtime:
        runtime = Runtime(
            settings=settings,
            database=Database(settings.database_url or "", pool_size=2, moves_pool_size=2),
            valkey=valkey_kit.connect(url or valkey_server.url, cluster=cluster),
            keys=KeyRing(parse_keys(settings.secret_keys.get_secret_value())),
            index=BlindIndex(*parse_keys(settings.index_key.get_secret_value())),
        )
        made.append(runtime)
        return runtime

    probe = make()
    await eventually(lambda: _pings(probe))
    await probe.valkey.flushall()
    yield make
    for runtime in made:
        await runtime.close()


async def _pings(runtime: Runtime) -> bool:
    with contextlib.suppress(*valkey_kit.ValkeyDown):
        return bool(await runtime.valkey.ping())
    return False


@pytest_asyncio.fixture
async def make_hub(make_runtime: Callable[..., Runtime]) -> AsyncIterator[Callable[..., Any]]:
    """Started hubs, each a process of its own; stopped at the end."""
    hubs: list[tuple[Hub, Runtime]] = []

    async def make(url: str | None = None, *, cluster: bool = False) -> tuple[Hub, Runtime]:
        runtime = make_runtime(url, cluster=cluster)
        hub = Hub(runtime)
        await hub.start()
        hubs.append((hub, runtime))
        return hub, runtime

    yield make
    for hub, _ in hubs:
        await hub.stop()


class Policies:
    """Who may hear `test:<id>` and `other:<id>`; says how it was asked."""

    def __init__(self) -> None:
        self.permissions: dict[str, Permission] = {}
        self.asked: list[tuple[str, list[str]]] = []
        self.broken = False
        self.gate = asyncio.Event()
        self.gate.set()

    def allow(self, topic_id: str, *persons: UUID, epoch: int | None = None) -> None:
        self.permissions[topic_id] = Permission(frozenset(persons), epoch)

    async def of(self, prefix: str, ids: list[str]) -> dict[str, Permission]:
        self.asked.append((prefix, sorted(ids)))
        answer = {i: self.permissions[i] for i in ids if i in self.permissions}
        await self.gate.wait()
        if self.broken:
            raise ConnectionError("the database is away")
        return answer


@pytest.fixture
def policies() -> Iterator[Policies]:
    before, check = dict(POLICIES), ALIVE.check
    made = Policies()
    ALIVE.check = None  # whatever an earlier test's composition registered knows nothing of these sessions
    register_policy("test", lambda _, ids: made.of("test", ids))
    register_policy("other", lambda _, ids: made.of("other", ids))
    yield made
    POLICIES.clear()
    POLICIES.update(before)
    ALIVE.check = check


class Sessions:
    """Which sessions were revoked; counts the queries."""

    def __init__(self) -> None:
        self.revoked: set[UUID] = set()
        self.queries: list[set[UUID]] = []

    async def alive(self, _: Runtime, sessions: Any) -> set[UUID]:
        self.queries.append(set(sessions))
        return set(sessions) - self.revoked


@pytest.fixture
def sessions(policies: Policies) -> Sessions:
    made = Sessions()
    register_alive(made.alive)
    return made


@pytest.fixture
def anna() -> UUID:
    return uuid4()


@pytest.fixture
def bo() -> UUID:
    return uuid4()
