"""Silent mode, large print, a child, another person: said in words or by the menu, seen before arrival; guarded cancels."""

from __future__ import annotations

import pytest

from app.cases.queries import Case, Flag, get_case
from app.kit.runtime import Runtime
from app.notices.words import WORDS
from tests.factories import Made, Make
from tests.wechat.callback_door import Door, taps
from tests.wechat.chats import rows
from wechat import replies
from wechat.conversation import MenuKey
from wechat.emergency import danger
from wechat.flags import flags_in

TELLING = ("110", "警", "派出所", "officer", "police", "station", "危险", "danger")


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


async def the_case(runtime: Runtime) -> Case:
    [row] = await rows(runtime, "SELECT id FROM cases")
    async with runtime.database.moves() as db:
        return await get_case(db, runtime, row.id)


@pytest.mark.parametrize("how", ["不方便说话", "别打电话", "text only", "Don't call me", "menu"])
async def test_silent_mode_takes_a_tap_and_a_place_and_calls_nobody(
    door: Door, runtime: Runtime, how: str
) -> None:
    offered = await door.click("text_only") if how == "menu" else await door.say(how)
    phrase = "Someone is outside" if how.isascii() and how != "menu" else "有人在门外"
    await door.tap(offered, phrase)
    opened = await door.stand()

    case = await the_case(runtime)
    assert (case.text_only, case.flags, case.state) == (True, (Flag.TEXT_ONLY,), "open")
    assert case.number in opened
    assert not any(word in opened for word in TELLING)


@pytest.mark.parametrize("line", replies.PRESETS, ids=lambda line: line.en)
async def test_each_phrase_goes_to_the_open_case_and_asks_nothing(
    door: Door, runtime: Runtime, line: replies.Line
) -> None:
    offered = await door.say("不方便说话")
    await door.tap(offered, "有人在门外")
    await door.stand()
    await door.tap(offered, line.zh)

    case = await the_case(runtime)
    assert line.zh in (case.words or "")
    assert not danger(line.zh)  # the gate has its own words; these go to the desk and the officer quietly


async def test_an_open_case_falls_silent_and_officer_and_desk_hear_that_it_changed(
    door: Door, runtime: Runtime
) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand()
    said = await door.say("不要打电话")
    await door.say("半夜唱歌太吵，不方便说话")

    assert (await the_case(runtime)).text_only
    assert len(taps(said)) == len(replies.PRESETS)
    assert len(await rows(runtime, "SELECT 1 FROM events WHERE kind = 'case_amended'")) == 2


async def test_a_silent_cancel_is_answered_neutrally_and_goes_to_the_desk(
    door: Door, runtime: Runtime
) -> None:
    offered = await door.say("不方便说话")
    await door.tap(offered, "有人在门外")
    await door.stand()
    said = await door.say("取消")

    case = await the_case(runtime)
    assert case.state == "open"
    assert case.facts["cancel_asked"] is True
    assert said == f"已收到，{case.number} 的取消请求已记下。"  # neutral, and no promise
    assert not any(word in said for word in TELLING)


async def test_a_silent_report_dropped_before_it_was_opened_goes_to_the_desk_too(
    door: Door, runtime: Runtime
) -> None:
    offered = await door.say("不方便说话")
    await door.tap(offered, "有人在门外")
    said = await door.say("取消")

    case = await the_case(runtime)
    assert (case.state, case.text_only, case.facts["cancel_asked"]) == ("handed_over", True, True)
    assert said == replies.CANCEL_NOTED.zh.format(number=case.number)


async def test_a_silent_mode_with_nothing_told_is_simply_dropped(door: Door, runtime: Runtime) -> None:
    await door.say("不方便说话")
    said = await door.say("取消")

    assert said == replies.DRAFT_DROPPED.zh
    assert await rows(runtime, "SELECT 1 FROM cases") == []


async def test_notices_of_a_silent_case_say_nothing_and_the_state_is_told_when_asked(
    door: Door, runtime: Runtime, make: Make, station: Made
) -> None:
    offered = await door.say("不方便说话")
    await door.tap(offered, "有人在门外")
    await door.stand()
    await rows(
        runtime,
        "UPDATE cases SET reported_at = reported_at - interval '1 hour', deadline = deadline - interval '1 hour' RETURNING 1",
    )
    from app.dispatch import handover

    await handover.sweep(runtime)
    await runtime.drain()
    told = await rows(runtime, "SELECT kind, facts FROM deliveries")
    status = await door.say("进度")

    assert [row.facts["quiet"] for row in told if row.kind == "handed_over"] == [True]
    assert not any(word in WORDS["quiet"].zh for word in TELLING)
    assert "值班台" in status
    assert "receipt/" in status  # of which the first answer said nothing


@pytest.mark.parametrize(
    ("key", "words", "flag"),
    [
        ("large_print", "大字", Flag.LARGE_PRINT),
        ("child", "我是小孩", Flag.CHILD),
        ("for_another", "替别人报警", Flag.FOR_ANOTHER),
        ("text_only", "不方便说话", Flag.TEXT_ONLY),
    ],
)
async def test_a_flag_by_menu_and_by_words_before_and_after_opening(
    door: Door, runtime: Runtime, key: str, words: str, flag: Flag
) -> None:
    await door.click(key)
    await door.say("半夜唱歌太吵")
    await door.stand()
    await rows(runtime, "UPDATE cases SET text_only = FALSE, facts = '{}' RETURNING 1")
    before = (await the_case(runtime)).flags
    await door.say(words)

    assert before == ()
    assert (await the_case(runtime)).flags == (flag,)


async def test_for_another_person_the_place_that_is_asked_for_is_theirs(door: Door, runtime: Runtime) -> None:
    asked = await door.say("帮我妈妈报警，她家楼上很吵")
    await door.stand()

    assert "对方" in asked
    assert (await the_case(runtime)).flags == (Flag.FOR_ANOTHER,)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("我今年12岁，有人欺负我", {Flag.CHILD}),
        ("我12岁的弟弟不见了", set()),
        ("我是聋人，请发文字", {Flag.TEXT_ONLY}),
        ("帮我报警", set()),
        ("为什么要报警", set()),
        ("替邻居报个警", {Flag.FOR_ANOTHER}),
        ("请写字大一点，我看不清小字", {Flag.LARGE_PRINT}),
        ("I am 12 years old", {Flag.CHILD}),
        ("I am 5 km away", set()),
        ("don't call me, I am on behalf of my neighbour", {Flag.TEXT_ONLY, Flag.FOR_ANOTHER}),
    ],
)
def test_what_words_raise_which_flag(text: str, flags: set[Flag]) -> None:
    assert flags_in(text) == flags


async def test_danger_in_silent_mode_keeps_the_mode(door: Door, runtime: Runtime) -> None:
    await door.say("不方便说话")
    said = await door.say("他有刀")

    case = await the_case(runtime)
    assert (case.urgent, case.text_only) == (True, True)
    assert said.index("110") < said.index(case.number)


@pytest.mark.parametrize(
    ("shown", "flags"),
    [("大字", (Flag.LARGE_PRINT,)), ("我是小孩", (Flag.CHILD,)), ("替别人报警", (Flag.FOR_ANOTHER,))],
)
async def test_one_item_of_the_menu_offers_them_all_to_tap(
    door: Door, runtime: Runtime, shown: str, flags: tuple[Flag, ...]
) -> None:
    offered = await door.click("needs")
    await door.tap(offered, shown)
    await door.say("半夜唱歌太吵")
    await door.stand()

    assert (await the_case(runtime)).flags == flags


@pytest.mark.parametrize("key", list(MenuKey))
async def test_every_key_of_the_menu_does_what_it_is_for(door: Door, key: MenuKey) -> None:
    greeting = await door.click("a-key-of-an-old-menu")

    assert await door.click(key) != greeting or key in (MenuKey.ENGLISH, MenuKey.CHINESE)
