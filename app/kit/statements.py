"""Statements, straight on asyncpg: what the product does a thousand times a second.

SQLAlchemy's connection costs some 300 us of Python a statement where the driver needs 60, and a claim is one statement.
So statements keep SQLAlchemy's `text()` and its way to read a result, compiled once, and go to pools of the driver's
own. Tables and migrations stay with SQLAlchemy (`app.kit.database`). Measured in
docs/decisions/0009-statements-on-asyncpg.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, NoReturn

import asyncpg
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, MultipleResultsFound, NoResultFound

CLOSE_WAIT_S = 5.0
_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_LOST = (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.InternalClientError)
"""The connection is gone. The last is what a statement meets that begins after the server's farewell was read and before
the end of the stream was: the driver calls its own state a fault of its own."""
_DRIVERS = (asyncpg.PostgresError, *_LOST)


class Row(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types
    """A row whose columns are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Rows:
    """What a statement gave, read as one reads SQLAlchemy's result."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def all(self) -> list[Any]:
        """Every row."""
        return self._rows

    def __iter__(self) -> Any:
        return iter(self._rows)

    def one(self) -> Any:
        """The row. Raises NoResultFound, MultipleResultsFound."""
        if (row := self.one_or_none()) is None:
            raise NoResultFound("a row was expected, there is none")
        return row

    def one_or_none(self) -> Any:
        """The row, or None. Raises MultipleResultsFound."""
        if len(self._rows) > 1:
            raise MultipleResultsFound(f"one row was expected, there are {len(self._rows)}")
        return self._rows[0] if self._rows else None

    def scalar_one(self) -> Any:
        """The first column of the row."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first column of the row, or None when there is none."""
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalars(self) -> Rows:
        """The first column of every row."""
        return Rows([row[0] for row in self._rows])


class MovesDb:
    """A connection on which every statement is its own transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:  # a proxy of asyncpg.Connection
        self._connection = connection

    async def _begun(self) -> None:
        """Before each statement."""

    def _failed(self) -> None:
        """After a statement that failed."""

    async def execute(
        self,
        statement: TextClause,
        values: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
    ) -> Rows:
        """Run a statement and return its rows (none when it returns none: ask with RETURNING what was touched).

        With a list of values it runs once for each of them, and returns no rows.

        Raises:
            DBAPIError: what PostgreSQL refused; IntegrityError for a constraint, InterfaceError for a lost connection.
        """
        sql, names = _compiled(statement)
        await self._begun()
        given = values or {}
        try:
            if isinstance(given, Mapping):
                return Rows(await self._connection.fetch(sql, *[given[name] for name in names]))
            await self._connection.executemany(sql, [[each[name] for name in names] for each in given])
            return Rows([])
        except _DRIVERS as error:
            self._failed()
            _refused(error, sql)

    async def copy(self, table: str, records: Iterable[Sequence[object]], columns: Sequence[str]) -> None:
        """Write many rows at once, by COPY."""
        await self._begun()
        try:
            await self._connection.copy_records_to_table(table, records=records, columns=columns)
        except _DRIVERS as error:
            self._failed()
            _refused(error, f"COPY {table}")


class Db(MovesDb):
    """A transaction opened at the edge, begun with its first statement. Services never end it.

    `info` holds what goes with it until its end, such as the events recorded in it.
    """

    __slots__ = ("_broken", "_transaction", "info")

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._transaction: Any = None
        self._broken = False
        self.info: dict[str, Any] = {}

    async def _begun(self) -> None:
        if self._transaction is None:
            transaction = self._connection.transaction()
            try:
                await transaction.start()
            except _DRIVERS as error:
                _refused(error, "BEGIN")
            self._transaction = transaction

    def _failed(self) -> None:
        self._broken = True

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """A savepoint: an exception in the block undoes the block, and the transaction goes on."""
        await self._begun()
        was = self._broken
        try:
            async with self._connection.transaction():
                yield
        except _DRIVERS as error:  # of the savepoint itself: what fails in the block comes as DBAPIError
            _refused(error, "SAVEPOINT")
        except BaseException:
            self._broken = was
            raise

    async def commit(self) -> None:
        """End it for good.

        Raises:
            DBAPIError: PostgreSQL could not; also when a statement had failed and somebody went on all the same:
                PostgreSQL then answers COMMIT with a rollback, and says nothing.
        """
        if self._broken:
            await self.rollback()
            raise DBAPIError("COMMIT", None, RuntimeError("a statement of this transaction had failed"))
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            return
        try:
            await transaction.commit()
        except _DRIVERS as error:
            _refused(error, "COMMIT")

    async def rollback(self) -> None:
        """Undo it; a connection that cannot is given up by its pool."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            with suppress(*_DRIVERS, OSError):
                await transaction.rollback()


@lru_cache(maxsize=2048)
def _compiled(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())


def _refused(error: Exception, sql: str) -> NoReturn:
    """The driver's errors as SQLAlchemy's, so that both ways to the database are refused alike. Values stay unsaid."""
    kind: type[DBAPIError] = DBAPIError
    lost = isinstance(error, _LOST)
    if lost:
        kind = InterfaceError
    elif isinstance(error, asyncpg.IntegrityConstraintViolationError):
        kind = IntegrityError
    raise kind(sql, None, error, hide_parameters=True, connection_invalidated=lost) from error


class Statements:
    """A pool of such connections, opened at first use; they speak JSON both ways."""

    def __init__(self, url: str, size: int, connect: Mapping[str, Any]) -> None:
        """`url` as SQLAlchemy writes it; `connect`: further arguments of `asyncpg.connect`."""
        _, where = _DIALECT.create_connect_args(make_url(url))  # type: ignore[no-untyped-call]
        self.size = size
        self._options = {**where, **connect}
        self._pool: Any = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        async with self._acquired() as connection:
            db = Db(connection)
            try:
                yield db
            except BaseException:
                await db.rollback()
                raise
            await db.commit()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[MovesDb]:
        """One connection, for the block. Raises TimeoutError when none is free for 5 s, OSError when none opens."""
        async with self._acquired() as connection:
            yield MovesDb(connection)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        pool = self._pool or await self._open()
        try:
            connection = await pool.acquire(timeout=self._options.get("timeout"))
        except _DRIVERS as error:
            _refused(error, "connect")
        try:
            yield connection
        finally:
            with suppress(asyncpg.InterfaceError):  # a lost connection has left its pool already, and says so
                if not connection.is_closed() and connection.is_in_transaction():
                    connection.terminate()  # what could not be rolled back ends with its connection
            await pool.release(connection)

    async def _open(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    min_size=0, max_size=self.size, init=_speak_json, reset=_as_it_is, record_class=Row,
                    max_inactive_connection_lifetime=300, **self._options,
                )  # fmt: skip
        return self._pool

    async def close(self) -> None:
        """Return every connection; those still at work after 5 s are cut off."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CLOSE_WAIT_S)
        except TimeoutError:
            pool.terminate()


async def _speak_json(connection: Any) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_: Any) -> None:
    """Statements and transactions leave nothing in their session, so there is nothing to reset: a round trip less."""
