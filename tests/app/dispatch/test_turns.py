"""Turns: claims of one opening one after the other, in one process, and nobody waits for long."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from app.dispatch import turns
from app.dispatch.turns import turn
from app.kit.runtime import Runtime


async def test_one_at_a_time_and_whoever_has_it_knows_that_others_wait(runtime: Runtime) -> None:
    case, inside, most = uuid4(), 0, 0
    contested: list[bool] = []

    async def one() -> None:
        nonlocal inside, most
        async with turn(runtime, case, 0) as mine:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            contested.append(mine.contested)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(20)))

    assert most == 1
    assert contested == [True] * 19 + [False]
    assert not turns._turns


async def test_other_openings_do_not_wait(runtime: Runtime) -> None:
    case = uuid4()
    async with turn(runtime, case, 0), asyncio.timeout(0.4), turn(runtime, case, 1) as other:
        assert not other.contested


async def test_a_turn_that_does_not_end_is_waited_for_no_longer_than_the_limit(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT_S", 0.01)
    case = uuid4()
    async with turn(runtime, case, 0), turn(runtime, case, 0) as late:
        assert late.contested
    async with turn(runtime, case, 0) as alone:
        assert not alone.contested


async def test_whoever_gives_up_leaves_nothing_behind(runtime: Runtime) -> None:
    case = uuid4()

    async def waits() -> None:
        async with turn(runtime, case, 0):
            pass

    async with turn(runtime, case, 0):
        waiting = asyncio.create_task(waits())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert not turns._turns
