"""Erasing oneself at the very moment of something else: a merge of two people, a report in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from app.dispatch.drafts import Draft, draft_of, save
from app.dispatch.errors import CaseStillOpen
from app.dispatch.intake import Report, take
from app.dispatch.personal import erase
from app.events.edge import transaction
from app.kit.errors import Unauthenticated
from app.kit.runtime import Runtime
from app.people.identity import Person, citizen_of, person_by_openid
from app.people.merging import merge
from tests.factories import Make

CHAT, APP = "wx1234567890abcdef", "wxabcdef1234567890"
Waits = Callable[[], Awaitable[None]]


@pytest.fixture
def waits(runtime: Runtime) -> Waits:
    """Until somebody waits for a lock in this database."""

    async def until() -> None:
        async with asyncio.timeout(10):
            async with runtime.database.moves() as db:
                while not (await db.execute(_WAITING)).all():
                    await asyncio.sleep(0.01)

    return until


_WAITING = text(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _two(runtime: Runtime) -> tuple[Person, Person]:
    """The chat, known for longer, and the mini-program of one human."""
    async with transaction(runtime) as db:
        chat = await citizen_of(db, runtime, app_id=CHAT, openid="o-chat", unionid="u-1")
    async with transaction(runtime) as db:
        return chat, await citizen_of(db, runtime, app_id=APP, openid="o-phone")


async def _erased(runtime: Runtime, person: Person) -> None:
    async with transaction(runtime) as db:
        await erase(db, person.id)


async def _known(runtime: Runtime) -> list[Person | None]:
    async with transaction(runtime) as db:
        return [
            await person_by_openid(db, runtime, app_id=app, openid=openid)
            for app, openid in ((CHAT, "o-chat"), (APP, "o-phone"))
        ]


async def test_who_is_merged_while_they_erase_themselves_is_erased_as_whom_they_became(
    runtime: Runtime, waits: Waits
) -> None:
    chat, phone = await _two(runtime)
    async with transaction(runtime) as db:
        await merge(db, runtime, chat.id, phone.id)
        erasing = asyncio.create_task(_erased(runtime, phone))
        await waits()
    await erasing

    assert await _known(runtime) == [None, None]


async def test_who_became_an_officer_while_they_erased_themselves_stays_the_officer(
    runtime: Runtime, make: Make, waits: Waits
) -> None:
    _, phone = await _two(runtime)
    officer = await make.officer()
    async with transaction(runtime) as db:
        await merge(db, runtime, officer.id, phone.id)
        erasing = asyncio.create_task(_erased(runtime, phone))
        await waits()
    with pytest.raises(Unauthenticated):
        await erasing

    assert [person.id for person in await _known(runtime) if person][-1] == officer.id


@pytest.mark.parametrize("who", ["stays", "goes"])
async def test_nobody_is_merged_with_somebody_who_erases_themselves_at_this_moment(
    runtime: Runtime, waits: Waits, who: str
) -> None:
    chat, phone = await _two(runtime)
    erased, other = (chat, phone) if who == "stays" else (phone, chat)

    async def merged() -> None:
        async with transaction(runtime) as db:
            assert await merge(db, runtime, chat.id, phone.id) is None

    async with transaction(runtime) as db:
        await erase(db, erased.id)
        merging = asyncio.create_task(merged())
        await waits()
    await merging

    known = [person for person in await _known(runtime) if person]
    assert [(person.id, person.active) for person in known] == [(other.id, True)]


async def test_a_report_in_the_chat_and_an_erasure_do_not_wait_for_each_other(
    runtime: Runtime, make: Make, waits: Waits
) -> None:
    await make.the_station()
    chat, _ = await _two(runtime)
    async with transaction(runtime) as db:
        await draft_of(db, runtime, chat.id)
        await save(db, runtime, Draft(chat.id, "noise", words="楼下"))
    async with transaction(runtime) as db:
        await draft_of(db, runtime, chat.id)
        erasing = asyncio.create_task(_erased(runtime, chat))
        await waits()
        await take(db, runtime, Report(chat.id, "noise", words="楼下很吵"))
    with pytest.raises(CaseStillOpen):
        await erasing
