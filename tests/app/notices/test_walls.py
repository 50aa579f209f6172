"""The day's walls: exact under many senders, lower priorities stop first, and 80 % is told once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.kit.runtime import Runtime
from app.notices.jobs import deliver
from app.notices.queries import take_waiting
from app.notices.tables import Channel
from app.notices.walls import SHARDS, reserve, used_today, watch_walls
from tests.app.notices.ledger import OA, Ledger, SmallSender


def walled(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, **walls: int) -> None:
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update=walls))


async def taken(runtime: Runtime, priority: int, tries: int) -> int:
    async def one() -> bool:
        async with runtime.database.transaction() as db:
            return await reserve(db, runtime, OA, priority)

    return sum(await asyncio.gather(*(one() for _ in range(tries))))


@pytest.mark.parametrize("wall", [1, 7, 8, 9, 100])
async def test_many_at_once_take_exactly_what_a_day_has(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, wall: int
) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=wall)

    assert await taken(runtime, 1, wall + 2 * SHARDS) == wall


async def test_a_lower_priority_leaves_what_a_higher_will_need(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=100)

    by_priority = [await taken(runtime, priority, 105) for priority in (4, 3, 2, 1)]

    assert by_priority == [80, 10, 7, 3]


async def test_each_channel_and_each_day_has_its_own(
    ledger: Ledger, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=1, wechat_daily_templates=1)
    assert await taken(runtime, 1, 2) == 1

    async with runtime.database.transaction() as db:
        assert await reserve(db, runtime, Channel.TEMPLATE, 1)
        assert await reserve(db, runtime, Channel.PAGER, 4)  # no wall
    await ledger.run("UPDATE daily_sends SET day = day - 1")

    assert await taken(runtime, 1, 2) == 1


async def test_eighty_percent_are_told_once(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=10)
    await taken(runtime, 1, 7)
    assert await watch_walls(runtime) == []

    await taken(runtime, 1, 1)
    with capture_logs() as logs:
        told = [await watch_walls(runtime) for _ in range(2)]

    assert [(u.channel, u.taken, u.wall) for u in told[0]] == [(OA, 8, 10)]
    assert told[1] == []
    [alarm] = [line for line in logs if line["event"] == "daily_wall_near"]
    assert (alarm["log_level"], alarm["taken"], alarm["wall"]) == ("error", 8, 10)


async def test_what_the_day_has_no_room_for_costs_no_window_and_waits(
    ledger: Ledger, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=5)
    people = [await ledger.person() for _ in range(5)]
    low = [await ledger.queue(p, priority=4) for p in people]
    sender = SmallSender()
    await deliver(runtime, sender)
    sent_low = len(sender.given)
    high = [await ledger.queue(p, priority=1) for p in people]
    await deliver(runtime, sender)

    rows = [await ledger.row(i) for i in low + high]
    refused = [r for r in rows if r.state == "dropped"]
    assert sent_low == 4  # 80 % of five
    assert len(sender.given) == 5
    assert {r.reading for r in refused} == {"daily_wall"}
    waiting = 0
    for person_id in people:
        async with runtime.database.transaction() as db:
            waiting += len(await take_waiting(db, person_id))
    assert (len(refused), waiting) == (5, 5)
    left = sum([await ledger.left(p) for p in people])
    assert left == 5 * 5 - 5


async def test_the_share_that_is_used_is_told(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    walled(runtime, monkeypatch, wechat_daily_messages=4)
    await taken(runtime, 1, 3)

    async with runtime.database.moves() as db:
        used: Any = await used_today(db, runtime)

    assert [(u.channel, u.share, u.near) for u in used] == [(OA, 0.75, False)]
