"""Windows: 5 within 48 h of a message, 3 within a minute of a click, follow or scan."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.kit.runtime import Runtime
from app.notices.budget import PersonAction, close_windows, give_back, spend
from tests.app.notices.ledger import OA, Ledger


async def _spend_all(runtime: Runtime, person_id: UUID, *, keep: int = 0) -> int:
    spent = 0
    while True:
        async with runtime.database.transaction() as db:
            if not await spend(db, person_id, OA, keep=keep):
                return spent
        spent += 1


@pytest.mark.parametrize(
    ("action", "messages"),
    [(PersonAction.MESSAGE, 5), (PersonAction.CLICK, 3), (PersonAction.FOLLOW, 3), (PersonAction.SCAN, 3)],
)
async def test_each_action_opens_its_window(
    ledger: Ledger, runtime: Runtime, action: PersonAction, messages: int
) -> None:
    person_id = await ledger.person(action)

    assert await _spend_all(runtime, person_id) == messages


async def test_nothing_can_be_spent_on_who_never_wrote(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person(None)

    assert await _spend_all(runtime, person_id) == 0


async def test_a_new_message_fills_the_window_and_adds_nothing_up(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await _spend_all(runtime, person_id)

    await ledger.acts(person_id, PersonAction.MESSAGE)
    await ledger.acts(person_id, PersonAction.MESSAGE)

    assert await _spend_all(runtime, person_id) == 5


async def test_a_click_does_not_shrink_the_two_days_of_a_message(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await ledger.acts(person_id, PersonAction.CLICK)
    assert await ledger.left(person_id) == 5

    await ledger.run("UPDATE windows SET short_until = clock_timestamp()")  # the minute is over

    assert await _spend_all(runtime, person_id) == 5


async def test_a_click_gives_three_more_when_the_messages_are_spent(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await _spend_all(runtime, person_id)

    await ledger.acts(person_id, PersonAction.CLICK)

    assert await _spend_all(runtime, person_id) == 3


async def test_windows_end_before_wechats_do(ledger: Ledger) -> None:
    person_id = await ledger.person()
    await ledger.acts(person_id, PersonAction.SCAN)

    row = (
        await ledger.run(
            "SELECT extract(epoch FROM long_until - clock_timestamp())::float8 AS long_s,"
            " extract(epoch FROM short_until - clock_timestamp())::float8 AS short_s FROM windows"
        )
    )[0]

    assert 47 * 3600 < row.long_s < 48 * 3600
    assert 30 < row.short_s < 60


async def test_nothing_is_spent_after_a_window_ended(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    await ledger.run("UPDATE windows SET long_until = clock_timestamp()")

    assert await _spend_all(runtime, person_id) == 0


async def test_what_is_kept_for_higher_notices_cannot_be_spent(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()

    assert await _spend_all(runtime, person_id, keep=2) == 3
    assert await _spend_all(runtime, person_id) == 2


async def test_what_was_not_sent_is_given_back_up_to_the_maximum(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()

    async with runtime.database.transaction() as db:
        await spend(db, person_id, OA)
        await give_back(db, person_id, OA)
        await give_back(db, person_id, OA)

    assert await _spend_all(runtime, person_id) == 5


async def test_a_closed_window_opens_with_the_next_message(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()
    async with runtime.database.moves() as db:
        await close_windows(db, person_id, OA)
    assert await ledger.left(person_id) == 0

    await ledger.acts(person_id, PersonAction.MESSAGE)

    assert await ledger.left(person_id) == 5


async def test_twenty_at_once_spend_five(ledger: Ledger, runtime: Runtime) -> None:
    person_id = await ledger.person()

    async def one() -> bool:
        async with runtime.database.transaction() as db:
            return await spend(db, person_id, OA)

    assert sum(await asyncio.gather(*(one() for _ in range(20)))) == 5
