"""Statements on the driver: rows, transactions, savepoints, and what is refused."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, MultipleResultsFound, NoResultFound

from app.kit.database import Database
from app.kit.runtime import Runtime
from app.kit.statements import Db, Statements
from app.settings import Settings

_ADD = text("INSERT INTO inbox (key) VALUES (:key)")
_COUNT = text("SELECT count(*) FROM inbox")
_NUMBERS = text("SELECT n, n * 2 AS twice FROM generate_series(1, CAST(:most AS int)) AS n")


async def count(runtime: Runtime) -> int:
    async with runtime.database.moves() as db:
        return int((await db.execute(_COUNT)).scalar_one())


async def test_rows_have_names_and_places(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        rows = await db.execute(_NUMBERS, {"most": 2, "unused": 1})
        none = await db.execute(_NUMBERS, {"most": 0})

    assert [(row.n, row["twice"], row[0]) for row in rows] == [(1, 2, 1), (2, 4, 2)]
    assert rows.scalars().all() == [1, 2]
    assert (none.one_or_none(), none.scalar_one_or_none()) == (None, None)
    with pytest.raises(NoResultFound):
        none.one()
    with pytest.raises(MultipleResultsFound):
        rows.one_or_none()
    with pytest.raises(AttributeError):
        _ = rows.all()[0].thrice


async def test_json_goes_both_ways_and_a_list_runs_for_each(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        said = await db.execute(text("SELECT CAST(:it AS jsonb) AS it"), {"it": {"a": [1, None, "是"]}})
        await db.execute(_ADD, [{"key": b"1"}, {"key": b"2"}])

    assert said.scalar_one() == {"a": [1, None, "是"]}
    assert await count(runtime) == 2


async def test_a_block_that_raises_leaves_no_trace(runtime: Runtime) -> None:
    async def breaks_off() -> None:
        async with runtime.database.transaction() as db:
            await db.execute(_ADD, {"key": b"1"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await breaks_off()

    assert await count(runtime) == 0


async def test_a_savepoint_is_undone_alone(runtime: Runtime) -> None:
    async def twice(db: Db) -> None:
        async with db.begin_nested():
            await db.execute(_ADD, {"key": b"2"})
            await db.execute(_ADD, {"key": b"1"})

    async with runtime.database.transaction() as db:
        await db.execute(_ADD, {"key": b"1"})
        with pytest.raises(IntegrityError):
            await twice(db)
        await db.execute(_ADD, {"key": b"3"})

    assert await count(runtime) == 2


async def test_who_goes_on_after_a_failure_is_not_told_that_it_was_committed(runtime: Runtime) -> None:
    """PostgreSQL answers such a COMMIT with a rollback and no error."""

    async def goes_on() -> None:
        async with runtime.database.transaction() as db:
            await db.execute(_ADD, {"key": b"1"})
            with suppress(IntegrityError):
                await db.execute(_ADD, {"key": b"1"})

    with pytest.raises(DBAPIError, match="had failed"):
        await goes_on()

    assert await count(runtime) == 0


async def test_before_a_pooler_nothing_stays_prepared(settings: Settings) -> None:
    """A pooler in transaction mode gives the next statement another connection, which knows nothing of it."""
    kept = {}
    for pooler in ("none", "transaction"):
        database = Database(settings.database_url or "", pooler=pooler, pool_size=1, moves_pool_size=1)
        try:
            for way in (database.moves, database.transaction):
                async with way() as db:
                    await db.execute(_NUMBERS, {"most": 2})
                    prepared = text(
                        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%twice%'"
                    )
                    kept[pooler, way.__name__] = (await db.execute(prepared)).scalar_one()
        finally:
            await database.close()

    # The statement that asks holds the word too.
    assert kept["none", "moves"] == kept["none", "transaction"] == 2
    assert kept["transaction", "moves"] == kept["transaction", "transaction"] == 0


async def test_who_is_cut_off_in_a_transaction_leaves_a_clean_connection(runtime: Runtime) -> None:
    pool = Statements(runtime.database.url, 1, {})
    try:

        async def slow() -> None:
            async with pool.transaction() as db:
                await db.execute(_ADD, {"key": b"1"})
                asked.set()
                await db.execute(text("SELECT pg_sleep(60)"))

        asked = asyncio.Event()
        task = asyncio.create_task(slow())
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with pool.connection() as db:
            await db.execute(_ADD, {"key": b"2"})
    finally:
        await pool.close()

    assert await count(runtime) == 1


async def test_a_refusal_is_of_the_kind_that_callers_know_and_says_no_value(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(_ADD, {"key": b"secret-words"})
        with pytest.raises(IntegrityError) as twice:
            await db.execute(_ADD, {"key": b"secret-words"})
        with pytest.raises(DBAPIError) as wrong:
            await db.execute(text("SELECT nothing FROM nowhere"))
        assert getattr(wrong.value.orig, "sqlstate", "") == "42P01"
        await db.execute(text("SELECT 1"))  # and goes on

    assert "INSERT INTO inbox" in twice.value.args[0] or "INSERT INTO inbox" in str(twice.value.statement)
    assert twice.value.params is None


@pytest.mark.parametrize("turns", range(5))
async def test_a_cut_is_a_lost_connection_at_whatever_turn_of_the_loop_it_is_met(
    runtime: Runtime, turns: int
) -> None:
    """The server's farewell and the end of the stream are read in two turns; a statement may come before, between, after."""
    pool = Statements(runtime.database.url, 1, {})
    try:
        async with pool.connection() as db:
            mine = (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with runtime.database.moves() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
            time.sleep(0.02)  # both must have come before this loop turns again
            for _ in range(turns):
                await asyncio.sleep(0)
            with pytest.raises(InterfaceError) as cut:
                await db.execute(text("SELECT 1"))
        assert cut.value.connection_invalidated
        async with pool.connection() as db:
            assert (await db.execute(text("SELECT 1"))).scalar_one() == 1
    finally:
        await pool.close()


async def test_a_connection_that_was_cut_is_lost_once(runtime: Runtime) -> None:
    pool = Statements(runtime.database.url, 1, {})
    try:
        async with pool.connection() as db:
            mine = (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with runtime.database.moves() as other:
            await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        with suppress(InterfaceError):  # unless the pool has seen it by now
            async with pool.connection() as db:
                await db.execute(text("SELECT 1"))
        async with pool.connection() as db:
            assert (await db.execute(text("SELECT 1"))).scalar_one() == 1
    finally:
        await pool.close()
