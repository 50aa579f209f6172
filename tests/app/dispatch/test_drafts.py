"""Drafts of the chat: kept encrypted for a day, one message of a person at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import Place
from app.dispatch.drafts import Draft, draft_of, drop, save
from app.events.edge import transaction
from app.kit.runtime import Runtime
from tests.factories import CENTRE, Make


async def _kept(runtime: Runtime, person_id: UUID) -> Draft:
    async with transaction(runtime) as db:
        return await draft_of(db, runtime, person_id)


async def test_a_draft_comes_back_as_it_was_left_and_unreadable_in_the_table(
    runtime: Runtime, make: Make
) -> None:
    person = await make.citizen()
    left = Draft(person.id, "noise", "很吵", Place(CENTRE, "某路1号"), ("m1",), 1, {"asked": "category"})
    async with transaction(runtime) as db:
        await draft_of(db, runtime, person.id)
        await save(db, runtime, left)

    assert await _kept(runtime, person.id) == left
    async with runtime.database.moves() as db:
        row = (await db.execute(text("SELECT words, place FROM drafts"))).one()
    assert "很吵".encode() not in row.words
    assert "某路".encode() not in row.place


async def test_a_draft_of_yesterday_is_empty(runtime: Runtime, make: Make) -> None:
    person = await make.citizen()
    async with transaction(runtime) as db:
        await draft_of(db, runtime, person.id)
        await save(db, runtime, Draft(person.id, words="很吵"))
        await db.execute(text("UPDATE drafts SET changed_at = clock_timestamp() - interval '25 hours'"))

    assert (await _kept(runtime, person.id)).empty


async def test_a_dropped_draft_is_empty(runtime: Runtime, make: Make) -> None:
    person = await make.citizen()
    async with transaction(runtime) as db:
        await draft_of(db, runtime, person.id)
        await save(db, runtime, Draft(person.id, words="很吵"))
        await drop(db, runtime, person.id)

    assert (await _kept(runtime, person.id)).empty


async def test_twenty_messages_at_once_lose_no_word(runtime: Runtime, make: Make) -> None:
    person = await make.citizen()

    async def write(word: str) -> None:
        async with transaction(runtime) as db:
            draft = await draft_of(db, runtime, person.id)
            await save(db, runtime, draft.with_words(word))

    await asyncio.gather(*(write(f"w{n}") for n in range(20)))

    words = (await _kept(runtime, person.id)).words or ""
    assert sorted(words.split("\n")) == sorted(f"w{n}" for n in range(20))


def test_words_and_pictures_end_at_what_a_case_may_hold() -> None:
    draft = Draft(UUID(int=1)).with_words("a" * 1500).with_words("b" * 1500)
    for n in range(25):
        draft = draft.with_media(f"m{n}").with_media(f"m{n}")

    assert len(draft.words or "") == 2000
    assert len(draft.media) == 20
    assert replace(draft, words=None, media=()).empty
