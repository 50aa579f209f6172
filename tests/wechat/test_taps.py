"""The menu's one key, categories to tap with their hours, and taps that come late."""

from __future__ import annotations

from typing import Any

import pytest

from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE, SQUARE, Made, Make
from tests.wechat.callback_door import Door, taps
from tests.wechat.chats import rows
from wechat import taps as wechat_taps

NEVER = [{"start": "03:00", "end": "03:01", "days": [1]}]
OWN: list[dict[str, Any]] = [
    {"key": "noise", "zh": "噪音", "en": "Noise", "words": ["吵"], "hours": NEVER},
    {"key": "ferry", "zh": "渡船", "en": "Ferry"},
    {"key": "missing_person", "zh": "走失", "en": "Missing"},
    {"key": "other", "zh": "其他", "en": "Other"},
]


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


async def case_of(runtime: Runtime) -> Any:
    [case] = await rows(runtime, "SELECT * FROM cases")
    return case


async def test_one_key_a_tap_words_and_a_place_make_a_case(door: Door, runtime: Runtime) -> None:
    offered = await door.click("report")
    asked = await door.tap(offered, "噪音扰民")
    placed = await door.say("三楼又开始了")
    opened = await door.stand()

    assert [shown for _, _, shown in taps(offered)][6] == "7 噪音扰民"
    assert "写下" in asked
    assert "类别" not in placed
    case = await case_of(runtime)
    assert (case.category, case.state) == ("noise", "open")
    assert case.number in opened
    assert [sends for sends, _, _ in taps(opened)] == ["进度", "改", "取消"]


async def test_the_key_goes_on_with_what_was_being_written(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    again = await door.click("report")
    await door.stand()

    assert "位置" in again
    assert "类别" not in again
    assert (await case_of(runtime)).category == "noise"


async def test_words_may_come_instead_of_a_tap_and_the_number_does_too(door: Door, runtime: Runtime) -> None:
    await door.click("report")
    await door.say("8")
    opened = await door.say("刚转账给骗子")

    assert (await case_of(runtime)).handover_cause == "no_scene"
    assert opened.startswith("如刚刚转账，请先拨打反诈专线96110")


async def test_the_categories_are_the_stations_own_with_those_closed_now_marked(
    make: Make, runtime: Runtime
) -> None:
    await make.station(ring=None, is_command=True)
    await make.station(ring=SQUARE, settings={"categories": OWN})
    door = Door(runtime)
    await door.stand()

    offered = await door.say("三楼又是这样")
    opened = await door.tap(offered, "噪音")

    assert [shown for _, _, shown in taps(offered)] == [
        "1 噪音（现非受理时段，转值班台）",
        "2 渡船",
        "3 走失",
        "4 其他",
    ]
    case = await case_of(runtime)
    assert (case.category, case.handover_cause) == ("noise", "out_of_hours")
    assert "时段" in opened
    assert case.number in opened


async def test_a_missing_person_has_no_hours_and_is_asked_about_risk(make: Make, runtime: Runtime) -> None:
    await make.station(ring=None, is_command=True)
    await make.station(ring=SQUARE, settings={"categories": OWN})
    door = Door(runtime)
    await door.stand()

    risk = await door.say("我朋友走失了")
    await door.tap(risk, "1 是")

    case = await case_of(runtime)
    assert (case.category, case.urgent) == ("missing_person", True)


async def test_an_answer_tapped_late_opens_nothing_and_says_where_things_stand(
    door: Door, runtime: Runtime
) -> None:
    offered = await door.say("这里有点情况想说一下")
    await door.tap(offered, "噪音扰民")
    await door.stand()
    late = await door.tap(offered, "财物被盗")

    case = await case_of(runtime)
    assert case.category == "noise"
    assert case.number in late


async def test_too_many_categories_to_link_are_plain_lines(make: Make, runtime: Runtime) -> None:
    many = [
        {
            "key": f"kind_{'abcdefghij'[n % 10]}{'abcdefghij'[n // 10]}",
            "zh": f"第{n}种很长的类别名称",
            "en": "Kind",
        }
        for n in range(38)
    ]
    await make.station(ring=SQUARE, settings={"categories": [*many, *OWN[2:]]})
    door = Door(runtime)
    await door.stand()

    offered = await door.say("三楼又是这样")
    await door.say("3")

    assert taps(offered) == []
    assert len(offered.encode()) <= 2048
    assert "38 第37种" in offered
    assert (await case_of(runtime)).category == "kind_ca"


@pytest.mark.parametrize("language", ["中文", "English"])
async def test_every_text_of_a_report_fits_what_wechat_carries(
    door: Door, runtime: Runtime, language: str
) -> None:
    await door.say(language)
    said = [
        await door.click("report"),
        await door.click("needs"),
        await door.click("text_only"),
        await door.say("?"),
    ]
    said += [await door.say("new"), await door.say("x y z 1"), await door.stand(), await door.say("status")]

    assert all(len(one.encode()) <= 2048 for one in said)
    assert all(not one.endswith("…") for one in said)


def test_what_a_tap_sends_cannot_leave_its_link() -> None:
    made = wechat_taps.link("a", 'b"&msgmenuid=x><c', "q.1")

    assert taps(made) == [("b msgmenuid x c", "q.1", "a")]


async def test_a_report_goes_to_the_station_that_has_the_place_and_outside_all_to_the_command_centre(
    make: Make, runtime: Runtime
) -> None:
    centre = await make.station(ring=None, is_command=True, code="CC")
    await make.station(ring=SQUARE, parent=centre, code="S1")
    east = [[lng + 0.1, lat] for lng, lat in SQUARE]
    await make.station(ring=east, parent=centre, code="S2")
    there, nowhere = Door(runtime, "oThere"), Door(runtime, "oNowhere")

    await there.say("半夜唱歌太吵")
    at_s2 = await there.stand(Point(CENTRE.lat, CENTRE.lng + 0.1))
    await nowhere.say("Loud music")
    at_centre = await nowhere.stand(Point(31.5, 117.5))

    cases = await rows(
        runtime,
        "SELECT s.code, c.handover_cause FROM cases c JOIN stations s ON s.id = c.station_id ORDER BY c.reported_at",
    )
    assert [case.code for case in cases] == ["S2", "CC"]
    assert cases[1].handover_cause == "forwarded"
    assert "S2 派出所" in at_s2
    assert "outside the area of every station" in at_centre
    assert "CC 派出所" in at_centre


def test_a_label_is_no_link_of_its_own() -> None:
    said = wechat_taps.numbered("place", [("1", '<a href="https://evil.example/">公园</a>')])

    assert said.count("<a ") == 1
    assert said.startswith('<a href="weixin://bizmsgmenu?')
