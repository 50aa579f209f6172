"""Residents and their officer: asked, answered, handed over, forgotten, merged; the words encrypted."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.community.errors import (
    NoCommunityOfficer,
    OfficerNotThere,
    QuestionAnswered,
    QuestionNotFound,
    TooManyQuestions,
)
from app.community.queries import officer_of, questions_by, questions_of_desks, questions_of_officer
from app.community.service import (
    Asked,
    Cause,
    answer,
    answer_number,
    ask,
    bind,
    erase,
    forget,
    hand_over,
    take_answers,
    unbind,
)
from app.dispatch.personal import erase as erase_person
from app.dispatch.personal import everything_about
from app.events.edge import transaction
from app.kit.errors import Invalid
from app.kit.runtime import Runtime
from app.people.merging import merge
from app.people.officers import change_officer, duty_off, suspend
from tests.factories import Made, Make, acting

WORDS = "办居住证需要带什么材料？"


class Block:
    """A station, its officer on duty, and a resident who is bound."""

    def __init__(self, runtime: Runtime, make: Make, station: Made, officer: Made, resident: Made) -> None:
        self.runtime, self.make = runtime, make
        self.station, self.officer, self.resident = station, officer, resident

    async def ask(self, words: str = WORDS, *, key: str = "msg:1", by: UUID | None = None) -> Asked:
        async with transaction(self.runtime) as db:
            asked = await ask(db, self.runtime, person_id=by or self.resident.id, words=words, key=key)
        await self.runtime.drain()
        return asked

    async def answer(self, asked: Asked, words: str = "请带身份证。", *, by: Any = None) -> None:
        async with transaction(self.runtime) as db:
            await answer(db, self.runtime, asked.id, words=words, by=by or acting(self.officer))
        await self.runtime.drain()

    async def run(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())

    async def told(self, person: Made) -> list[str]:
        rows = await self.run("SELECT kind FROM deliveries WHERE person_id = :id ORDER BY id", id=person.id)
        return [r.kind for r in rows]


@pytest.fixture
async def block(runtime: Runtime, make: Make) -> Block:
    station = await make.station()
    officer, resident = await make.officer(station=station), await make.citizen()
    async with transaction(runtime) as db:
        await bind(db, resident.id, officer.id)
    return Block(runtime, make, station, officer, resident)


async def test_a_question_goes_to_the_officer_and_its_answer_comes_back_once(
    block: Block, runtime: Runtime
) -> None:
    asked = await block.ask()
    async with transaction(runtime) as db:
        [waiting] = await questions_of_officer(db, runtime, block.officer.id)
    await block.answer(asked)
    async with transaction(runtime) as db:
        first = await take_answers(db, runtime, block.resident.id)
        second = await take_answers(db, runtime, block.resident.id)

    assert (asked.cause, waiting.number, waiting.words) == (None, 1, WORDS)
    assert await block.told(block.officer) == ["question"]
    assert await block.told(block.resident) == ["answer"]
    assert [(r.question, r.answer) for r in first] == [(WORDS, "请带身份证。")]
    assert second == []


async def test_words_are_nowhere_in_the_clear(block: Block) -> None:
    asked = await block.ask()
    await block.answer(asked, "带租房合同")

    found = await block.run(
        "SELECT (SELECT string_agg(CAST(q AS text), '') FROM questions q) || (SELECT string_agg(CAST(e AS text), '') FROM events e)"
        " || (SELECT string_agg(CAST(d AS text), '') FROM deliveries d) || (SELECT string_agg(CAST(a AS text), '') FROM audit_log a) AS all"
    )  # fmt: skip

    assert "居住证" not in found[0].all
    assert "租房" not in found[0].all


async def test_the_same_message_asks_once(block: Block) -> None:
    first, again = await block.ask(), await block.ask()

    assert first.id == again.id
    assert len(await block.run("SELECT 1 FROM questions")) == 1


async def test_three_open_questions_are_the_most_and_ten_a_day(block: Block) -> None:
    for n in range(3):
        await block.ask(key=f"msg:{n}")
    with pytest.raises(TooManyQuestions):
        await block.ask(key="msg:4")

    await block.run(
        "UPDATE questions SET answered_at = clock_timestamp(), answer = words, read_at = clock_timestamp() RETURNING id"
    )
    for n in range(7):
        await block.answer(await block.ask(key=f"more:{n}"))
    with pytest.raises(TooManyQuestions):
        await block.ask(key="more:8")


async def test_at_once_three_are_the_most_too(block: Block) -> None:
    asked = await asyncio.gather(*(block.ask(key=f"msg:{n}") for n in range(8)), return_exceptions=True)

    assert sum(isinstance(one, Asked) for one in asked) == 3
    assert sum(isinstance(one, TooManyQuestions) for one in asked) == 5
    assert len(await block.run("SELECT 1 FROM questions")) == 3


async def test_who_has_no_officer_cannot_ask_and_what_is_too_long_is_refused(
    block: Block, make: Make
) -> None:
    with pytest.raises(NoCommunityOfficer):
        await block.ask(by=(await make.citizen()).id)
    for words in ("", "问" * 501):
        with pytest.raises(Invalid):
            await block.ask(words, key="long")


async def test_residents_at_once_have_numbers_of_their_own(
    block: Block, make: Make, runtime: Runtime
) -> None:
    residents = [await make.citizen() for _ in range(6)]
    async with transaction(runtime) as db:
        for resident in residents:
            await bind(db, resident.id, block.officer.id)

    await asyncio.gather(*(block.ask(by=r.id) for r in residents))

    async with transaction(runtime) as db:
        numbers = [q.number for q in await questions_of_officer(db, runtime, block.officer.id)]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


async def test_a_number_is_free_again_when_it_is_answered(block: Block, runtime: Runtime) -> None:
    first, _ = await block.ask(key="a"), await block.ask(key="b")
    await block.answer(first)
    await block.ask(key="c")

    async with transaction(runtime) as db:
        await answer_number(db, runtime, 1, words="好的", by=acting(block.officer))
        left = [q.number for q in await questions_of_officer(db, runtime, block.officer.id)]
        with pytest.raises(QuestionNotFound):
            await answer_number(db, runtime, 9, words="好的", by=acting(block.officer))
    assert left == [2]


@pytest.mark.parametrize("why", list(Cause))
async def test_the_desk_has_what_the_officer_cannot_answer_and_the_resident_is_told(
    block: Block, make: Make, runtime: Runtime, why: Cause
) -> None:
    before = await block.ask(key="before")
    await _away(block, why)

    handed = await hand_over(runtime)
    await runtime.drain()
    after = await block.ask(key="after")

    async with transaction(runtime) as db:
        desk = await questions_of_desks(db, runtime, stations=[block.station.id])
        with_officer = await questions_of_officer(db, runtime, block.officer.id)
    assert (handed, after.cause, [q.cause for q in desk]) == (1, why, [why, why])
    assert with_officer == []
    assert await block.told(block.resident) == ["question_handed_over"]
    with pytest.raises(QuestionNotFound):
        await block.answer(before)
    await block.answer(before, by=acting(await make.staff("desk", station=block.station)))
    assert await block.told(block.resident) == ["question_handed_over", "answer"]


async def _away(block: Block, why: Cause) -> None:
    async with transaction(block.runtime) as db:
        match why:
            case Cause.OFF_DUTY:
                await duty_off(db, block.officer.id)
            case Cause.SUSPENDED:
                await suspend(db, block.officer.id, by=None)
            case Cause.MOVED:
                await change_officer(
                    db, block.officer.id, by=None, station_id=(await block.make.station(ring=None)).id
                )
    await block.runtime.drain()


async def test_only_the_one_who_has_it_answers_and_only_once(block: Block, make: Make) -> None:
    asked = await block.ask()
    strangers = [
        acting(await make.officer(station=block.station)),
        acting(await make.staff("desk", station=block.station)),
    ]

    for stranger in strangers:
        with pytest.raises(QuestionNotFound):
            await block.answer(asked, by=stranger)
    await block.answer(asked)
    with pytest.raises(QuestionAnswered):
        await block.answer(asked)


async def test_another_desk_sees_and_answers_nothing(block: Block, make: Make, runtime: Runtime) -> None:
    await _away(block, Cause.OFF_DUTY)
    asked = await block.ask()
    elsewhere = await make.station(ring=None)

    async with transaction(runtime) as db:
        seen = await questions_of_desks(db, runtime, stations=[elsewhere.id])
    assert seen == []
    with pytest.raises(QuestionNotFound):
        await block.answer(asked, by=acting(await make.staff("desk", station=elsewhere)))


async def test_binding_again_changes_nothing_and_unbinding_leaves_open_questions(
    block: Block, make: Make, runtime: Runtime
) -> None:
    asked = await block.ask()
    async with transaction(runtime) as db:
        again = await bind(db, block.resident.id, block.officer.id)
        undone = [await unbind(db, block.resident.id), await unbind(db, block.resident.id)]
        left = await officer_of(db, block.resident.id)
    await block.answer(asked)

    assert again.again
    assert undone == [True, False]
    assert left is None


async def test_a_code_of_nobody_binds_nobody(block: Block, make: Make, runtime: Runtime) -> None:
    suspended = await make.officer(station=block.station)
    async with transaction(runtime) as db:
        await suspend(db, suspended.id, by=None)

    for officer_id, person_id in (
        ((await make.citizen()).id, block.resident.id),
        (suspended.id, block.resident.id),
        (block.officer.id, block.officer.id),
    ):
        with pytest.raises(OfficerNotThere):
            async with transaction(runtime) as db:
                await bind(db, person_id, officer_id)


async def test_what_is_held_is_told_and_erased(block: Block, runtime: Runtime) -> None:
    asked = await block.ask()
    await block.answer(asked)

    async with transaction(runtime) as db:
        held = await everything_about(db, runtime, block.resident.id)
        await erase_person(db, block.resident.id)
        after = await questions_by(db, runtime, block.resident.id), await officer_of(db, block.resident.id)

    assert [(q.words, q.answer) for q in held.questions] == [(WORDS, "请带身份证。")]
    assert held.community_officer is not None
    assert held.community_officer.badge == block.officer.badge
    assert after == ([], None)


async def test_two_who_are_one_keep_the_questions_of_both_and_the_newer_officer(
    block: Block, make: Make, runtime: Runtime
) -> None:
    other, second = await make.citizen(), await make.officer(station=block.station)
    async with transaction(runtime) as db:
        await bind(db, other.id, second.id)
    await block.ask(key="one")
    await block.ask(key="two", by=other.id)

    async with transaction(runtime) as db:
        staying = await merge(db, runtime, block.resident.id, other.id)
        assert staying is not None
        asked = await questions_by(db, runtime, staying)
        officer = await officer_of(db, staying)

    assert len(asked) == 2
    assert officer is not None
    assert officer.officer_id == second.id


async def test_a_resident_who_becomes_the_officer_is_nobody_s_resident(
    block: Block, runtime: Runtime
) -> None:
    async with transaction(runtime) as db:
        await merge(db, runtime, block.officer.id, block.resident.id)
        assert await officer_of(db, block.officer.id) is None


async def test_what_is_over_is_forgotten(block: Block, runtime: Runtime) -> None:
    old, fresh, open_ = [await block.ask(key=k) for k in ("old", "fresh", "open")]
    await block.answer(old)
    await block.answer(fresh)
    for asked, days in ((old, 31), (fresh, 29), (open_, 100)):
        await block.run(
            "UPDATE questions SET asked_at = asked_at - make_interval(days => :days),"
            " answered_at = answered_at - make_interval(days => :days) WHERE id = :id RETURNING id",
            id=asked.id, days=days,
        )  # fmt: skip

    await forget(runtime)

    left = {r.id for r in await block.run("SELECT id FROM questions")}
    assert left == {fresh.id, open_.id}
    async with transaction(runtime) as db:
        await erase(db, block.resident.id)
    assert await block.run("SELECT 1 FROM questions") == []
