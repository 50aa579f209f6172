"""A report about to open near cases like it: what the chat says of them is its category and that they are near, no more."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.dispatch.area import open_area
from app.dispatch.nearby import TOLD_A_DAY, me_toos_of
from app.events.edge import transaction
from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE, Made, Make
from tests.wechat.callback_door import Door, taps
from tests.wechat.chats import rows
from wechat import me_too

ASKED = (
    "附近约300米范围内，已有多人反映“噪音扰民”。您的是同一件事吗？\n"
    '<a href="weixin://bizmsgmenu?msgmenucontent=我也遇到（不另立案）&msgmenuid=me_too.1">1 我也遇到（不另立案）</a>\n'
    '<a href="weixin://bizmsgmenu?msgmenucontent=我的是另一件&msgmenuid=me_too.2">2 我的是另一件</a>\n'
    "情况紧急请同时拨打110。"
)


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


@pytest.fixture
async def there(make: Make, station: Made) -> list[Made]:
    """Three people's cases of noise at CENTRE, the oldest first."""
    return [
        await make.case(
            station=station, state="handed_over", reported_ago_s=ago, number=f"482-915-306{ago // 10}"
        )
        for ago in (30, 20, 10)
    ]


async def reported(door: Door, at: Point = CENTRE, words: str = "半夜唱歌太吵") -> str:
    await door.say(words)
    return await door.stand(at)


async def own_cases(runtime: Runtime, there: list[Made]) -> list[str]:
    known = {case.id for case in there}
    return [row.number for row in await rows(runtime, "SELECT id, number FROM cases") if row.id not in known]


async def joined(runtime: Runtime, case: Made) -> int:
    async with transaction(runtime) as db:
        return await me_toos_of(db, case.id)


async def test_the_question_says_category_and_nearness_alone(door: Door, there: list[Made]) -> None:
    asked = await reported(door)

    assert asked == ASKED
    for case in there:
        assert case.number not in asked
        assert case.meet_code not in asked
        assert str(case.reporter.id) not in asked
        assert str(case.id) not in asked
    assert "楼上" not in asked  # of their words
    assert not re.search(r"\d{2}\.\d{3}|派出所|民警", asked)


async def test_in_english(door: Door, there: list[Made]) -> None:
    await door.say("loud music all night")
    asked = await door.stand()

    assert asked.startswith("Several people have reported “Noise” within about 300 m. Is yours the same?\n")
    assert [shown for _, _, shown in taps(asked)] == ["1 me too (no report of my own)", "2 mine is another"]


@pytest.mark.parametrize("how", ["tap", "1"])
async def test_me_too_is_counted_opens_no_case_and_hears_of_the_end(
    door: Door, runtime: Runtime, there: list[Made], how: str
) -> None:
    asked = await reported(door)
    said = await (door.tap(asked, "我也遇到") if how == "tap" else door.say(how))

    assert said == me_too.COUNTED.zh
    assert await own_cases(runtime, there) == []
    assert [await joined(runtime, case) for case in there] == [1, 0, 0]


async def test_who_asks_how_far_it_is_hears_that_it_runs_until_it_has_ended(
    door: Door, runtime: Runtime, there: list[Made]
) -> None:
    await door.tap(await reported(door), "我也遇到")
    running = await door.say("进度")
    await rows(runtime, "UPDATE me_toos SET ended_by = 1 RETURNING person_id")
    ended = await door.say("进度")

    assert running == "另有1件与他人相同的情况已计入，尚未结束；结束时会在这里告诉您。"
    assert ended == "您目前没有进行中的报告。"


@pytest.mark.parametrize("how", ["tap", "2", "是对面另一家", "photo"])
async def test_another_or_anything_else_opens_a_case_of_their_own(
    door: Door, runtime: Runtime, there: list[Made], how: str
) -> None:
    asked = await reported(door)
    if how == "tap":
        opened = await door.tap(asked, "我的是另一件")
    else:
        opened = await (door.show() if how == "photo" else door.say(how))

    [number] = await own_cases(runtime, there)
    assert number in opened
    assert await joined(runtime, there[0]) == 0


async def test_below_three_people_nothing_is_said(
    door: Door, runtime: Runtime, make: Make, station: Made
) -> None:
    there = [await make.case(station=station, state="handed_over") for _ in range(2)]
    opened = await reported(door)

    [number] = await own_cases(runtime, there)
    assert number in opened


async def test_who_is_told_too_often_in_a_day_reports_as_if_nothing_were_near(
    door: Door, runtime: Runtime, there: list[Made]
) -> None:
    asked = []
    for _ in range(TOLD_A_DAY):
        asked.append(await reported(door))
        await door.say("取消")
    opened = await reported(door)

    assert asked == [ASKED] * TOLD_A_DAY
    [number] = await own_cases(runtime, there)
    assert number in opened


async def test_it_has_ended_meanwhile_so_theirs_opens(
    door: Door, runtime: Runtime, there: list[Made]
) -> None:
    asked = await reported(door)
    async with runtime.database.moves() as db:
        await db.execute(
            text("UPDATE cases SET state = 'closed', closed_at = clock_timestamp() WHERE id = :id"),
            {"id": there[0].id},
        )
    opened = await door.tap(asked, "我也遇到")

    [number] = await own_cases(runtime, there)
    assert number in opened


@pytest.mark.parametrize("words", ["救命，有人拿刀", "help, he has a knife"])
async def test_danger_in_answer_is_danger(
    door: Door, runtime: Runtime, there: list[Made], words: str
) -> None:
    await reported(door)
    said = await door.say(words)

    assert "110" in said
    [number] = await own_cases(runtime, there)
    assert number in said
    [case] = await rows(runtime, "SELECT urgent FROM cases WHERE urgent")
    assert case.urgent
    assert await joined(runtime, there[0]) == 0


@pytest.mark.parametrize("wish", ["不方便说话", "我是小孩"])
async def test_who_is_silent_or_a_child_is_never_folded(
    door: Door, runtime: Runtime, there: list[Made], wish: str
) -> None:
    await door.say(wish)
    opened = await reported(door)

    assert "附近约300米" not in opened
    assert len(await own_cases(runtime, there)) == 1


@pytest.mark.parametrize(
    ("category", "words"), [("neighbour_dispute", "邻居又吵架了"), ("stolen_property", "我的电动车被偷了")]
)
async def test_a_category_that_is_not_shared_is_never_told_of(
    door: Door, runtime: Runtime, make: Make, station: Made, category: str, words: str
) -> None:
    there = [await make.case(station=station, state="handed_over", category=category) for _ in range(4)]
    opened = await reported(door, words=words)

    [number] = await own_cases(runtime, there)
    assert number in opened


async def area(runtime: Runtime, make: Make, case: Made) -> None:
    by = await make.staff("desk")
    async with transaction(runtime) as db:
        until = (await db.execute(text("SELECT clock_timestamp() + interval '1 hour'"))).scalar_one()
        await open_area(
            db, case.id, centre=CENTRE, radius_m=800, words_zh="湖边音乐节，22点结束，已有民警在场",
            words_en="Festival by the lake, until 22:00; police are on site", until=until, by=by.id,
        )  # fmt: skip


async def test_in_an_area_case_the_desks_words_are_asked_about_with_one_report_alone(
    door: Door, runtime: Runtime, make: Make, station: Made
) -> None:
    case = await make.case(station=station, state="handed_over")
    await area(runtime, make, case)
    far = Point(CENTRE.lat + 0.006, CENTRE.lng)  # 670 m: no neighbouring square, but inside
    asked = await reported(door, far)
    said = await door.tap(asked, "我也遇到")

    assert asked.startswith("派出所通知：湖边音乐节，22点结束，已有民警在场\n您要反映的是这件事吗？\n")
    assert case.number not in asked
    assert said == me_too.COUNTED.zh
    assert await joined(runtime, case) == 1
    assert await own_cases(runtime, [case]) == []


async def test_a_crowd_of_one_event_make_no_further_case_and_no_offer(
    runtime: Runtime, make: Make, station: Made
) -> None:
    case = await make.case(station=station, state="handed_over")
    await area(runtime, make, case)
    for n in range(12):
        await (door := Door(runtime, f"oCitizen{n:020d}")).say("半夜唱歌太吵")
        await door.tap(await door.stand(), "我也遇到")

    assert await joined(runtime, case) == 12
    assert await own_cases(runtime, [case]) == []
    assert await rows(runtime, "SELECT 1 FROM offers") == []


@pytest.mark.parametrize("words", ["救命，有人拿刀", "有人被踩踏，快死了"])
async def test_danger_inside_an_area_case_is_never_folded(
    door: Door, runtime: Runtime, make: Make, station: Made, words: str
) -> None:
    case = await make.case(station=station, state="handed_over")
    await area(runtime, make, case)
    said = await door.say(words)

    assert "110" in said
    [opened] = await rows(runtime, "SELECT number, merged_into FROM cases WHERE urgent")
    assert opened.number in said
    assert opened.merged_into is None
    assert await joined(runtime, case) == 0
