"""Track, Close: she watches him come, and when it is over nothing is left to watch."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.ids import new_id
from app.people.identity import set_identity
from tests.factories import Made
from tests.miniprogram.phones import Phone
from tests.walks.world import Neighbour, World

ON_THE_WAY = {"lat": 32.0660, "lng": 118.8200, "datum": "wgs84"}
THERE = {"lat": 32.0600, "lng": 118.8200, "datum": "wgs84"}


def fix(at: dict[str, Any], *, ago_s: float = 0) -> dict[str, Any]:
    return at | {"accuracy_m": 12, "at": (utc_now() - timedelta(seconds=ago_s)).isoformat()}


@pytest.fixture
async def neighbour(world: World) -> Neighbour:
    return await world.neighbour()


@pytest.fixture
async def officer(world: World) -> Phone:
    return await world.officer()


@pytest.fixture
async def reporter(world: World, neighbour: Neighbour) -> Phone:
    """The neighbour's mini-program, signed in by `wx.login`, with a number to call."""
    answer = await world.phones.post("sessions", json={"code": await neighbour.login_code()})
    assert answer.status_code == 201, answer.text
    nobody = new_id()  # the door tells nobody their id
    phone = Phone(world.phones, nobody, nobody, answer.json()["token"])
    await phone.ok("PUT", "/me/contact", {"name": "李雷", "phone": "13800000000", "consent": "2025-01"})
    return phone


async def take(world: World, reporter: Phone, officer: Phone) -> tuple[Made, dict[str, Any]]:
    """Reported in the mini-program and claimed: the case, and what fences each act."""
    reported = await reporter.report()
    await world.settle()
    claimed = await officer.ok("POST", f"/offers/{reported['case_id']}/claim", {"epoch": 0})
    await world.settle()
    return Made(reported["case_id"]), {"epoch": claimed["epoch"]}


async def test_the_reporter_watches_the_officer_come(world: World, reporter: Phone, officer: Phone) -> None:
    case, act = await take(world, reporter, officer)
    before = await reporter.ok("GET", f"/cases/{case.id}/track")

    async with world.dial(reporter) as line:
        await officer.ok("POST", f"/cases/{case.id}/en-route", act)
        sent = await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY)]})
        seen = await line.next("fix")
    polled = await reporter.ok("GET", f"/cases/{case.id}/track")

    assert before["state"] == "no_position"
    assert sent["case_ids"] == [case.id]
    assert seen["case_id"] == case.id
    assert (seen["lat"], seen["lng"]) == (polled["at"]["lat"], polled["at"]["lng"]) == (32.066, 118.82)
    assert (polled["state"], polled["epoch"]) == ("fresh", act["epoch"])
    assert 600 < polled["distance_m"] < 700


async def test_a_late_fix_never_hides_a_newer_one(world: World, reporter: Phone, officer: Phone) -> None:
    case, _ = await take(world, reporter, officer)

    await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY)]})
    await officer.ok("POST", "/fixes", {"fixes": [fix(THERE, ago_s=20)]})

    assert (await reporter.ok("GET", f"/cases/{case.id}/track"))["at"] == {"lat": 32.066, "lng": 118.82}


async def test_an_old_position_is_said_to_be_old(world: World, reporter: Phone, officer: Phone) -> None:
    case, _ = await take(world, reporter, officer)

    await world.age(case.id, 120)
    await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY, ago_s=90)]})
    track = await reporter.ok("GET", f"/cases/{case.id}/track")

    assert track["state"] == "old"
    assert 89 < track["last_heard_s"] < 100


async def test_the_chat_says_how_far_he_is(world: World, neighbour: Neighbour, officer: Phone) -> None:
    case, epoch = await world.claimed(neighbour, officer)
    before = await neighbour.say("进度")
    await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": epoch})
    await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY)]})

    after = await neighbour.say("进度")

    assert case.number in before
    assert "670" in after  # metres
    assert officer.facts["badge"] in after


async def test_closed_and_everything_ends(world: World, reporter: Phone, officer: Phone) -> None:
    case, act = await take(world, reporter, officer)
    await officer.ok("POST", f"/cases/{case.id}/en-route", act)
    await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY)]})
    contact = await officer.ok("POST", f"/cases/{case.id}/contact", {"purpose": "确认楼号"})
    await officer.ok("POST", f"/cases/{case.id}/arrived", act | {"at": THERE})
    async with world.dial(reporter) as line:
        await officer.ok("POST", f"/cases/{case.id}/close", act | {"disposition": "mediated"})
        await line.next("case_changed")
        await world.settle()
        later = await officer.ok("POST", "/fixes", {"fixes": [fix(THERE)]})
        await world.settle()
        await line.send(type="ping")
        frames = await _until(line, "pong")

    assert contact == {"name": "李雷", "phone": "13800000000"}
    assert later["case_ids"] == []
    assert [f for f in frames if f["type"] == "fix"] == []
    assert (await reporter.ok("GET", f"/cases/{case.id}/track"))["state"] == "nobody"
    assert await world.rows("SELECT 1 FROM trail") == []
    await world.run(
        "UPDATE cases SET closed_at = closed_at - interval '24 hours'"
    )  # so long he may call back
    gone = await officer.post(f"/cases/{case.id}/contact", {"purpose": "再问一次"})
    assert gone.json()["code"] == "contact_not_shown"
    assert (await reporter.ok("GET", f"/cases/{case.id}"))["coming"] is None
    moments = await world.rows("SELECT moment FROM waypoints ORDER BY at")
    assert [m.moment for m in moments] == ["claimed", "arrived"]


async def _until(line: Any, kind: str) -> list[dict[str, Any]]:
    """Every frame up to one of this kind."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not frames or frames[-1]["type"] != kind:
            frames.append(json.loads(await line.connection.recv()))
    return frames


async def test_a_notice_asks_for_stars_and_a_number_in_the_chat_gives_them(
    world: World, neighbour: Neighbour, officer: Phone
) -> None:
    case, epoch = await world.claimed(neighbour, officer)
    async with transaction(world.runtime) as db:
        [row] = await world.rows("SELECT reporter_id FROM cases")
        await set_identity(db, world.runtime, row.reporter_id, name="李雷", phone="13800000000", consent="1")
    act = {"epoch": epoch}
    await officer.ok("POST", f"/cases/{case.id}/en-route", act)
    await officer.ok("POST", f"/cases/{case.id}/arrived", act | {"at": THERE})
    await officer.ok("POST", f"/cases/{case.id}/close", act | {"disposition": "mediated"})
    await world.settle()
    await world.deliver()

    told = await neighbour.told()
    reply = await neighbour.say("5")
    await world.settle()

    assert "评分" in told[-1]
    assert reply.startswith("谢谢评价。")
    assert await world.make.column(case, "stars") == 5
    assert (await neighbour.say("评分5")).startswith("谢谢评价。")  # again: as the first time
    assert (await world.kinds(case)).count("case_rated") == 1


async def test_not_solved_brings_it_back_to_the_desk(
    world: World, neighbour: Neighbour, officer: Phone
) -> None:
    case, epoch = await world.claimed(neighbour, officer)
    act = {"epoch": epoch}
    await officer.ok("POST", f"/cases/{case.id}/en-route", act)
    await officer.ok("POST", f"/cases/{case.id}/arrived", act | {"at": THERE})
    await officer.ok("POST", f"/cases/{case.id}/close", act | {"disposition": "mediated"})
    await world.settle()

    reply = await neighbour.say("未解决")

    assert case.number in reply
    assert await world.make.column(case, "state") == "handed_over"


async def test_who_reports_by_chat_watches_the_officer_come_in_the_mini_program(
    world: World, neighbour: Neighbour, officer: Phone
) -> None:
    """One person in both: WeChat tells the unionid at first sight."""
    case, epoch = await world.claimed(neighbour, officer)
    await officer.ok("POST", "/fixes", {"fixes": [fix(ON_THE_WAY)]})
    answer = await world.phones.post("sessions", json={"code": await neighbour.login_code()})
    phone = Phone(world.phones, new_id(), new_id(), answer.json()["token"])

    mine = await phone.ok("GET", "/cases")
    seen = await phone.ok("GET", f"/cases/{case.id}/track")

    assert [c["case_id"] for c in mine["items"]] == [str(case.id)]
    assert (seen["state"], seen["epoch"]) == ("fresh", epoch)
    assert seen["distance_m"] > 600
