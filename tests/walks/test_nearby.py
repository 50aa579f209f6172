"""Many report one thing: the fourth says "me too", an event is said once by the desk; and what lies outside is forwarded."""

from __future__ import annotations

from datetime import timedelta

from app.kit.clock import utc_now
from app.kit.geo import Point
from tests.console.people import Person
from tests.factories import CENTRE
from tests.walks.world import REPORT, World

OUTSIDE = Point(31.5, 117.5)
ENDED = "您此前反映的同类情况已结束处理。如情况仍在，请直接在此写下。紧急情况请拨打110。"


async def closed(world: World, desk: Person, case_id: object) -> None:
    [row] = await world.rows("SELECT epoch FROM cases WHERE id = :id", id=case_id)
    taken = await desk.ok("POST", f"/cases/{case_id}/take", {"epoch": row.epoch})
    body = {"epoch": taken["epoch"], "disposition": "advised", "note": "已到场劝止"}
    await desk.ok("POST", f"/cases/{case_id}/close", body)
    await world.settle()
    await world.deliver()


async def test_the_fourth_to_report_a_noise_says_me_too_and_hears_of_the_end(
    world: World, desk: Person
) -> None:
    cases = [await world.reports(await world.neighbour()) for _ in range(3)]
    neighbour = await world.neighbour()
    await neighbour.say(REPORT)
    asked = await neighbour.stand()
    counted = await neighbour.tap(asked, "我也遇到")
    for case in cases:
        await world.age(case.id, 61)
    await world.hand_over()
    whole = await desk.ok("GET", f"/cases/{cases[0].id}")
    await closed(world, desk, cases[0].id)

    assert asked.startswith("附近约300米范围内，已有多人反映“噪音扰民”。您的是同一件事吗？")
    for case in cases:
        assert case.number not in asked + counted
    assert counted.startswith("好的，已计入")
    assert whole["me_toos"] == 1
    assert await neighbour.told() == [ENDED]
    assert len(await world.rows("SELECT 1 FROM cases")) == 3


async def test_an_event_is_said_once_and_all_hear_of_its_end_once(world: World, desk: Person) -> None:
    officer, first = await world.officer(), await world.neighbour()
    case = await world.reports(first)
    until = (utc_now() + timedelta(hours=2)).isoformat()
    area = {
        "lat": CENTRE.lat, "lng": CENTRE.lng, "radius_m": 1000, "until": until,
        "words_zh": "湖边音乐节，22点结束", "words_en": "Festival by the lake, until 22:00",
    }  # fmt: skip
    await desk.ok("POST", f"/cases/{case.id}/area", area)
    crowd = [await world.neighbour() for _ in range(3)]
    for one in crowd:
        await one.say(REPORT)
        asked = await one.stand()
        assert "派出所通知：湖边音乐节，22点结束" in asked
        await one.tap(asked, "我也遇到")
    hurt = await world.neighbour()
    danger = await hurt.say("救命，有人拿刀")
    await world.settle()
    offers = (await officer.ok("GET", "/offers"))["items"]
    whole = await desk.ok("GET", f"/cases/{case.id}")
    await desk.call("POST", f"/cases/{case.id}/area/end")
    await world.settle()
    await world.deliver()
    told = [await one.told() for one in crowd]
    await world.age(case.id, 61)
    await world.hand_over()
    await closed(world, desk, case.id)
    late = await world.neighbour()
    await late.say(REPORT)
    own = await late.stand()

    assert whole["me_toos"] == 3
    assert [offer["case_id"] for offer in offers] == [str(case.id)]  # one event asks officers once
    assert "110" in danger
    assert [row.urgent for row in await world.rows("SELECT urgent FROM cases ORDER BY reported_at")][:2] == [
        False,
        True,
    ]
    assert told == [[ENDED]] * 3
    assert [await one.told() for one in crowd] == [[ENDED]] * 3
    assert (await world.newest_case()).number in own


async def test_outside_of_every_area_chat_and_mini_program_are_forwarded_and_say_where(
    world: World, desk: Person
) -> None:
    neighbour, phone = await world.neighbour(), await world.sign_in(await world.make.citizen())
    await neighbour.say(REPORT)
    opened = await neighbour.stand(OUTSIDE)
    place = {"point": {"lat": OUTSIDE.lat, "lng": OUTSIDE.lng, "datum": "wgs84"}}
    categories = await phone.ok("GET", f"/categories?lat={OUTSIDE.lat}&lng={OUTSIDE.lng}")
    reported = await phone.ok(
        "POST", "/reports", {"category": "noise", "words": "很吵", "place": place},
        **{"Idempotency-Key": "outside-00000001"},
    )  # fmt: skip

    code = world.command.facts["code"]
    assert f"{code} 派出所" in opened
    assert "辖区之外" in opened
    assert (reported["cause"], reported["state"]) == ("forwarded", "handed_over")
    assert reported["station"] == f"{code} 派出所"
    assert "noise" in {item["key"] for item in categories["items"]}
    assert (await desk.ok("GET", "/queue"))["items"] == []  # not this station's
