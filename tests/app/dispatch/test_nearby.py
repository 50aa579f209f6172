"""Who is told that a case like theirs is near, who joins it, and that they hear of its end once, whatever happens at that moment."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.states import CaseState
from app.dispatch import desk
from app.dispatch.area import area_case_at, end_area, open_area
from app.dispatch.citizen import cancel
from app.dispatch.errors import AreaNotShared, AreaOpenAlready, NoAreaOpen
from app.dispatch.nearby import (
    KEPT_DAYS,
    TOLD_A_DAY,
    case_near,
    forget,
    me_toos_by,
    me_toos_of,
    note_told,
    say_me_too,
)
from app.dispatch.personal import erase, everything_about
from app.events.edge import transaction
from app.kit.errors import Invalid
from app.kit.geo import Point, rounded
from app.kit.runtime import Runtime
from app.notices import socket
from app.notices.queries import unseen_of
from app.people.identity import citizen_of
from app.people.merging import merge
from app.stations.categories import DEFAULT_CATEGORIES, NEVER_SHARED, Category
from tests.factories import CENTRE, Made, Make, acting

SQUARE_DEG = 300 / 111_195
BESIDE = Point(CENTRE.lat + SQUARE_DEG, CENTRE.lng)
TWO_AWAY = Point(CENTRE.lat + 2 * SQUARE_DEG, CENTRE.lng)


async def three(make: Make, at: Point = CENTRE, **columns: object) -> list[Made]:
    """Cases of three people, the oldest first."""
    return [
        await make.case(at=at, reported_ago_s=ago, state="handed_over", **columns) for ago in (30, 20, 10)
    ]


async def near(runtime: Runtime, person: Made, at: Point = CENTRE, category: str = "noise") -> UUID | None:
    async with transaction(runtime) as db:
        return await case_near(db, person_id=person.id, category=category, at=at)


async def join(runtime: Runtime, person_id: UUID, case: Made) -> bool:
    async with transaction(runtime) as db:
        await note_told(db, person_id, case.id, published=False)
    async with transaction(runtime) as db:
        return await say_me_too(db, person_id, case.id)


async def ended_notices(runtime: Runtime) -> list[tuple[UUID, dict[str, object]]]:
    await runtime.drain()
    async with runtime.database.moves() as db:
        found = await db.execute(text("SELECT person_id, facts FROM deliveries WHERE kind = 'me_too_ended'"))
        return [(row.person_id, row.facts) for row in found]


async def close(runtime: Runtime, make: Make, case: Made) -> None:
    actor = acting(await make.staff("desk"))
    taken = await desk.take_case(runtime, case.id, epoch=0, actor=actor)
    await desk.close_at_desk(
        runtime, case.id, epoch=taken.epoch, actor=actor, disposition="advised", note="已到场"
    )


def test_no_category_of_quarrels_or_people_who_are_looked_for_is_shared() -> None:
    assert {c.key for c in DEFAULT_CATEGORIES if c.shared} == {"animal_nuisance", "lost_and_found", "noise"}
    for key in NEVER_SHARED:
        with pytest.raises(ValueError, match="take shared out"):
            Category(key=key, zh="某类", en="Some", shared=True)


async def test_the_oldest_of_three_peoples_cases_near_is_told_of(runtime: Runtime, make: Make) -> None:
    oldest, *_ = await three(make)

    assert await near(runtime, await make.citizen()) == oldest.id
    assert await near(runtime, await make.citizen(), BESIDE) == oldest.id
    assert await near(runtime, await make.citizen(), TWO_AWAY) is None
    assert await near(runtime, await make.citizen(), category="animal_nuisance") is None


async def test_the_answer_depends_on_the_squares_alone(runtime: Runtime, make: Make) -> None:
    """Whoever asks from everywhere in a square learns the square, and nothing of the place in it."""
    oldest, *_ = await three(make)
    middle = rounded(CENTRE, 300)
    everywhere = [
        Point(middle.lat + north * SQUARE_DEG * 0.49, middle.lng + east * SQUARE_DEG * 0.49)
        for north in (-1, 0, 1)
        for east in (-1, 0, 1)
    ]

    assert {rounded(at, 300) for at in everywhere} == {middle}
    assert {await near(runtime, await make.citizen(), at) for at in everywhere} == {oldest.id}


async def test_it_is_withheld_below_three_different_people(runtime: Runtime, make: Make) -> None:
    reporter, asks = await make.citizen(), await make.citizen()
    first = await make.case(state="handed_over", reporter=reporter, reported_ago_s=30)
    await make.case(state="handed_over", reporter=reporter)
    await make.case(state="handed_over", reporter=reporter)
    alone = await near(runtime, asks)
    await make.case(state="handed_over")
    two = await near(runtime, asks)
    await join(runtime, (await make.citizen()).id, first)

    assert (alone, two) == (None, None)
    assert await near(runtime, asks) == first.id


@pytest.mark.parametrize("why", [{"urgent": True}, {"text_only": True}, {"state": "closed"}])
async def test_danger_silence_and_what_has_ended_are_never_told_of(
    runtime: Runtime, make: Make, why: dict[str, object]
) -> None:
    for _ in range(3):
        await make.case(**({"state": "handed_over"} | why))  # type: ignore[arg-type]

    assert await near(runtime, await make.citizen()) is None


async def test_who_reported_one_of_them_or_joined_one_is_not_asked(runtime: Runtime, make: Make) -> None:
    oldest, own, _ = await three(make)
    joiner = await make.citizen()
    await join(runtime, joiner.id, oldest)

    assert await near(runtime, own.reporter) is None
    assert await near(runtime, joiner) is None


async def test_a_person_is_told_so_many_times_a_day(runtime: Runtime, make: Make) -> None:
    oldest, *_ = await three(make)
    asks = await make.citizen()
    answers = []
    for _ in range(TOLD_A_DAY + 1):
        answers.append(await near(runtime, asks))
        async with transaction(runtime) as db:
            await note_told(db, asks.id, oldest.id, published=False)
    other = await near(runtime, await make.citizen())
    await make._run("UPDATE me_toos SET told_at = told_at - interval '25 hours'")

    assert answers == [oldest.id] * TOLD_A_DAY + [None]
    assert other == oldest.id
    assert await near(runtime, asks) == oldest.id


async def test_what_the_desk_published_does_not_count_for_the_day(runtime: Runtime, make: Make) -> None:
    oldest, *_ = await three(make)
    asks = await make.citizen()
    for _ in range(TOLD_A_DAY + 1):
        async with transaction(runtime) as db:
            await note_told(db, asks.id, oldest.id, published=True)

    assert await near(runtime, asks) == oldest.id


async def test_two_at_once_are_two(runtime: Runtime, make: Make) -> None:
    case = await make.case(state="handed_over")
    people = [await make.citizen() for _ in range(8)]

    assert all(await asyncio.gather(*(join(runtime, person.id, case) for person in (*people, *people))))
    async with transaction(runtime) as db:
        assert await me_toos_of(db, case.id) == 8


async def test_nobody_joins_without_having_been_told(runtime: Runtime, make: Make) -> None:
    case = await make.case(state="handed_over")
    async with transaction(runtime) as db:
        assert not await say_me_too(db, (await make.citizen()).id, case.id)


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_all_hear_of_the_end_once_in_words_that_hold_nothing(
    runtime: Runtime, make: Make, how: str
) -> None:
    case = await make.case(state="handed_over")
    joiners = [await make.citizen() for _ in range(2)]
    only_told = await make.citizen()
    for joiner in joiners:
        await join(runtime, joiner.id, case)
    async with transaction(runtime) as db:
        await note_told(db, only_told.id, case.id, published=False)
    if how == "closed":
        await close(runtime, make, case)
    else:
        await cancel(runtime, case.id, reporter_id=case.reporter.id)

    told = await ended_notices(runtime)
    assert sorted(person_id for person_id, _ in told) == sorted(joiner.id for joiner in joiners)
    assert [facts for _, facts in told] == [{}, {}]


async def test_the_end_does_not_say_which_case_it_was(
    runtime: Runtime, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[dict[str, Any]] = []

    async def keep(_: Runtime, topics: list[str], frame: dict[str, Any], **__: Any) -> None:
        frames.append(frame)

    monkeypatch.setattr(socket, "publish", keep)
    case, joiner = await make.case(state="handed_over"), await make.citizen()
    await join(runtime, joiner.id, case)
    await socket.note_here(runtime, joiner.id)  # their mini-program is open
    await close(runtime, make, case)
    await runtime.drain()

    async with transaction(runtime) as db:
        listed = await unseen_of(db, joiner.id)
        exported = (await everything_about(db, runtime, joiner.id)).notices
    shown = [frame for frame in frames if frame["kind"] == "me_too_ended"]
    # A case's id holds the moment of somebody else's report.
    assert [frame["case_id"] for frame in shown] == [None]
    assert [(notice.kind, notice.case_id) for notice in listed] == [("me_too_ended", None)]
    assert [(notice.kind, notice.case_id) for notice in exported] == [("me_too_ended", None)]


async def test_who_joins_while_it_closes_is_told_or_does_not_join(runtime: Runtime, make: Make) -> None:
    for _ in range(10):
        case = await make.case(state="handed_over")
        joiner = await make.citizen()
        joined, _ = await asyncio.gather(join(runtime, joiner.id, case), close(runtime, make, case))
        told = [person_id for person_id, _ in await ended_notices(runtime)]

        assert told.count(joiner.id) == (1 if joined else 0)


async def test_who_holds_it_open_while_they_join_makes_the_end_wait_and_hears_of_it(
    runtime: Runtime, make: Make
) -> None:
    case, joiner = await make.case(state="handed_over"), await make.citizen()
    async with transaction(runtime) as db:
        await note_told(db, joiner.id, case.id, published=False)
        assert await say_me_too(db, joiner.id, case.id)
        closing = asyncio.create_task(close(runtime, make, case))
        async with asyncio.timeout(10), runtime.database.moves() as other:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            while not (await other.execute(text(waiting))).all():
                await asyncio.sleep(0.01)
    await closing

    assert [person_id for person_id, _ in await ended_notices(runtime)] == [joiner.id]


async def test_folded_into_another_its_people_hear_of_that_ones_end(runtime: Runtime, make: Make) -> None:
    into, folded = await make.case(state="handed_over"), await make.case(state="handed_over")
    joiner, of_both = await make.citizen(), await make.citizen()
    for person in (joiner, of_both):
        await join(runtime, person.id, folded)
    await join(runtime, of_both.id, into)
    await desk.merge(runtime, folded.id, epoch=0, into_id=into.id, actor=acting(await make.staff("desk")))
    before = await ended_notices(runtime)
    async with transaction(runtime) as db:
        count = await me_toos_of(db, into.id)
    await close(runtime, make, into)

    assert before == []
    assert count == 3
    told = sorted(person_id for person_id, _ in await ended_notices(runtime))
    assert told == sorted((joiner.id, of_both.id, folded.reporter.id))


async def test_the_silent_reporter_of_a_folded_case_is_told_nothing_more(
    runtime: Runtime, make: Make
) -> None:
    into, folded = await make.case(state="handed_over"), await make.case(state="handed_over", text_only=True)
    await desk.merge(runtime, folded.id, epoch=0, into_id=into.id, actor=acting(await make.staff("desk")))
    await runtime.drain()
    await close(runtime, make, into)

    assert await ended_notices(runtime) == []


async def test_two_people_who_become_one_keep_what_they_joined_and_hear_once(
    runtime: Runtime, make: Make
) -> None:
    one, other = await make.case(state="handed_over"), await make.case(state="handed_over")
    async with transaction(runtime) as db:
        chat = await citizen_of(db, runtime, app_id="wx1234567890abcdef", openid="o-chat")
        phone = await citizen_of(db, runtime, app_id="wxabcdef1234567890", openid="o-phone")
    for person_id, case in ((chat.id, one), (phone.id, one), (phone.id, other)):
        await join(runtime, person_id, case)
    async with transaction(runtime) as db:
        staying = await merge(db, runtime, chat.id, phone.id)
    for case in (one, other):
        await close(runtime, make, case)

    async with transaction(runtime) as db:
        assert (await me_toos_of(db, one.id), await me_toos_of(db, other.id)) == (1, 1)
        assert len(await me_toos_by(db, chat.id)) == 2
        assert await me_toos_by(db, phone.id) == []
    assert [person_id for person_id, _ in await ended_notices(runtime)] == [staying, staying]


async def test_it_is_in_what_is_held_about_them_and_goes_with_their_erasure(
    runtime: Runtime, make: Make
) -> None:
    case, joiner = await make.case(state="handed_over"), await make.citizen()
    await join(runtime, joiner.id, case)
    async with transaction(runtime) as db:
        [held] = (await everything_about(db, runtime, joiner.id)).me_toos
    async with transaction(runtime) as db:
        await erase(db, joiner.id)
    await close(runtime, make, case)

    assert held.category == "noise"
    assert held.joined_at is not None
    assert await ended_notices(runtime) == []
    async with transaction(runtime) as db:
        assert await me_toos_of(db, case.id) == 0


async def test_after_its_days_what_is_over_is_forgotten_and_what_runs_is_not(
    runtime: Runtime, make: Make
) -> None:
    over, runs = await make.case(state="handed_over"), await make.case(state="handed_over")
    told, joiner = await make.citizen(), await make.citizen()
    await join(runtime, joiner.id, over)
    await join(runtime, joiner.id, runs)
    async with transaction(runtime) as db:
        await note_told(db, told.id, runs.id, published=False)
    await close(runtime, make, over)
    await ended_notices(runtime)
    young = await forget(runtime)
    await make._run(f"UPDATE me_toos SET told_at = told_at - interval '{KEPT_DAYS + 1} days'")

    assert young == 0
    assert await forget(runtime) == 2
    async with transaction(runtime) as db:
        assert (await me_toos_of(db, over.id), await me_toos_of(db, runs.id)) == (0, 1)


async def opened_area(runtime: Runtime, case: Made, by: Made, **changes: object) -> None:
    async with transaction(runtime) as db:
        now = (await db.execute(text("SELECT clock_timestamp() + interval '2 hours'"))).scalar_one()
        given = {
            "centre": CENTRE,
            "radius_m": 500,
            "words_zh": "音乐节",
            "words_en": "Festival",
            "until": now,
        }
        await open_area(db, case.id, by=by.id, **(given | changes))  # type: ignore[arg-type]


async def inside(runtime: Runtime, person: Made, at: Point = CENTRE, category: str = "noise") -> UUID | None:
    async with transaction(runtime) as db:
        area = await area_case_at(db, person_id=person.id, category=category, at=at)
    return area.case_id if area else None


async def test_an_area_case_holds_its_category_in_its_circle_in_its_time(
    runtime: Runtime, make: Make
) -> None:
    case, by, asks = await make.case(state="handed_over"), await make.staff("desk"), await make.citizen()
    await opened_area(runtime, case, by)
    edge_m = 499.0 / 111_195
    found = [
        await inside(runtime, asks),
        await inside(runtime, asks, Point(CENTRE.lat + edge_m, CENTRE.lng)),
        await inside(runtime, asks, Point(CENTRE.lat + 1.01 * edge_m, CENTRE.lng)),
        await inside(runtime, asks, category="animal_nuisance"),
        await inside(runtime, case.reporter),
    ]
    await make._run("UPDATE area_cases SET until = clock_timestamp()")

    assert found == [case.id, case.id, None, None, None]
    assert await inside(runtime, asks) is None


async def test_of_the_desk_only_one_runs_for_a_case_and_its_end_is_told_once(
    runtime: Runtime, make: Make
) -> None:
    case, by, joiner = await make.case(state="handed_over"), await make.staff("desk"), await make.citizen()
    both = await asyncio.gather(
        opened_area(runtime, case, by), opened_area(runtime, case, by), return_exceptions=True
    )
    await join(runtime, joiner.id, case)
    asked_again = await inside(runtime, joiner)

    async def end() -> None:
        async with transaction(runtime) as db:
            await end_area(db, case.id, by=by.id)

    ended = await asyncio.gather(end(), end(), return_exceptions=True)
    await runtime.drain()
    await close(runtime, make, case)

    assert [type(one) for one in both if one] == [AreaOpenAlready]
    assert [type(one) for one in ended if one] == [NoAreaOpen]
    assert asked_again is None
    assert [person_id for person_id, _ in await ended_notices(runtime)] == [joiner.id]
    assert await make.column(case, "state") == CaseState.CLOSED


@pytest.mark.parametrize(
    "why", [{"urgent": True}, {"text_only": True}, {"state": "closed"}, {"category": "missing_person"}]
)
async def test_no_area_case_of_danger_silence_people_who_are_looked_for_or_what_has_ended(
    runtime: Runtime, make: Make, why: dict[str, object]
) -> None:
    case = await make.case(**({"state": "handed_over"} | why))  # type: ignore[arg-type]

    with pytest.raises(AreaNotShared):
        await opened_area(runtime, case, await make.staff("desk"))


async def test_an_area_that_does_not_hold_its_case_is_refused(runtime: Runtime, make: Make) -> None:
    case, by = await make.case(state="handed_over"), await make.staff("desk")
    far = Point(CENTRE.lat + 0.1, CENTRE.lng)  # of another station, whose reporters would be asked

    with pytest.raises(Invalid) as refused:
        await opened_area(runtime, case, by, centre=far, radius_m=5000)

    assert refused.value.facts["field"] == "radius_m"
    assert await inside(runtime, await make.citizen(), far) is None


async def test_a_case_that_became_urgent_takes_nobody_in_any_more(runtime: Runtime, make: Make) -> None:
    case, by, asks = await make.case(state="handed_over"), await make.staff("desk"), await make.citizen()
    await opened_area(runtime, case, by)
    async with transaction(runtime) as db:
        await note_told(db, asks.id, case.id, published=True)
    await make._run("UPDATE cases SET urgent = TRUE")

    assert await inside(runtime, asks) is None
    async with transaction(runtime) as db:
        assert not await say_me_too(db, asks.id, case.id)


@pytest.mark.parametrize(
    "wrong", [{"radius_m": 49}, {"radius_m": 5001}, {"words_zh": " "}, {"words_en": "x" * 301}]
)
async def test_an_area_case_out_of_range_is_refused_by_its_field(
    runtime: Runtime, make: Make, wrong: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as refused:
        await opened_area(runtime, await make.case(state="handed_over"), await make.staff("desk"), **wrong)

    assert refused.value.facts["field"] == next(iter(wrong))
