"""An officer who never opens the mini-program: bound, on duty, taking, coming, arriving, closing, all in the chat."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.events.edge import transaction
from app.kit.geo import Point
from app.people.invitations import invite
from tests.console.people import Person
from tests.factories import CENTRE
from tests.walks.world import Neighbour, World

ON_THE_WAY = Point(32.0660, 118.8200)


class Colleague(Neighbour):
    """An officer with the account in their chat list."""

    async def at(self, place: Point) -> dict[str, Any]:
        """WeChat tells where the phone is while the chat is open."""
        body = {"kind": "position", "lat": place.lat, "lng": place.lng, "precision_m": 20}
        return dict(await self.wechat.control(f"users/{self.user['id']}/send", body))

    async def tap(self, key: str) -> str:
        outcome = await self.wechat.control(f"users/{self.user['id']}/send", {"kind": "click", "key": key})
        return str(outcome["text"])


async def colleague(world: World, name: str = "officer") -> Colleague:
    return Colleague(world.wechat, await world.wechat.user(id=name, name="王小明"))


async def bind(world: World, officer: Colleague, desk: Person, badge: str = "017342") -> str:
    async with transaction(world.runtime) as db:
        made = await invite(db, world.runtime, name="王小明", badge=badge, station_id=world.station.id)
    said = await officer.say(f"绑定 {badge} {made.code}")
    [approval] = (await desk.ok("GET", "/approvals"))["items"]
    await desk.ok("POST", f"/approvals/{approval['id']}", {"approve": True})
    await world.settle()
    return said


async def test_a_case_is_worked_by_chat_alone_and_the_reporter_watches(world: World, desk: Person) -> None:
    officer, neighbour = await colleague(world), await world.neighbour()
    bound = await bind(world, officer, desk)
    await officer.say("在岗")
    await world.settle()
    await officer.at(CENTRE)
    await world.settle()

    case = await world.reports(neighbour)
    await world.deliver()
    offered = (await officer.told())[-1]
    word = offered.split("“")[1].split("”")[0]
    won = await officer.say(word)
    await world.settle()
    await officer.tap("officer.en_route")
    await world.settle()
    position = await officer.at(ON_THE_WAY)
    await world.settle()
    seen = await neighbour.say("进度")
    [row] = await world.rows("SELECT meet_code FROM cases WHERE id = :id", id=case.id)
    arrived = await officer.say(f"到了 {row.meet_code}")
    closed = await officer.say("结束 已劝导")
    await world.settle()

    assert "017342" in bound
    assert position["shown"] == "nothing"
    assert word == f"接 {case.number.replace('-', '')[-3:]}"
    assert case.number in won
    assert "017342" in seen
    assert "米" in seen
    assert case.number in arrived
    assert case.number in closed
    [done] = await world.rows("SELECT state, disposition FROM cases WHERE id = :id", id=case.id)
    assert (done.state, done.disposition) == ("closed", "advised")


async def test_the_reporters_page_shows_the_officer_who_comes_by_chat(world: World, desk: Person) -> None:
    officer, neighbour = await colleague(world), await world.neighbour()
    await bind(world, officer, desk)
    await officer.say("在岗")
    await officer.at(CENTRE)
    await world.settle()
    case = await world.reports(neighbour)
    await officer.say("接")
    await officer.say("出发")
    await world.settle()

    await officer.at(ON_THE_WAY)
    await world.settle()

    answer = await world.phones.post("sessions", json={"code": await neighbour.login_code()})
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    track = (await world.phones.get(f"cases/{case.id}/track", headers=headers)).json()
    assert track["state"] == "fresh"
    assert (round(track["at"]["lat"], 4), round(track["at"]["lng"], 4)) == (ON_THE_WAY.lat, ON_THE_WAY.lng)
    assert 600 < track["distance_m"] < 700


async def test_arriving_is_shown_by_the_position_of_the_chat(world: World, desk: Person) -> None:
    officer, neighbour = await colleague(world), await world.neighbour()
    await bind(world, officer, desk)
    await officer.say("在岗")
    await officer.at(CENTRE)
    await world.settle()
    case = await world.reports(neighbour)
    await officer.say("接")
    await world.settle()

    unseen = await officer.say("到了")
    await world.settle()
    await officer.at(CENTRE)
    await world.settle()
    near = await officer.say("到了")

    assert "会面码" in unseen
    assert case.number in near
    [row] = await world.rows("SELECT state FROM cases WHERE id = :id", id=case.id)
    assert row.state == "arrived"


async def test_a_position_of_somebody_else_is_acknowledged_and_leaves_no_trace(
    world: World, desk: Person, caplog: pytest.LogCaptureFixture
) -> None:
    officer = await colleague(world)
    await bind(world, officer, desk)  # bound, and off duty

    outcomes = [await officer.at(ON_THE_WAY), await (await colleague(world, "citizen")).at(ON_THE_WAY)]
    await world.settle()

    assert [o["shown"] for o in outcomes] == ["nothing", "nothing"]
    rows = await world.rows("SELECT last_lat, last_seen_at FROM officers")
    assert [(r.last_lat, r.last_seen_at) for r in rows] == [(None, None)]
    assert await world.rows("SELECT 1 FROM trail") == []
    assert "118.82" not in caplog.text


async def test_a_resident_asks_by_the_officers_code_and_the_desk_takes_over(
    world: World, desk: Person
) -> None:
    officer, resident = await colleague(world), await world.neighbour()
    await bind(world, officer, desk)
    await officer.say("在岗")
    [row] = await world.rows("SELECT person_id FROM officers")
    await world.wechat.control(f"users/{resident.user['id']}/scan", {"scene": f"officer.{row.person_id}"})

    await resident.say("问片警 办居住证需要带什么材料？")
    await world.settle()
    await world.deliver()
    told = await officer.told()
    await officer.say("下岗")
    await world.work("questions_to_desk")
    await world.deliver()
    [waiting] = (await desk.ok("GET", "/questions"))["items"]
    await desk.ok("POST", f"/questions/{waiting['id']}/answer", {"words": "请带身份证"})
    await world.settle()
    await world.deliver()
    notices = await resident.told()
    read = await resident.say("查看")

    assert not any("居住证" in one for one in told)
    assert any("问题" in one for one in told)
    assert (waiting["words"], waiting["cause"]) == ("办居住证需要带什么材料？", "off_duty")
    assert "值班台" in notices[-2]
    assert "查看" in notices[-1]
    assert "身份证" not in json.dumps(notices, ensure_ascii=False)
    assert "请带身份证" in read


async def test_the_officers_mini_program_answers_too(world: World, desk: Person) -> None:
    officer, resident = await world.officer(), await world.neighbour()
    await world.wechat.control(f"users/{resident.user['id']}/scan", {"scene": f"officer.{officer.person_id}"})
    await resident.say("问片警 明天几点开门？")

    [waiting] = (await officer.ok("GET", "/questions"))["items"]
    await officer.ok("POST", f"/questions/{waiting['id']}/answer", {"words": "九点"})
    again = await officer.post(f"/questions/{waiting['id']}/answer", {"words": "十点"})
    status = await resident.say("进度")

    assert (waiting["number"], waiting["words"]) == (1, "明天几点开门？")
    assert (again.status_code, again.json()["code"]) == (409, "question_answered")
    assert "九点" in status


async def test_codes_are_drawn_for_administrators_alone(world: World, people: Any, desk: Person) -> None:
    administrator = await people.signed_in("administrator")
    officer = await world.make.officer(station=world.station)

    drawn: list[httpx.Response] = [
        await administrator.call("GET", f"/stations/{world.station.id}/code"),
        await administrator.call("GET", f"/officers/{officer.id}/code"),
    ]
    refused = await desk.call("GET", f"/stations/{world.station.id}/code")

    assert [(a.status_code, a.headers["content-type"]) for a in drawn] == [(200, "image/png")] * 2
    assert all(a.content.startswith(b"\x89PNG") for a in drawn)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_needed")
