"""A missing person at risk: the desk is alarmed at second 0, everybody of the area is asked at once, one has it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseAlreadyTaken, CaseHandedOver
from app.cases.queries import Place
from app.dispatch import desk, handover, presence
from app.dispatch.acts import en_route
from app.dispatch.broadcast import due_rings
from app.dispatch.citizen import raise_urgent
from app.dispatch.claim import Claimed, claim, release
from app.dispatch.intake import Report, take
from app.dispatch.late import offer_what_is_open
from app.dispatch.queries import desk_queue
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE, Made, Make, acting


def _north(metres: float) -> Point:
    return Point(CENTRE.lat + metres / 111_195, CENTRE.lng)


async def _report(runtime: Runtime, make: Make, **changes: object) -> Made:
    await make.the_station()
    reporter = await make.citizen()
    given = {
        "category": "missing_person",
        "words": "孩子走失",
        "place": Place(CENTRE),
        "urgent": True,
    } | changes
    async with transaction(runtime) as db:
        opened = await take(db, runtime, Report(reporter.id, **given))  # type: ignore[arg-type]
    await runtime.drain()
    return Made(opened.case_id, {"reporter": reporter})


async def _asked(runtime: Runtime, case: Made) -> set[UUID]:
    async with runtime.database.moves() as db:
        found = await db.execute(text("SELECT officer_id FROM offers WHERE case_id = :id"), {"id": case.id})
        return set(found.scalars())


async def _deadline_in(make: Make, seconds: float) -> None:
    await make._run(
        "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now) UPDATE cases SET deadline ="
        " t.now + make_interval(secs => :s), reported_at = t.now - make_interval(secs => 60 - :s) FROM t",
        s=seconds,
    )


async def test_all_of_the_area_are_asked_at_second_0_and_nobody_else(make: Make, runtime: Runtime) -> None:
    station, other = await make.the_station(), await make.station(ring=None)
    far = await make.officer(at=_north(3900))
    unseen = await make.officer(at=None)
    guest, stranger = await make.officer(station=other, at=None), await make.officer(station=other, at=None)
    await presence.beat_many(runtime, [(guest.id, _north(3500)), (stranger.id, _north(9000))])
    off, busy = await make.officer(on_duty=False), await make.officer()
    await make.case(state="en_route", officer=busy, station=station)
    auxiliary = await make.officer(kind="auxiliary")

    case = await _report(runtime, make)

    assert await _asked(runtime, case) == {far.id, unseen.id, guest.id}
    assert not {off.id, busy.id, auxiliary.id, stranger.id} & await _asked(runtime, case)
    assert await make.column(case, "next_ring_at") is None
    await make._run(
        "UPDATE cases SET reported_at = reported_at - interval '45 s', deadline = deadline - interval '45 s'"
    )
    assert await due_rings(runtime) == 0


async def test_nobody_is_left_out_by_the_cap_of_usual_rings(make: Make, runtime: Runtime) -> None:
    station = await make.station(settings={"offer_cap": 2})
    crew = [await make.officer(station=station, at=None) for _ in range(5)]
    make._station = station

    assert await _asked(runtime, await _report(runtime, make)) == {o.id for o in crew}


async def test_who_comes_on_duty_or_near_later_is_asked_too(make: Make, runtime: Runtime) -> None:
    await make.officer()
    other = await make.station(ring=None)
    case = await _report(runtime, make)
    own, guest = await make.officer(at=None), await make.officer(station=other, at=None)

    await offer_what_is_open(runtime, own.id, (await make.the_station()).id, _north(8000))
    await offer_what_is_open(runtime, guest.id, other.id, _north(3500))

    assert {own.id, guest.id} <= await _asked(runtime, case)


async def test_the_desk_has_the_alarm_at_second_0_until_a_human_answers(make: Make, runtime: Runtime) -> None:
    station = await make.the_station()
    await make.officer()
    case = await _report(runtime, make)
    staff = acting(await make.staff("desk", station=station))

    async def queue() -> list[UUID]:
        async with runtime.database.transaction() as db:
            found = await desk_queue(db, runtime, everywhere=False, stations=[station.id])
        return [c.id for c in found]

    assert await queue() == [case.id]
    assert await make.column(case, "extract(epoch FROM ack_by - reported_at)::int") == 30
    await desk.acknowledge(runtime, case.id, actor=staff)

    assert await queue() == []
    assert (await make.column(case, "state"), await make.column(case, "ack_by")) == ("open", None)
    assert await handover.sweep_unacknowledged(runtime) == 0


async def test_an_alarm_nobody_answers_climbs_the_ladder_also_after_a_claim_and_a_handover(
    make: Make, runtime: Runtime
) -> None:
    centre = await make.station(ring=None, is_command=True)
    make._station = await make.station(parent=centre)
    officer = await make.officer()
    case = await _report(runtime, make)

    claimed = await claim(runtime, case.id, epoch=0, officer=acting(officer))
    await make._run("UPDATE cases SET ack_by = clock_timestamp() - interval '1 second'")
    assert await handover.sweep_unacknowledged(runtime) == 1
    assert await make.column(case, "ringing_id") == centre.id
    await en_route(runtime, case.id, epoch=claimed.epoch, officer=acting(officer))
    await release(runtime, case.id, epoch=claimed.epoch, officer=acting(officer), reason="breakdown")
    await runtime.drain()

    assert await make.column(case, "state") == "handed_over"
    assert (await make.column(case, "ack_step"), await make.column(case, "ringing_id")) == (1, centre.id)


async def test_a_desk_off_duty_rings_its_parent_at_once(make: Make, runtime: Runtime) -> None:
    centre = await make.station(ring=None, is_command=True)
    make._station = await make.station(parent=centre, settings={"desk_hours": []})
    await make.officer()

    case = await _report(runtime, make)

    assert (await make.column(case, "state"), await make.column(case, "ringing_id")) == ("open", centre.id)


async def test_of_all_who_are_asked_exactly_one_gets_it(make: Make, runtime: Runtime) -> None:
    crew = [await make.officer() for _ in range(20)]
    for _ in range(5):
        case = await _report(runtime, make)
        told = await asyncio.gather(
            *(claim(runtime, case.id, epoch=0, officer=acting(o)) for o in crew), return_exceptions=True
        )
        await runtime.drain()
        assert sum(isinstance(t, Claimed) for t in told) == 1
        assert {type(t) for t in told} == {Claimed, CaseAlreadyTaken}
        await make._run("UPDATE cases SET state = 'closed', closed_at = clock_timestamp()")


async def test_at_60_s_it_is_the_desks_and_no_claim_wins_any_more(make: Make, runtime: Runtime) -> None:
    crew = [await make.officer() for _ in range(5)]
    case = await _report(runtime, make)
    await desk.acknowledge(runtime, case.id, actor=acting(await make.staff("desk")))
    await _deadline_in(make, 5)
    assert await handover.sweep(runtime) == []  # never early
    await _deadline_in(make, -0.001)

    told, *swept = await asyncio.gather(
        asyncio.gather(*(claim(runtime, case.id, epoch=0, officer=acting(o)) for o in crew), return_exceptions=True),
        handover.sweep(runtime), handover.sweep(runtime),
    )  # fmt: skip
    await runtime.drain()

    assert {type(t) for t in told} == {CaseHandedOver}
    assert sorted(swept, key=len) == [[], [case.id]]
    assert (await make.column(case, "state"), await make.column(case, "handover_cause")) == (
        "handed_over",
        "deadline",
    )
    assert (
        await make.column(case, "ack_by > clock_timestamp() AND acknowledged_at IS NULL") is True
    )  # now it is theirs


async def test_nobody_to_ask_and_the_desk_has_it_at_once(make: Make, runtime: Runtime) -> None:
    case = await _report(runtime, make)

    assert await make.column(case, "handover_cause") == "nobody_reachable"
    assert (
        await make.column(case, "ack_by - reported_at = interval '30 s'") is True
    )  # the alarm of second 0 rings on


async def test_danger_words_about_it_ring_on_and_take_it_from_nobody(make: Make, runtime: Runtime) -> None:
    await make.officer()
    case = await _report(runtime, make)
    await desk.acknowledge(runtime, case.id, actor=acting(await make.staff("desk")))

    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)

    assert await make.column(case, "state") == "open"
    assert await make.column(case, "ack_by > clock_timestamp()") is True


async def test_without_a_place_or_outside_the_district_it_is_born_with_the_desk(
    make: Make, runtime: Runtime
) -> None:
    await make.officer()
    nowhere = await _report(runtime, make, place=None)
    other = await _report(runtime, make, category="noise")

    for case in (nowhere, other):
        assert (await make.column(case, "state"), await make.column(case, "handover_cause")) == (
            "handed_over",
            "urgent",
        )
