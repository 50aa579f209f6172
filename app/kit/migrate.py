"""Bringing a database up to the newest migration, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.kit.database import AdvisoryLock, Database

_ROOT = Path(__file__).resolve().parents[2]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    return config


def newest_revision() -> str:
    """The revision this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("no migrations found beside the code")
    return head


async def current_revision(database: Database) -> str | None:
    """The revision a database has, or None when it is empty."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())


async def migrate(database: Database) -> tuple[str | None, str]:
    """Run what is missing; returns the revisions before and after. Safe to run from several processes.

    The role that migrates is the one that serves, so this also sets its `idle_in_transaction_session_timeout`:
    a frozen process must not hold a case.
    """
    before = await current_revision(database)
    async with database.moves() as lock:
        await lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": AdvisoryLock.MIGRATION})
        try:
            await lock.execute(text("ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '2s'"))
            async with database.engine.connect() as connection:
                await connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
                await connection.commit()
                await connection.run_sync(_upgrade)
                await connection.commit()
        finally:
            await lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": AdvisoryLock.MIGRATION})
    await database.engine.dispose()
    return before, newest_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
