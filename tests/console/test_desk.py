from __future__ import annotations

import asyncio
import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.states import CaseState
from app.dispatch.citizen import rate
from app.dispatch.presence import beat
from app.events.edge import transaction
from app.events.record import Event
from app.kit.clock import utc_now
from app.kit.geo import Point
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.identity import set_identity
from app.people.sessions import drop_person
from app.tracking.service import Fix, FixSource, Ingest
from tests.console.people import People, Person
from tests.factories import CENTRE, Made, Make

NEAR, FAR = Point(32.0610, 118.8210), Point(32.0800, 118.8400)
ELSEWHERE = [[118.90, 32.02], [118.99, 32.02], [118.99, 32.10], [118.90, 32.10], [118.90, 32.02]]


@pytest.fixture
async def waiting(make: Make) -> Made:
    """A case with the desk for 20 s."""
    return await make.case(state="handed_over", reported_ago_s=20)


async def actions(runtime: Runtime, action: str) -> list[dict[str, Any]]:
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text("SELECT actor_id, object_id, purpose FROM audit_log WHERE action = :action ORDER BY id"),
            {"action": action},
        )
        return [dict(row) for row in rows]


async def test_the_queue_has_urgent_on_top_then_oldest_first_with_its_clocks(
    desk: Person, make: Make
) -> None:
    young = await make.case(state="handed_over", reported_ago_s=10)
    old = await make.case(state="handed_over", reported_ago_s=90)
    urgent = await make.case(state="handed_over", reported_ago_s=5, urgent=True)
    await make.case(state="open")

    items = (await desk.ok("GET", "/queue"))["items"]

    assert [i["case_id"] for i in items] == [str(urgent.id), str(old.id), str(young.id)]
    assert 90 <= items[1]["waits_s"] < 95
    assert 90 <= items[1]["age_s"] < 95
    assert -35 < items[1]["ack_in_s"] <= -30  # 60 s to acknowledge, 30 s overdue
    assert 45 < items[2]["ack_in_s"] <= 50
    assert items[2]["ack_by"] is not None
    assert items[0]["mine"] is False


async def test_the_queue_tells_nothing_of_words_exact_place_or_reporter(desk: Person, waiting: Made) -> None:
    answer = await desk.get("/queue")

    assert answer.json()["items"][0]["rough"] is not None
    for secret in ("楼上很吵", str(waiting.reporter.id), str(CENTRE.lat) + ",", waiting.meet_code):
        assert secret not in answer.text


async def test_an_alarm_about_a_case_the_desk_does_not_have_stands_on_top_until_it_is_answered(
    desk: Person, make: Make, waiting: Made
) -> None:
    alarm = await make.case(state="open", urgent=True, category="missing_person")
    station = (await make.the_station()).id
    await make._run(
        "UPDATE cases SET ringing_id = :s, ack_by = clock_timestamp() + interval '30 seconds' WHERE id = :id",
        s=station, id=alarm.id,
    )  # fmt: skip

    before = (await desk.ok("GET", "/queue"))["items"]
    await desk.ok("POST", f"/cases/{alarm.id}/acknowledge")
    after = (await desk.ok("GET", "/queue"))["items"]

    assert [i["case_id"] for i in before] == [str(alarm.id), str(waiting.id)]
    assert (before[0]["state"], before[0]["ringing_id"]) == ("open", str(station))
    assert 25 < before[0]["ack_in_s"] <= 30
    assert [i["case_id"] for i in after] == [str(waiting.id)]


async def test_the_desk_is_told_that_citizens_cannot_be_written_to(desk: Person, make: Make) -> None:
    assert (await desk.ok("GET", "/queue"))["stopped"] == []
    await make._run(
        "INSERT INTO channel_stops (channel, until, reading) VALUES"
        " ('official_account', clock_timestamp() + interval '1 hour', 'wait_quota')"
    )
    [told] = (await desk.ok("GET", "/queue"))["stopped"]
    await make._run("UPDATE channel_stops SET until = clock_timestamp() - interval '1 second'")

    assert (told["channel"], told["reading"]) == ("official_account", "wait_quota")
    assert (await desk.ok("GET", "/queue"))["stopped"] == []


async def test_pages_of_the_queue_hold_every_case_once(desk: Person, make: Make) -> None:
    made = [
        await make.case(state="handed_over", reported_ago_s=10 * n, urgent=n % 3 == 0) for n in range(1, 8)
    ]
    seen: list[str] = []
    cursor = ""

    for _ in range(5):
        page = await desk.ok("GET", f"/queue?limit=2{cursor}")
        seen += [item["case_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert sorted(seen) == sorted(str(case.id) for case in made)
    assert [item["urgent"] for item in (await desk.ok("GET", "/queue"))["items"]] == [True] * 2 + [False] * 5


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "bnVsbA", "WzEsMiwzXQ", "W3RydWUsICIyMDI2IiwgIngiXQ", "%F0%9F%98%80"]
)
async def test_a_cursor_that_the_list_never_gave_is_refused(desk: Person, cursor: str) -> None:
    answer = await desk.get(f"/queue?cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1999-12-31T00:00:00+00:00"]
)
async def test_a_cursor_of_a_time_that_no_case_has_is_refused(desk: Person, at: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([True, at, str(new_id())]).encode()).decode()

    answer = await desk.get(f"/queue?cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_case_in_full_is_a_recorded_look(desk: Person, waiting: Made) -> None:
    case = await desk.ok("GET", f"/cases/{waiting.id}")

    assert case["words"] == "楼上很吵"
    assert case["place"]["point"] == {"lat": CENTRE.lat, "lng": CENTRE.lng}
    assert "meet_code" not in case
    assert await actions(desk.runtime, "case_read") == [
        {"actor_id": desk.person_id, "object_id": str(waiting.id), "purpose": None}
    ]


async def test_where_an_officer_is_is_a_recorded_look_and_waits_for_a_code_when_idle(
    desk: Person, make: Make
) -> None:
    officer = await make.officer()
    case = await make.case(state="en_route", officer=officer, epoch=1, reported_ago_s=20)
    ingest = Ingest(desk.runtime)
    await ingest.record(officer.id, [Fix(CENTRE, 10, utc_now())], FixSource.MINIPROGRAM)
    await ingest.close()

    seen = await desk.ok("GET", f"/cases/{case.id}/track")
    async with desk.runtime.database.moves() as db:
        await db.execute(text("UPDATE sessions SET used_at = clock_timestamp() - interval '31 minutes'"))
    await drop_person(desk.runtime, Event(0, "actor_changed", utc_now(), actor_id=desk.person_id))
    idle = await desk.ok("GET", f"/cases/{case.id}/track")

    assert seen["at"] == {"lat": CENTRE.lat, "lng": CENTRE.lng}
    assert (idle["state"], idle["at"]) == ("fresh", None)
    assert await actions(desk.runtime, "track_read") == [
        {"actor_id": desk.person_id, "object_id": str(case.id), "purpose": None}
    ]


async def test_after_thirty_idle_minutes_words_and_place_wait_for_a_code(desk: Person, waiting: Made) -> None:
    async with desk.runtime.database.moves() as db:
        await db.execute(text("UPDATE sessions SET used_at = clock_timestamp() - interval '31 minutes'"))
    await drop_person(desk.runtime, Event(0, "actor_changed", utc_now(), actor_id=desk.person_id))

    case = await desk.ok("GET", f"/cases/{waiting.id}")
    contact = await desk.post(f"/cases/{waiting.id}/contact", purpose="核实地点")
    await desk.ok("POST", "/me/second-factor", {"totp": await desk.fresh_code()})
    await desk.runtime.drain()

    assert (case["locked"], case["words"], case["place"]) == (True, None, None)
    assert contact.json()["code"] == "personal_data_locked"
    assert (await desk.ok("GET", f"/cases/{waiting.id}"))["words"] == "楼上很吵"


async def test_how_it_ended_is_shown_to_desk_and_commander_as_a_recorded_look(
    people: People, make: Make, desk: Person
) -> None:
    case = await make.case(state="handed_over", reported_ago_s=20)
    path = f"/cases/{case.id}"
    await desk.ok("POST", f"{path}/take", {"epoch": 0})
    await desk.ok("POST", f"{path}/close", {"epoch": 0, "disposition": "advised", "note": "已电话告知"})
    await rate(desk.runtime, case.id, reporter_id=case.reporter.id, stars=2, words="等得太久")
    commander = await people.signed_in("commander")

    seen = [await desk.ok("GET", path), await commander.ok("GET", path)]
    queue = str(await desk.ok("GET", "/cases/running")) + str(await desk.ok("GET", "/queue"))
    happened = str(await desk.ok("GET", f"{path}/timeline"))

    for one in seen:
        assert (one["disposition_note"], one["stars"], one["rating_words"]) == ("已电话告知", 2, "等得太久")
    assert "已电话告知" not in queue + happened
    assert "等得太久" not in queue + happened
    assert len(await actions(desk.runtime, "case_read")) == 2


async def test_the_contact_needs_a_purpose_that_stands_in_the_log(
    desk: Person, make: Make, waiting: Made
) -> None:
    async with transaction(desk.runtime) as db:
        await set_identity(
            db, desk.runtime, waiting.reporter.id, name="李雷", phone="13800000000", consent="1"
        )

    without = await desk.post(f"/cases/{waiting.id}/contact", purpose=" ")
    shown = await desk.ok("POST", f"/cases/{waiting.id}/contact", {"purpose": "核实地点"})

    assert without.status_code == 422
    assert shown == {"name": "李雷", "phone": "13800000000"}
    assert await actions(desk.runtime, "contact_revealed") == [
        {"actor_id": desk.person_id, "object_id": str(waiting.reporter.id), "purpose": "核实地点"}
    ]


@pytest.mark.parametrize(("state", "text_only"), [("en_route", False), ("handed_over", True)])
async def test_the_contact_is_not_for_a_desk_that_does_not_have_the_case(
    desk: Person, make: Make, state: str, text_only: bool
) -> None:
    officer = await make.officer() if state == "en_route" else None
    case = await make.case(state=state, officer=officer, text_only=text_only, reported_ago_s=20)

    answer = await desk.post(f"/cases/{case.id}/contact", purpose="核实地点")

    assert (answer.status_code, answer.json()["code"]) == (403, "contact_not_shown")
    assert await actions(desk.runtime, "contact_revealed") == []


async def test_the_desk_of_another_station_learns_nothing(people: People, make: Make, waiting: Made) -> None:
    other = await make.station(ring=ELSEWHERE, code="B1")
    stranger = await people.signed_in("desk", station=other)
    own = await make.case(state="handed_over", station=other, reported_ago_s=20)
    act = {"epoch": 0}
    calls: list[tuple[str, str, object]] = [
        ("GET", "", None), ("GET", "/timeline", None), ("GET", "/officers", None), ("GET", "/track", None),
        ("GET", "/deliveries", None), ("POST", "/contact", {"purpose": "核实地点"}), ("POST", "/acknowledge", None),
        ("POST", "/take", act), ("POST", "/put-back", act), ("POST", "/assignment", act | {"officer_id": str(new_id())}),
        ("POST", "/recall", act | {"reason": "x"}), ("POST", "/forward", act | {"reason": "x", "to_station_id": str(other.id)}),
        ("POST", "/merge", act | {"into_id": str(own.id)}), ("POST", "/reopen", {"reason": "x"}),
        ("POST", "/close", act | {"disposition": "advised", "note": "x"}),
    ]  # fmt: skip

    for method, path, body in calls:
        answer = await stranger.call(method, f"/cases/{waiting.id}{path}", body)
        missing = await stranger.call(method, f"/cases/{new_id()}{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "case_not_found"), (path, answer.text)
        assert missing.json()["detail"] == answer.json()["detail"], path
    into = await stranger.call("POST", f"/cases/{own.id}/merge", act | {"into_id": str(waiting.id)})
    assert into.status_code == 404
    assert [i["case_id"] for i in (await stranger.ok("GET", "/queue"))["items"]] == [str(own.id)]
    assert await actions(stranger.runtime, "case_read") == []


async def test_the_desk_that_is_rung_for_another_may_take_the_case(people: People, make: Make) -> None:
    other = await make.station(ring=ELSEWHERE, code="B1")
    case = await make.case(state="handed_over", reported_ago_s=70, ringing_id=other.id, ack_step=1)
    neighbour = await people.signed_in("desk", station=other)

    taken = await neighbour.ok("POST", f"/cases/{case.id}/take", {"epoch": 0})

    assert taken["state"] == "handed_over"
    assert await make.column(case, "desk_person_id") == neighbour.person_id


async def test_of_two_desks_that_take_one_case_at_once_one_wins(people: People, make: Make) -> None:
    station = await make.the_station()
    first, second = [await people.signed_in("desk", station=station) for _ in range(2)]

    for _ in range(10):
        case = await make.case(state="handed_over", reported_ago_s=20)
        answers = await asyncio.gather(*(p.post(f"/cases/{case.id}/take", epoch=0) for p in (first, second)))

        assert sorted(a.status_code for a in answers) == [200, 409]
        lost = next(a for a in answers if a.status_code == 409)
        winner = first if answers[0].status_code == 200 else second
        assert lost.json()["code"] == "not_the_holder"
        assert await make.column(case, "desk_person_id") == winner.person_id


async def test_asking_again_after_taking_is_a_success(desk: Person, waiting: Made) -> None:
    answers = [await desk.post(f"/cases/{waiting.id}/take", epoch=0) for _ in range(2)]

    assert [a.status_code for a in answers] == [200, 200]


async def test_free_officers_stand_by_distance_and_the_busy_do_not(
    desk: Person, make: Make, waiting: Made
) -> None:
    far, near = await make.officer(at=FAR), await make.officer(at=NEAR)
    unseen = await make.officer(at=None)
    busy, off = await make.officer(at=NEAR), await make.officer(on_duty=False)
    excluded = await make.officer(at=NEAR)
    auxiliary = await make.officer(at=FAR, kind="auxiliary")
    await make.case(state="en_route", officer=busy, reported_ago_s=20)
    async with desk.runtime.database.moves() as db:
        await db.execute(
            text("UPDATE cases SET excluded = ARRAY[CAST(:o AS uuid)] WHERE id = :c"),
            {"o": excluded.id, "c": waiting.id},
        )
    await beat(desk.runtime, near.id, NEAR)

    items = (await desk.ok("GET", f"/cases/{waiting.id}/officers"))["items"]

    found = {UUID(i["officer_id"]): i for i in items}
    assert (items[0]["officer_id"], items[-1]["officer_id"]) == (str(near.id), str(unseen.id))
    assert set(found) == {far.id, near.id, unseen.id, auxiliary.id}
    assert off.id not in found
    assert (found[near.id]["known"], found[far.id]["known"], found[unseen.id]["known"]) == (
        "fresh",
        "square",
        "unknown",
    )
    assert 100 < found[near.id]["distance_m"] < 200
    assert (found[auxiliary.id]["fit"], found[far.id]["fit"]) == (False, True)


async def test_assigning_puts_one_officer_on_one_case(desk: Person, make: Make, waiting: Made) -> None:
    officer = await make.officer()
    second = await make.case(state="handed_over", reported_ago_s=20)

    assigned = await desk.ok(
        "POST", f"/cases/{waiting.id}/assignment", {"epoch": 0, "officer_id": str(officer.id)}
    )
    refused = await desk.post(f"/cases/{second.id}/assignment", epoch=0, officer_id=str(officer.id))
    stale = await desk.post(f"/cases/{waiting.id}/recall", epoch=0, reason="另派")
    recalled = await desk.ok(
        "POST", f"/cases/{waiting.id}/recall", {"epoch": assigned["epoch"], "reason": "另派"}
    )

    assert (assigned["state"], assigned["officer_id"]) == ("assigned", str(officer.id))
    assert (refused.status_code, refused.json()["code"]) == (409, "officer_has_a_case")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_epoch")
    assert recalled["state"] == "handed_over"


async def test_nobody_is_put_on_a_case_that_they_reported(desk: Person, make: Make) -> None:
    officer = await make.officer()
    own = await make.case(state="handed_over", reported_ago_s=20, reporter=officer)

    free = await desk.ok("GET", f"/cases/{own.id}/officers")
    answer = await desk.post(f"/cases/{own.id}/assignment", epoch=0, officer_id=str(officer.id))

    assert free["items"] == []
    assert (answer.status_code, answer.json()["code"]) == (409, "officer_not_free")


async def test_nobody_off_duty_or_unknown_is_assigned(desk: Person, make: Make, waiting: Made) -> None:
    off = await make.officer(on_duty=False)

    for officer_id in (off.id, new_id(), desk.person_id):
        answer = await desk.post(f"/cases/{waiting.id}/assignment", epoch=0, officer_id=str(officer_id))
        assert (answer.status_code, answer.json()["code"]) == (409, "officer_not_free")


async def test_a_case_goes_through_the_desks_hands_and_the_timeline_tells_it(
    desk: Person, make: Make, waiting: Made
) -> None:
    other = await make.station(ring=ELSEWHERE, code="B1")
    path = f"/cases/{waiting.id}"

    await desk.ok("POST", f"{path}/acknowledge")
    await desk.ok("POST", f"{path}/take", {"epoch": 0})
    back = await desk.ok("POST", f"{path}/put-back", {"epoch": 0})
    await desk.ok("POST", f"{path}/take", {"epoch": back["epoch"]})
    empty = await desk.post(f"{path}/close", epoch=back["epoch"], disposition="advised", note=" ")
    closed = await desk.ok(
        "POST", f"{path}/close", {"epoch": back["epoch"], "disposition": "advised", "note": "已告知"}
    )
    again = await desk.ok("POST", f"{path}/reopen", {"reason": "来电称未解决"})
    gone = await desk.ok(
        "POST",
        f"{path}/forward",
        {"epoch": again["epoch"], "to_station_id": str(other.id), "reason": "辖区不符"},
    )

    assert empty.status_code == 422
    assert (closed["state"], again["state"]) == (CaseState.CLOSED, CaseState.HANDED_OVER)
    assert gone["station_id"] == str(other.id)
    assert (await desk.get(path)).status_code == 404  # another station's now
    async with desk.runtime.database.moves() as db:
        kinds = (
            (
                await db.execute(
                    text("SELECT kind FROM events WHERE case_id = :c ORDER BY id"), {"c": waiting.id}
                )
            )
            .scalars()
            .all()
        )
    assert list(kinds) == [
        "case_acknowledged", "case_taken_by_desk", "case_returned", "case_taken_by_desk", "case_closed",
        "case_reopened", "case_forwarded",
    ]  # fmt: skip


async def test_the_timeline_comes_in_pages_and_names_no_reporter(desk: Person, waiting: Made) -> None:
    path = f"/cases/{waiting.id}"
    await desk.ok("POST", f"{path}/acknowledge")
    await desk.ok("POST", f"{path}/take", {"epoch": 0})

    first = await desk.ok("GET", f"{path}/timeline?limit=1")
    second = await desk.ok("GET", f"{path}/timeline?limit=1&cursor={first['next']}")

    assert [e["kind"] for e in first["items"] + second["items"]] == [
        "case_acknowledged",
        "case_taken_by_desk",
    ]
    assert second["next"] is None
    assert datetime.fromisoformat(first["items"][0]["at"]) <= datetime.fromisoformat(second["items"][0]["at"])
    assert str(waiting.reporter.id) not in str(first) + str(second)


async def test_two_reports_of_one_incident_become_one(desk: Person, make: Make, waiting: Made) -> None:
    other = await make.case(state="handed_over", reported_ago_s=15)

    merged = await desk.ok("POST", f"/cases/{other.id}/merge", {"epoch": 0, "into_id": str(waiting.id)})

    assert merged["state"] == "merged"
    assert (await desk.ok("GET", f"/cases/{other.id}"))["merged_into"] == str(waiting.id)


async def test_on_duty_shows_squares_and_the_case_in_hand(desk: Person, people: People, make: Make) -> None:
    officer = await make.officer(at=NEAR)
    case = await make.case(state="claimed", officer=officer, reported_ago_s=10)
    other = await make.station(ring=ELSEWHERE, code="B1")
    await make.officer(station=other)
    await make.officer(on_duty=False)

    items = (await desk.ok("GET", "/officers/on-duty"))["items"]
    running = (await desk.ok("GET", "/cases/running"))["items"]

    assert [(i["officer_id"], i["case_id"]) for i in items] == [(str(officer.id), str(case.id))]
    assert items[0]["square"] != {"lat": NEAR.lat, "lng": NEAR.lng}
    assert [r["case_id"] for r in running] == [str(case.id)]
    assert running[0]["officer_id"] == str(officer.id)


async def test_an_officers_sign_in_waits_for_the_desk_of_their_station(
    desk: Person, people: People, make: Make
) -> None:
    from app.people.second_factor import ask_approval
    from app.people.sessions import Audience, actor_of, issue

    officer = await make.officer()
    async with transaction(desk.runtime) as db:
        token, _ = await issue(db, officer.id, Audience.MINIPROGRAM, ttl_s=600)
    actor = await actor_of(desk.runtime, token, Audience.MINIPROGRAM)
    async with transaction(desk.runtime) as db:
        approval_id = await ask_approval(db, actor)
    stranger = await people.signed_in("desk", station=await make.station(ring=ELSEWHERE, code="B1"))

    seen = (await desk.ok("GET", "/approvals"))["items"]
    unseen = (await stranger.ok("GET", "/approvals"))["items"]
    refused = await stranger.post(f"/approvals/{approval_id}", approve=True)
    await desk.ok("POST", f"/approvals/{approval_id}", {"approve": True})
    twice = await desk.post(f"/approvals/{approval_id}", approve=False)
    await desk.runtime.drain()

    assert [(a["id"], a["badge"]) for a in seen] == [(str(approval_id), officer.badge)]
    assert unseen == []
    assert (refused.status_code, twice.status_code) == (404, 404)
    assert (await actor_of(desk.runtime, token, Audience.MINIPROGRAM)).second_factor


@pytest.mark.parametrize("act", ["acknowledge", "take", "assignment"])
async def test_a_desk_that_was_rung_lets_go_when_the_stations_own_desk_answers(
    people: People, make: Make, desk: Person, act: str
) -> None:
    neighbour = await make.station(ring=None)
    theirs = await people.signed_in("desk", station=neighbour)
    officer = await make.officer()
    case = await make.case(state="handed_over", epoch=1, ringing_id=neighbour.id, ack_step=1)
    before = await theirs.get(f"/cases/{case.id}")

    body = {"take": {"epoch": 1}, "assignment": {"epoch": 1, "officer_id": str(officer.id)}}.get(act)
    await desk.ok("POST", f"/cases/{case.id}/{act}", body)
    after = [
        await theirs.get(f"/cases/{case.id}"),
        await theirs.post(f"/cases/{case.id}/contact", purpose="联系报案人"),
        await theirs.post(f"/cases/{case.id}/reopen", reason="再看看"),
    ]

    assert (before.status_code, [answer.status_code for answer in after]) == (200, [404, 404, 404])


async def test_a_desk_that_was_rung_and_takes_the_case_keeps_it(people: People, make: Make) -> None:
    await make.the_station()
    neighbour = await make.station(ring=None)
    theirs = await people.signed_in("desk", station=neighbour)
    case = await make.case(state="handed_over", epoch=1, ringing_id=neighbour.id, ack_step=1)

    await theirs.ok("POST", f"/cases/{case.id}/take", {"epoch": 1})
    closed = await theirs.post(f"/cases/{case.id}/close", epoch=1, disposition="advised", note="已告知")

    assert closed.status_code == 200
    assert (await theirs.get(f"/cases/{case.id}")).status_code == 200
