"""PostgreSQL: a pool for transactions, a pool of autocommitted statements for moves of a case, an engine to migrate by.

A request or a tick is one transaction, opened at the edge. A move of a case is one autocommitted
statement, so that no process that freezes can hold a case. The two have their own pools: slow
requests never keep a claim waiting for a connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import DateTime, Enum, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app.kit.statements import Db, MovesDb, Statements

__all__ = ["AdvisoryLock", "Base", "Database", "Db", "MovesDb", "text_enum", "type_annotation_map"]

SPARE = 10
"""Connections each pool may have over its size, opened when they are needed and kept."""

STATEMENTS_KEPT = 512
"""Statements that a connection keeps prepared; the product has some three hundred."""

type_annotation_map: dict[Any, Any] = {
    datetime: DateTime(timezone=True),
    dict[str, Any]: JSONB,
}


class AdvisoryLock(IntEnum):
    """Every advisory lock of ours, in one table so that no two are the same."""

    MIGRATION = 7_120_110  # of a session: one process migrates
    SEAL = 7_120_111  # of a transaction, as all below: one sealer of the audit log
    ADMINISTRATORS = 7_120_112  # the first one is made, or one of all stations removed
    STATIONS = 7_120_113  # two new boundaries must see each other
    MERGE = 7_120_114  # of two cases folded into each other one goes on
    PEOPLE = 7_120_115  # one merge of people at a time
    UNIONID = 7_120_116  # with a second number from a unionid's index: its openids come one by one
    QUESTIONS = (
        7_120_118  # with a second number from an officer's id: their questions are numbered one by one
    )


class Base(DeclarativeBase):
    """Base of every table, with names for constraints so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = type_annotation_map


def text_enum(kind: type[StrEnum]) -> Enum:
    """A StrEnum stored as its value in a text column with a CHECK, so that adding one is a cheap migration."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
        name=kind.__name__.lower(),
    )


class Database:
    """The ways to PostgreSQL of one process; each opens when it is first used."""

    def __init__(
        self, url: str, *, pooler: str = "none", pool_size: int = 10, moves_pool_size: int = 10
    ) -> None:
        """`pooler="transaction"` turns every statement cache off, as pgbouncer's transaction mode needs."""
        # hide_parameters: an error's text ends in logs, and what was to be written must not.
        options: dict[str, Any] = {
            "pool_pre_ping": False, "pool_timeout": 5, "pool_recycle": 1800, "hide_parameters": True,
        }  # fmt: skip
        connect: dict[str, Any] = {"timeout": 5, "command_timeout": 30}
        pooled = pooler == "transaction"
        if pooled:
            connect |= {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
            }
        self.url = _asyncpg_url(url)
        self.engine: AsyncEngine = create_async_engine(
            self.url, pool_size=2, max_overflow=2, connect_args=connect, **options
        )
        driver: dict[str, Any] = {
            "timeout": 5, "command_timeout": 30, "statement_cache_size": 0 if pooled else STATEMENTS_KEPT,
        }  # fmt: skip
        self.transactions = Statements(self.url, pool_size + SPARE, driver)
        self.autocommitted = Statements(self.url, moves_pool_size + SPARE, driver)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Doors and jobs use `app.events.edge.transaction`, which also follows the events made in it.
        """
        async with self.transactions.transaction() as db:
            yield db

    @asynccontextmanager
    async def moves(self) -> AsyncIterator[MovesDb]:
        """A connection on which each statement commits by itself."""
        async with self.autocommitted.connection() as connection:
            yield connection

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()
        await self.transactions.close()
        await self.autocommitted.close()


def _asyncpg_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}" if scheme in ("postgres", "postgresql") else url
