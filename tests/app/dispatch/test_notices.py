"""What dispatch tells whom: from the events themselves to the ledger, and whether it still holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.moves import move
from app.cases.states import CLAIM, ESCALATE, HAND_OVER, MARK_URGENT, NOBODY_TO_ASK, NUDGE, Move
from app.dispatch.notices import yet_to_come
from app.events.follow import follow
from app.events.record import Event
from app.kit.runtime import Runtime
from app.notices.policy import POLICIES, Told
from app.notices.rules import TRUTHS, Delivery, kept_for_higher
from app.notices.tables import Channel
from app.notices.words import QUIET, WORDS, words_of
from tests.factories import SQUARE, Made, Make


async def _move(runtime: Runtime, what: Move, case: Made, actor: UUID | None, **values: Any) -> Event:
    async with runtime.database.moves() as db:
        moved = await move(db, what, case.id, actor_id=actor, **values)
    assert moved is not None
    assert moved.event is not None
    await follow(runtime, moved.event)
    await runtime.drain()
    return moved.event


async def _told(runtime: Runtime) -> list[Any]:
    async with runtime.database.moves() as db:
        rows = await db.execute(text("SELECT * FROM deliveries ORDER BY id"))
        return list(rows.all())


async def _true(runtime: Runtime, row: Any) -> bool:
    delivery = Delivery(
        row.id, row.kind, row.person_id, Channel(row.channel), row.priority, row.case_id, row.epoch, row.facts
    )
    async with runtime.database.transaction() as db:
        return await TRUTHS[row.kind](db, runtime, delivery)


async def test_a_claim_is_told_to_the_reporter_once(runtime: Runtime, make: Make) -> None:
    officer = await make.officer()
    case = await make.case()
    event = await _move(runtime, CLAIM, case, officer.id)
    await follow(runtime, event)

    [told] = await _told(runtime)
    assert (told.kind, told.priority, told.person_id) == ("claimed", 1, case.reporter.id)
    assert await _true(runtime, told)


async def test_who_was_told_that_officers_are_asked_is_told_that_nobody_could_be(
    runtime: Runtime, make: Make
) -> None:
    case = await make.case()
    await _move(runtime, NOBODY_TO_ASK, case, None)

    [told] = await _told(runtime)
    assert await _true(runtime, told)
    assert "没有可派出的人员" in words_of(told.kind, "zh", told.facts)
    english = words_of(told.kind, "en", told.facts)
    assert "nobody could be asked" in english
    assert "025-0000" in english


async def test_a_silent_reporter_is_told_nothing_of_why(runtime: Runtime, make: Make) -> None:
    case = await make.case(text_only=True)
    await _move(runtime, NOBODY_TO_ASK, case, None)

    [told] = await _told(runtime)
    assert words_of(told.kind, "en", told.facts) == WORDS[QUIET].en


async def test_a_handover_names_the_station_and_its_phone(runtime: Runtime, make: Make) -> None:
    case = await make.case(reported_ago_s=61)
    await _move(runtime, HAND_OVER, case, None)

    [told] = await _told(runtime)
    assert (told.kind, told.priority) == ("handed_over", 1)
    words = words_of("handed_over", "zh", told.facts)
    assert case.station.code in words
    assert "025-0000" in words


async def test_who_reported_in_silent_mode_reads_nothing_of_it(runtime: Runtime, make: Make) -> None:
    officer = await make.officer()
    case = await make.case(text_only=True)
    await _move(runtime, CLAIM, case, officer.id)

    [told] = await _told(runtime)
    assert words_of(told.kind, "zh", told.facts) == words_of("quiet", "zh", {})


async def test_a_notice_of_an_earlier_holder_is_no_longer_true(runtime: Runtime, make: Make) -> None:
    officer = await make.officer()
    case = await make.case()
    await _move(runtime, CLAIM, case, officer.id)
    [told] = await _told(runtime)
    for change in ("epoch = epoch + 1", "epoch = 1, state = 'cancelled', officer_id = NULL"):
        async with runtime.database.moves() as db:
            await db.execute(text(f"UPDATE cases SET {change} WHERE id = :id"), {"id": case.id})

        assert not await _true(runtime, told)


async def test_a_closed_case_gets_the_closing_notice_only(runtime: Runtime, make: Make) -> None:
    case = await make.case(state="closed", epoch=3)
    async with runtime.database.transaction() as db:
        held = {
            kind: await TRUTHS[kind](
                db, runtime, Delivery(1, kind, case.reporter.id, Channel.OFFICIAL_ACCOUNT, 1, case.id, 3, {})
            )
            for kind in TRUTHS
            if kind in POLICIES
            and POLICIES[kind].told in (Told.REPORTER, Told.HOLDER)
            and kind != "called_off"
        }

    assert [kind for kind, true in held.items() if true] == ["closed"]


async def test_each_desk_of_the_ladder_is_told_once(runtime: Runtime, make: Make) -> None:
    parent = await make.station()
    station = await make.station(parent=parent, ring=SQUARE)
    case = await make.case(station=station, reported_ago_s=61)
    await _move(runtime, HAND_OVER, case, None)
    for step in (0, 1, 2, 2):
        async with runtime.database.moves() as db:
            await db.execute(
                text("UPDATE cases SET ack_by = clock_timestamp() WHERE id = :id"), {"id": case.id}
            )
        await _move(runtime, ESCALATE, case, None, step=step, ringing_id=parent.id)

    told = await _told(runtime)
    assert [t.kind for t in told] == ["handed_over", "ringing"]
    assert parent.code in words_of("ringing", "zh", told[1].facts)


async def test_a_nudge_and_an_alarm_reach_the_officer_in_hand(runtime: Runtime, make: Make) -> None:
    officer = await make.officer()
    case = await make.case(state="claimed", officer=officer, reported_ago_s=70, epoch=1)
    await _move(runtime, NUDGE, case, None)
    await _move(runtime, MARK_URGENT, case, case.reporter.id, ack_s=30)

    told = await _told(runtime)
    assert [(t.kind, t.person_id, t.priority) for t in told] == [
        ("nudge", officer.id, 1),
        ("raised", officer.id, 1),
    ]
    assert [await _true(runtime, t) for t in told] == [True, True]


@pytest.mark.parametrize(
    ("state", "kept"),
    [("open", {1: 0, 2: 2, 3: 3, 4: 4}), ("arrived", {1: 0, 2: 0, 3: 1, 4: 1}), ("closed", {4: 0})],
)
async def test_a_message_is_kept_for_each_higher_notice_that_may_come(
    runtime: Runtime, make: Make, state: str, kept: dict[int, int]
) -> None:
    officer = await make.officer()
    case = await make.case(state=state, officer=officer if state == "arrived" else None)
    async with runtime.database.transaction() as db:
        for priority, expected in kept.items():
            assert await kept_for_higher(db, case.reporter.id, priority) == expected
        assert (await yet_to_come(db, case.reporter.id) == []) is (state == "closed")


def test_every_kind_has_neutral_words_in_both_languages() -> None:
    facts = {
        "number": "123-456-7890",
        "station": "某某派出所",
        "station_en": "Some Station",
        "phone": "025-0000",
        "short": "17",
    }
    for kind in WORDS:
        for language in ("zh", "en"):
            words = words_of(kind, language, facts)
            assert len(words.encode()) < 600
            if kind.partition(":")[0] not in ("handed_over", "ringing", "question_handed_over"):
                assert not any(v in words for v in ("某某派出所", "Some Station", "025-0000"))
