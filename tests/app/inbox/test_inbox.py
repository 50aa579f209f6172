"""A message from outside acts once, however often and however close together it comes."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.inbox import service as inbox
from app.kit.database import Db
from app.kit.runtime import Runtime

KEY = inbox.key_of("wechat", "msg:18446744073709551615")


async def _waiting_for_a_row(runtime: Runtime) -> None:
    """Return once some statement of this database waits for another transaction."""
    async with runtime.database.moves() as db:
        while not (
            await db.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND wait_event = 'transactionid'"
                )
            )
        ).scalar_one():
            await asyncio.sleep(0)


async def test_a_repeat_is_given_the_answer_of_the_first_time(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        first = await inbox.first_time(db, KEY)
        await inbox.remember(db, KEY, "已收到")

    async with runtime.database.transaction() as db:
        again = await inbox.first_time(db, KEY)

    assert first == inbox.Seen(repeat=False)
    assert again == inbox.Seen(repeat=True, reply="已收到")


async def test_a_repeat_of_what_was_answered_with_silence_is_a_repeat(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        await inbox.first_time(db, KEY)

    async with runtime.database.transaction() as db:
        again = await inbox.first_time(db, KEY)

    assert again == inbox.Seen(repeat=True, reply=None)


async def test_a_concurrent_repeat_waits_and_then_reads_the_reply(runtime: Runtime) -> None:
    async def repeat() -> inbox.Seen:
        async with runtime.database.transaction() as db:
            return await inbox.first_time(db, KEY)

    async with runtime.database.transaction() as db:
        await inbox.first_time(db, KEY)
        second = asyncio.create_task(repeat())
        await _waiting_for_a_row(runtime)
        assert not second.done()
        await inbox.remember(db, KEY, "已收到")

    assert await second == inbox.Seen(repeat=True, reply="已收到")


async def test_a_concurrent_repeat_acts_when_the_first_one_fails(runtime: Runtime) -> None:
    async def repeat() -> inbox.Seen:
        async with runtime.database.transaction() as db:
            return await inbox.first_time(db, KEY)

    async def fail() -> None:
        async with runtime.database.transaction() as db:
            await inbox.first_time(db, KEY)
            second.append(asyncio.create_task(repeat()))
            await _waiting_for_a_row(runtime)
            raise ConnectionError

    second: list[asyncio.Task[inbox.Seen]] = []
    with pytest.raises(ConnectionError):
        await fail()

    assert await second[0] == inbox.Seen(repeat=False)


async def test_ten_at_once_act_once_and_say_the_same(runtime: Runtime) -> None:
    async def receive(n: int) -> tuple[bool, str | None]:
        async with runtime.database.transaction() as db:
            seen = await inbox.first_time(db, KEY)
            if seen.repeat:
                return False, seen.reply
            await inbox.remember(db, KEY, f"answer {n}")
            return True, f"answer {n}"

    said = await asyncio.gather(*(receive(n) for n in range(10)))

    assert sum(acted for acted, _ in said) == 1
    assert len({reply for _, reply in said}) == 1


async def test_the_text_of_a_key_is_not_kept(db: Db) -> None:
    named = "event:oUser0000000000000000000001:1700000000"

    first = await inbox.first_time(db, named)
    await inbox.remember(db, named, "x")
    again = await inbox.first_time(db, named)

    assert (first.repeat, again.repeat, again.reply) == (False, True, "x")
    stored = (await db.execute(text("SELECT key FROM inbox"))).scalar_one()
    assert len(stored) == 32
    assert b"oUser" not in stored


async def test_messages_are_kept_for_three_days(runtime: Runtime) -> None:
    async with runtime.database.transaction() as db:
        for age in ("71 hours", "73 hours", "10 days"):
            await inbox.first_time(db, age)
            await db.execute(
                text(f"UPDATE inbox SET received_at = clock_timestamp() - interval '{age}' WHERE key = :key"),
                {"key": inbox._stored(age)},
            )

    gone = await inbox.forget(runtime)

    assert gone == 2
    async with runtime.database.transaction() as db:
        assert (await inbox.first_time(db, "71 hours")).repeat
        assert not (await inbox.first_time(db, "73 hours")).repeat
