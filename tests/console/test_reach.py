"""What the desk sees of how its officers are reached."""

from __future__ import annotations

from sqlalchemy import text

from app.dispatch.probe import warn_of_no_way
from app.events.edge import transaction
from app.events.record import Event
from app.kit.runtime import Runtime
from app.notices.budget import PersonAction, note_action
from app.notices.tables import Channel
from app.people.officers import duty_on
from tests.console.people import Person
from tests.factories import Made, Make


async def asleep(runtime: Runtime, officer: Made) -> None:
    async with runtime.database.moves() as db:
        await db.execute(
            text(
                "UPDATE officers SET last_seen_at = NULL, duty_since = clock_timestamp() - interval '1 hour'"
                " WHERE person_id = :id"
            ),
            {"id": officer.id},
        )


async def test_the_list_of_who_is_on_duty_shows_what_reaches_them(
    desk: Person, make: Make, runtime: Runtime
) -> None:
    lost, reached = await make.officer(), await make.officer()
    for officer in (lost, reached):
        await asleep(runtime, officer)
    async with transaction(runtime) as db:
        await note_action(db, reached.id, Channel.OFFICIAL_ACCOUNT, PersonAction.CLICK)

    items = {i["officer_id"]: i["reach"] for i in (await desk.ok("GET", "/officers/on-duty"))["items"]}

    assert items[str(lost.id)] == {
        "channels": [], "messages_left": 0, "notices_left": 0, "renew": True, "tested_at": None, "test_channel": None,
        "test_outcome": None,
    }  # fmt: skip
    assert (items[str(reached.id)]["channels"], items[str(reached.id)]["messages_left"]) == (
        ["official_account"],
        3,
    )


async def test_whom_to_call_by_radio_is_seen_when_assigning(
    desk: Person, make: Make, runtime: Runtime
) -> None:
    lost, heard = await make.officer(), await make.officer()
    await asleep(runtime, lost)
    case = await make.case(state="handed_over")

    items = (await desk.ok("GET", f"/cases/{case.id}/officers"))["items"]

    assert {i["officer_id"]: i["reachable"] for i in items} == {str(lost.id): False, str(heard.id): True}


async def test_a_failed_test_is_told_to_the_desk_with_the_badge(
    desk: Person, make: Make, runtime: Runtime
) -> None:
    officer = await make.officer(on_duty=False)
    heard: list[bytes] = []
    runtime.ears.append(
        ear := lambda to, raw: heard.append(raw) if f"desk:{officer.station_id}" in to else None
    )
    try:
        async with transaction(runtime) as db:
            await duty_on(db, officer.id)
        await runtime.drain()
    finally:
        runtime.ears.remove(ear)

    [told] = [raw for raw in heard if b"reach_failed" in raw]
    assert officer.badge.encode() in told
    [item] = (await desk.ok("GET", "/officers/on-duty"))["items"]
    assert item["reach"]["test_outcome"] == "nothing_left"


async def test_what_has_no_officer_is_no_test(runtime: Runtime, make: Make) -> None:
    citizen = await make.citizen()
    async with runtime.database.moves() as db:
        now = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()

    await warn_of_no_way(runtime, Event(1, "duty_on", now, None, None, citizen.id, None, {}))

    async with runtime.database.moves() as db:
        assert (await db.execute(text("SELECT FROM officer_reach"))).all() == []


async def test_the_desk_reads_how_each_officer_was_reached(
    desk: Person, make: Make, runtime: Runtime
) -> None:
    reached, lost, late = await make.officer(), await make.officer(), await make.officer()
    case = await make.case(state="handed_over")
    async with runtime.database.moves() as db:
        for n, officer in enumerate((reached, lost, late)):
            await db.execute(
                text(
                    "INSERT INTO offers (case_id, epoch, officer_id, ring, candidates, offered_at)"
                    " VALUES (:case, 0, :officer, 0, 3, clock_timestamp() - make_interval(secs => 10 - :n))"
                ),
                {"case": case.id, "officer": officer.id, "n": n},
            )
        for officer, channel, outcome, after_s in (
            (reached, "socket", "not_shown", 2), (reached, "official_account", "sent", 3), (lost, "official_account", "no_budget", 2),
        ):  # fmt: skip
            await db.execute(
                text(
                    "INSERT INTO reaches (case_id, epoch, officer_id, channel, outcome, at) SELECT case_id, 0, officer_id,"
                    " :channel, :outcome, offered_at + make_interval(secs => :s) FROM offers WHERE officer_id = :officer"
                ),
                {"officer": officer.id, "channel": channel, "outcome": outcome, "s": after_s},
            )

    items = (await desk.ok("GET", f"/cases/{case.id}/reach"))["items"]

    assert [(i["badge"], i["reached_s"]) for i in items] == [
        (reached.badge, 3.0), (lost.badge, None), (late.badge, None),
    ]  # fmt: skip
    assert [[(s["channel"], s["outcome"]) for s in i["steps"]] for i in items] == [
        [("socket", "not_shown"), ("official_account", "sent")], [("official_account", "no_budget")], [],
    ]  # fmt: skip


async def test_another_stations_desk_reads_nothing_of_it(desk: Person, make: Make) -> None:
    case = await make.case(station=await make.station(ring=None))

    assert (await desk.get(f"/cases/{case.id}/reach")).status_code == 404
