"""The tests of dispatch, live and tracking once more, on a Valkey Cluster of three primaries."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis

from app.kit import valkey as valkey_kit
from app.kit.database import Database
from app.kit.embedded import stop_valkey_cluster, valkey_cluster
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.settings import Settings, load_settings
from tests.app.live.conftest import Policies, anna, bo, make_hub, policies, sessions
from tests.conftest import SECRETS
from tests.conftest import make_runtime as make_whole_runtime

__all__ = ["Policies", "anna", "bo", "make_hub", "policies", "sessions"]


@pytest.fixture(scope="session")
def nodes() -> Iterator[list[str]]:
    """Three primaries with a replica each; the URLs, primaries first."""
    folder = Path(tempfile.mkdtemp(prefix="didi-cluster-"))
    folder.chmod(0o755)
    try:
        yield valkey_cluster(folder, 3, 1, node_timeout_ms=1000)
    finally:
        stop_valkey_cluster(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(nodes: list[str], database_url: str) -> Settings:
    """As at the root, with the cluster in the single server's place."""
    return load_settings(**SECRETS, DATABASE_URL=database_url, VALKEY_URL=nodes[0], VALKEY_CLUSTER="true")


@pytest_asyncio.fixture(scope="session")
async def session_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    runtime = make_whole_runtime(settings)
    assert valkey_kit.RedisCluster is type(runtime.valkey)
    yield runtime
    await runtime.close()


@pytest_asyncio.fixture
async def make_runtime(settings: Settings) -> AsyncIterator[Callable[..., Runtime]]:
    """Runtimes, each as one process would have it, all on the cluster."""
    made: list[Runtime] = []

    # `cluster` stands for what the tests ask of one server: here everything is the cluster.
    def make(url: str | None = None, *, cluster: bool = True) -> Runtime:
        runtime = Runtime(
            settings=settings,
            database=Database(settings.database_url or "", pool_size=2, moves_pool_size=2),
            valkey=valkey_kit.connect(url or settings.valkey_url or "", cluster=cluster or url is None),
            keys=KeyRing(parse_keys(settings.secret_keys.get_secret_value())),
            index=BlindIndex(*parse_keys(settings.index_key.get_secret_value())),
        )
        made.append(runtime)
        return runtime

    await make().valkey.flushall()
    yield make
    for runtime in made:
        await runtime.close()


def primary_of(nodes: list[str], key: str) -> Redis:
    """A client of the primary that holds a key now."""
    with Redis.from_url(nodes[-1]) as any_node:
        password = any_node.connection_pool.connection_kwargs["password"]
        slot = any_node.execute_command("CLUSTER KEYSLOT", key)
        for first, last, (host, port, *_), *_ in any_node.execute_command("CLUSTER SLOTS"):
            if first <= slot <= last:
                return Redis(host=host.decode(), port=port, password=password, decode_responses=True)
    raise AssertionError(f"nobody holds slot {slot}")
