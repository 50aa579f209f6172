"""Migrations: a migrated database is what the tables say; doing it again, or at once from two processes, is harmless."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.kit.database import Base, Database
from app.kit.migrate import current_revision, migrate, newest_revision
from tests.conftest import ROOT, SECRETS, _named

TABLES = sorted(page.parent.name for page in (ROOT / "app").glob("*/tables.py"))
for feature in TABLES:
    importlib.import_module(f"app.{feature}.tables")
VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


@pytest.fixture
async def empty_url(servers: tuple[str, str]) -> AsyncIterator[str]:
    """A database with nothing in it."""
    name = f"empty_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(servers[0])
    await admin.execute(f"CREATE DATABASE {name}")
    yield _named(servers[0], name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name in (None, "identity"),
            "compare_type": True,
        },
    )
    return list(compare_metadata(context, Base.metadata))


async def test_a_migrated_database_is_what_the_tables_say_and_migrating_again_changes_nothing(
    empty_url: str,
) -> None:
    database = Database(empty_url)
    first = await migrate(database)
    again = await migrate(database)
    async with database.engine.connect() as connection:
        different = await connection.run_sync(differences)
    revision = await current_revision(database)
    await database.close()

    assert first == (None, newest_revision())
    assert again == (newest_revision(), newest_revision())
    assert different == []
    assert revision == newest_revision()


async def test_two_runs_at_once_migrate_once(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(2)]

    done = await asyncio.gather(*(migrate(d) for d in databases))

    assert {after for _, after in done} == {newest_revision()}
    for database in databases:
        await database.close()


@pytest.mark.slow
async def test_two_processes_at_once_migrate_once(empty_url: str, servers: tuple[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": empty_url, "VALKEY_URL": servers[1]} | SECRETS
    command = [sys.executable, "-m", "app.cli", "migrate", "--json"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]

    ended = await asyncio.gather(*(asyncio.to_thread(p.communicate) for p in processes))

    assert [p.returncode for p in processes] == [0, 0], ended
    database = Database(empty_url)
    assert await current_revision(database) == newest_revision()
    await database.close()


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.stem)
def test_every_migration_waits_for_no_lock_for_long(version: Path) -> None:
    page = version.read_text()

    upgrade = page.partition("def upgrade() -> None:")[2]
    first = upgrade.strip().splitlines()[0]
    assert first.strip() == "op.execute(\"SET LOCAL lock_timeout = '3s'\")"


def test_alembic_sees_every_table() -> None:
    page = (ROOT / "migrations" / "env.py").read_text()

    assert [feature for feature in TABLES if f"import app.{feature}.tables" not in page] == []
