"""What a citizen asks of the chat, seen by those it is for: the officer before arrival, the desk, the auditor."""

from __future__ import annotations

from tests.console.people import People, Person
from tests.factories import CENTRE
from tests.walks.world import World

PLACES = f"name,aliases,lat,lng\n青莲公园北门,,{CENTRE.lat},{CENTRE.lng}\n"


async def test_a_silent_report_reaches_an_officer_who_is_not_to_call_and_its_cancel_the_desk(
    world: World, desk: Person
) -> None:
    officer, neighbour = await world.officer(), await world.neighbour()
    offered = await neighbour.say("不方便说话")
    await neighbour.tap(offered, "有人在门外")
    opened = await neighbour.stand()
    await world.settle()
    case = await world.newest_case()
    taken = await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})
    await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": taken["epoch"]})
    held = (await officer.ok("GET", "/my-case"))["case"]
    wished = await neighbour.say("取消")
    await world.settle()

    assert case.number in opened
    assert (held["flags"], held["contact"], held["contact_locked"]) == (["text_only"], False, True)
    assert held["words"] == "有人在门外"
    assert "已取消" not in wished
    [running] = (await desk.ok("GET", "/cases/running"))["items"]
    whole = await desk.ok("GET", f"/cases/{case.id}")
    assert (running["flags"], whole["cancel_asked"]) == (["text_only"], True)
    assert [said for said in await neighbour.told() if "警" in said or "110" in said] == []


async def test_a_place_by_its_name_from_an_administrators_list_to_the_officers_map(
    world: World, people: People
) -> None:
    administrator = await people.signed_in("administrator")
    await administrator.ok("PUT", f"/stations/{world.station.id}/places", {"csv": PLACES})
    await world.settle()
    officer, neighbour = await world.officer(), await world.neighbour()

    asked = await neighbour.say("青莲公园北门有人唱歌太吵")
    await neighbour.tap(asked, "青莲公园北门")
    await world.settle()
    case = await world.newest_case()
    await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})

    held = (await officer.ok("GET", "/my-case"))["case"]
    assert held["place"]["label"] == "青莲公园北门"
    assert held["place"]["point"] == {"lat": CENTRE.lat, "lng": CENTRE.lng}


async def test_a_complaint_reaches_the_auditor_and_no_desk_and_its_answer_comes_back(
    world: World, people: People, desk: Person
) -> None:
    auditor, neighbour = await people.signed_in("auditor"), await world.neighbour()
    await neighbour.click("complain")
    async with world.dial(desk) as board:
        filed = await neighbour.say("昨晚来的民警态度恶劣")
        await world.settle()
        case = await world.reports(
            await world.neighbour()
        )  # the first thing that the board hears is about a case
        first = await board.next("case_changed")
    [listed] = (await auditor.ok("GET", "/complaints"))["items"]
    read = await auditor.ok("GET", f"/complaints/{listed['complaint_id']}")
    looked_at = await neighbour.say("进度")
    await auditor.ok("POST", f"/complaints/{listed['complaint_id']}/answer", {"words": "已核实并处理"})
    answered = await neighbour.say("进度")

    assert listed["number"] in filed
    assert first["kind"] == "case_reported"
    assert read["words"] == "昨晚来的民警态度恶劣"
    assert "已查阅" in looked_at
    assert "已核实并处理" in answered
    assert [one["number"] for one in (await desk.ok("GET", "/queue"))["items"]] == [case.number]
