"""Drafts of the chat: kept encrypted for days, one message of a person at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import Place
from app.dispatch.drafts import Draft, draft_of, drop, expire, save
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


async def test_a_draft_of_last_week_is_gone_and_known_to_have_been_there(
    runtime: Runtime, make: Make
) -> None:
    person = await make.citizen()
    async with transaction(runtime) as db:
        await draft_of(db, runtime, person.id)
        await save(db, runtime, Draft(person.id, words="很吵"))
        await db.execute(text("UPDATE drafts SET changed_at = clock_timestamp() - interval '8 days'"))

    kept = await _kept(runtime, person.id)

    assert (kept.empty, kept.expired) == (True, True)


async def test_what_nobody_went_on_with_is_erased_and_only_that_it_was_there_is_left(
    runtime: Runtime, make: Make
) -> None:
    old, young, chosen = await make.citizen(), await make.citizen(), await make.citizen()
    async with transaction(runtime) as db:
        for person in (old, young, chosen):
            await draft_of(db, runtime, person.id)
        await save(
            db,
            runtime,
            Draft(old.id, "noise", "很吵", Place(CENTRE, "某路1号"), ("m1",), 1, {"asked": "category"}),
        )
        await save(db, runtime, Draft(young.id, words="很吵"))
        await save(db, runtime, Draft(chosen.id, facts={"begun": True}))
        await db.execute(
            text("UPDATE drafts SET changed_at = changed_at - interval '8 days' WHERE person_id <> :id"),
            {"id": young.id},
        )

    first, again = await expire(runtime), await expire(runtime)

    assert (first, again) == (2, 0)
    async with runtime.database.moves() as db:
        row = (await db.execute(text("SELECT * FROM drafts WHERE person_id = :id"), {"id": old.id})).one()
    assert (row.words, row.place, row.media, row.facts) == (None, None, [], {"expired": True})
    assert (await _kept(runtime, old.id)).expired
    assert not (await _kept(runtime, chosen.id)).expired
    assert (await _kept(runtime, young.id)).words == "很吵"


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
