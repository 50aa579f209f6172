"""Real PostgreSQL and real Valkey for every test, shared by the session, clean for each test.

A test run has a database of its own, cloned from a migrated template, and a Valkey of its own. Tests
commit for real: what a race or a kill needs is what every test has.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from app.kit import valkey as valkey_kit
from app.kit.database import Database, Db
from app.kit.embedded import lease
from app.kit.migrate import migrate
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.settings import Settings, load_settings
from app.stations.registry import forget_stations
from tests.factories import Make

ROOT = Path(__file__).parents[1]


def _key(name: str) -> str:
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


SECRETS = {
    "DIDI_ENV": "development",
    "DIDI_SECRET_KEYS": _key("fields"),
    "DIDI_INDEX_KEY": _key("index"),
    "DIDI_RECEIPT_KEY": _key("receipt"),
    "WECHAT_TOKEN": "didipolice_token",
    "WECHAT_AES_KEY": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "WECHAT_APP_ID": "wx1234567890abcdef",
    "WECHAT_APP_SECRET": "0123456789abcdef0123456789abcdef",
    "WECHAT_ORIGINAL_ID": "gh_0123456789ab",
    "MINIPROGRAM_APP_ID": "wxabcdef1234567890",
    "MINIPROGRAM_APP_SECRET": "fedcba9876543210fedcba9876543210",
}


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """(PostgreSQL's URL, Valkey's URL). PostgreSQL is shared between runs on this machine, Valkey is not."""
    given = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_VALKEY_URL")
    if given[0] and given[1]:
        yield given[0], given[1]
        return
    shared = Path(tempfile.gettempdir()) / f"didi-tests-{os.getuid()}"
    own = Path(tempfile.gettempdir()) / f"didi-test-{uuid4().hex[:8]}"
    try:
        with (
            lease(shared, valkey=False, durable=False) as postgres,
            lease(own, postgres=False, durable=False) as valkey,
        ):
            yield given[0] or postgres.database_url, given[1] or valkey.valkey_url
    finally:
        shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(servers: tuple[str, str]) -> Iterator[str]:
    """A database of this run, cloned from a template that has every migration."""
    name = f"run_{uuid4().hex[:12]}"
    url = asyncio.run(_clone(servers[0], name))
    yield url
    asyncio.run(_drop(servers[0], name))


@pytest.fixture(scope="session")
def settings(servers: tuple[str, str], database_url: str) -> Settings:
    return load_settings(**SECRETS, DATABASE_URL=database_url, VALKEY_URL=servers[1])


@pytest_asyncio.fixture(scope="session")
async def session_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    runtime = make_runtime(settings)
    yield runtime
    await runtime.close()


@pytest_asyncio.fixture
async def runtime(session_runtime: Runtime) -> AsyncIterator[Runtime]:
    """The stores, empty. Followers are wired as in production."""
    await clean(session_runtime)
    yield session_runtime
    await session_runtime.drain()


@pytest_asyncio.fixture
async def db(runtime: Runtime) -> AsyncIterator[Db]:
    """A transaction of the test's own; commit it to let others see."""
    async with runtime.database.transaction() as session:
        yield session


@pytest_asyncio.fixture
async def make(runtime: Runtime) -> Make:
    """Rows for tests, committed."""
    return Make(runtime)


def make_runtime(settings: Settings) -> Runtime:
    """A Runtime on the test's stores; wired when the composition is there."""
    from app.wiring import wire

    runtime = Runtime(
        settings=settings,
        database=Database(settings.database_url or "", pool_size=20, moves_pool_size=20),
        valkey=valkey_kit.connect(settings.valkey_url or "", cluster=settings.valkey_cluster),
        keys=KeyRing(parse_keys(settings.secret_keys.get_secret_value())),
        index=BlindIndex(*parse_keys(settings.index_key.get_secret_value())),
    )
    wire(runtime)
    return runtime


async def clean(runtime: Runtime) -> None:
    """Empty every table and Valkey."""
    await runtime.drain()
    async with runtime.database.moves() as connection:
        await connection.execute(_EMPTY)
    await runtime.valkey.flushall()
    forget_stations(runtime)


# TRUNCATE makes new files for every table and index, 0.1 s a test; few tables hold anything, and little.
# As a replica no trigger runs: the audit log may not be deleted from, and no order of the keys need be kept.
_EMPTY = text("""
    DO $$
    DECLARE what record;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR what IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
                     WHERE schemaname IN ('public', 'identity') AND tablename <> 'alembic_version' LOOP
            EXECUTE 'DELETE FROM ' || what.name;
        END LOOP;
        FOR what IN SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
                     WHERE schemaname IN ('public', 'identity') AND last_value IS NOT NULL LOOP
            EXECUTE 'ALTER SEQUENCE ' || what.name || ' RESTART';
        END LOOP;
    END $$
""")


async def _clone(url: str, name: str) -> str:
    digest = hashlib.sha256()
    for page in sorted((ROOT / "migrations" / "versions").glob("*.py")):
        digest.update(page.read_bytes())
    template = f"template_{digest.hexdigest()[:12]}"
    admin = await asyncpg.connect(url)
    try:
        await admin.execute("SELECT pg_advisory_lock(71201)")
        if not await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", template):
            await admin.execute(f"CREATE DATABASE {template}_new")
            database = Database(_named(url, f"{template}_new"))
            await migrate(database)
            await database.close()
            await admin.execute(f"ALTER DATABASE {template}_new RENAME TO {template}")
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await admin.execute("SELECT pg_advisory_unlock(71201)")
    finally:
        await admin.close()
    return _named(url, name)


async def _drop(url: str, name: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.close()


def _named(url: str, name: str) -> str:
    head, _, tail = url.rpartition("/")
    _, mark, options = tail.partition("?")
    return f"{head}/{name}{mark}{options}"
