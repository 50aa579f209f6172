"""Complaints about police: a lane that no case, desk or station hears of; a number and a receipt; the auditor alone reads."""

from __future__ import annotations

import re

import pytest

from app.complaints.queries import complaints_of
from app.kit.runtime import Runtime
from app.receipts.proof import is_valid
from app.receipts.service import public_keys
from tests.factories import Made
from tests.wechat.callback_door import Door
from tests.wechat.chats import rows
from wechat.complaints import is_about_police, is_plainly_about_police

NUMBER = re.compile(r"D[0-9]{3}-[0-9]{3}-[0-9]{4}")
WORDS = "昨晚来的民警态度恶劣，还骂人"


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


async def nobody_heard(runtime: Runtime) -> bool:
    """No case, no draft's word, no event, no notice."""
    told = await rows(
        runtime,
        "SELECT (SELECT count(*) FROM cases) AS cases, (SELECT count(*) FROM deliveries) AS notices,"
        " (SELECT count(*) FROM events WHERE station_id IS NOT NULL AND kind LIKE 'case%') AS events,"
        " (SELECT count(*) FROM drafts WHERE words IS NOT NULL) AS drafts",
    )
    return tuple(told[0]) == (0, 0, 0, 0)


async def test_a_wish_to_complain_hears_of_12389_and_writes_to_the_auditor(
    door: Door, runtime: Runtime
) -> None:
    asked = await door.say("投诉民警")
    filed = await door.say(WORDS)
    added = await door.say("7")
    done = await door.say("完")
    status = await door.say("进度")

    number = NUMBER.search(filed)
    assert number is not None
    assert "12389" in asked
    assert number[0] in added
    assert number[0] in status
    assert "已交督察" in done
    assert await nobody_heard(runtime)
    [row] = await rows(runtime, "SELECT words FROM complaints")
    assert WORDS.encode() not in row.words


async def test_what_does_not_fit_is_said_and_nothing_of_it_is_cut(door: Door, runtime: Runtime) -> None:
    await door.say("投诉民警")
    first = await door.say("长" * 2001)
    none_yet = await rows(runtime, "SELECT 1 FROM complaints")
    await door.say("甲" * 1990)
    beyond = await door.say("乙" * 10)
    fits = await door.say("丙" * 9)
    full = await door.say("丁")

    assert none_yet == []
    assert ("还能写2000字" in first, "2001字" in first) == (True, True)
    assert ("还能写9字" in beyond, "已补充" in beyond) == (True, False)
    assert "已补充到投诉" in fits
    assert ("已写满" in full, "已补充" in full) == (True, False)
    [row] = await rows(runtime, "SELECT person_id FROM complaints")
    async with runtime.database.transaction() as db:
        [kept] = await complaints_of(db, runtime, row.person_id)
    assert kept.words == "甲" * 1990 + "\n" + "丙" * 9


async def test_its_receipt_is_valid_and_says_nothing(door: Door, runtime: Runtime) -> None:
    filed = await door.say(f"我要投诉民警：{WORDS}")

    receipt = re.search(r"dr1\.[\w-]+", filed)
    assert receipt is not None
    assert is_valid(receipt[0], public_keys(runtime.settings))


async def test_what_follows_in_the_lane_never_reaches_the_open_case(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand()
    asked = await door.say("来的民警态度很差")
    await door.tap(asked, "投诉民警")
    await door.say("他还说了很难听的话")
    await door.stand(label="某路")
    photo = await door.show("m1")
    await door.say("完")
    await door.say("他们有五个人")

    [case] = await rows(runtime, "SELECT id, media FROM cases")
    amended = await rows(runtime, "SELECT 1 FROM events WHERE kind IN ('case_amended', 'case_place_moved')")
    assert case.media == []
    assert "只收文字" in photo
    assert len(amended) == 1  # the five people, after the lane


async def test_words_that_may_be_either_wait_for_an_answer_and_a_report_goes_on(
    door: Door, runtime: Runtime
) -> None:
    asked = await door.say("手机被偷，派出所不立案")
    before = await nobody_heard_but_the_draft(runtime)
    await door.tap(asked, "报警")
    await door.stand()

    [case] = await rows(runtime, "SELECT category FROM cases")
    assert before
    assert case.category == "stolen_property"
    assert await rows(runtime, "SELECT 1 FROM complaints") == []


async def nobody_heard_but_the_draft(runtime: Runtime) -> bool:
    return await rows(runtime, "SELECT 1 FROM cases UNION ALL SELECT 1 FROM complaints") == []


async def test_passed_over_three_times_it_is_a_report(door: Door, runtime: Runtime) -> None:
    for words in ("派出所不立案", "我不知道", "三楼"):
        await door.say(words)
    await door.say("就是三楼")

    assert len(await rows(runtime, "SELECT 1 FROM cases")) == 1
    assert await rows(runtime, "SELECT 1 FROM complaints") == []


async def test_danger_while_it_waits_takes_nothing_of_it_along(door: Door, runtime: Runtime) -> None:
    asked = await door.say("派出所不立案")
    said = await door.say("他有刀")
    await door.tap(asked, "投诉民警")

    assert "110" in said
    assert len(await rows(runtime, "SELECT 1 FROM cases WHERE urgent")) == 1
    assert len(await rows(runtime, "SELECT 1 FROM complaints")) == 1


async def test_a_report_that_was_begun_waits_beside_the_lane(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.say("投诉民警")
    await door.say(WORDS)
    await door.say("完")
    await door.stand()

    [case] = await rows(runtime, "SELECT category FROM cases")
    assert case.category == "noise"


async def test_who_says_nothing_for_half_an_hour_has_left_the_lane(door: Door, runtime: Runtime) -> None:
    await door.say("投诉民警")
    await rows(runtime, "UPDATE drafts SET changed_at = changed_at - interval '31 minutes' RETURNING 1")
    await door.say("半夜唱歌太吵")
    await door.stand()

    assert len(await rows(runtime, "SELECT 1 FROM cases")) == 1
    assert await rows(runtime, "SELECT 1 FROM complaints") == []


@pytest.mark.parametrize("ends", ["新报警", "进度", "click"])
async def test_a_command_leaves_the_lane(door: Door, runtime: Runtime, ends: str) -> None:
    await door.say("投诉民警")
    await (door.click("report") if ends == "click" else door.say(ends))
    await door.say("半夜唱歌太吵")
    await door.stand()

    assert len(await rows(runtime, "SELECT 1 FROM cases")) == 1


async def test_the_same_message_twice_is_one_complaint(door: Door, runtime: Runtime) -> None:
    said = {await door.say(f"我要投诉民警：{WORDS}", message_id=7) for _ in range(3)}

    assert len(said) == 1
    assert len(await rows(runtime, "SELECT 1 FROM complaints")) == 1


async def test_its_key_protects_it_when_only_the_inbox_forgot(door: Door, runtime: Runtime) -> None:
    await door.say(f"我要投诉民警：{WORDS}", message_id=8)
    await rows(runtime, "DELETE FROM inbox RETURNING 1")
    await rows(runtime, "DELETE FROM drafts RETURNING 1")
    await door.say(f"我要投诉民警：{WORDS}", message_id=8)

    assert len(await rows(runtime, "SELECT 1 FROM complaints")) == 1


@pytest.mark.parametrize(
    ("text", "about", "plainly"),
    [
        ("我要投诉来的民警，态度很差", True, True),
        ("I want to complain about the police", True, True),
        ("派出所不立案", True, False),
        ("the officer was rude to me", True, False),
        ("有人冒充警察骗我的钱", False, False),
        ("我想举报一个假警察", False, False),
        ("民警什么时候到", False, False),
        ("举报派出所附近的赌博", False, False),
        ("警察来了他还在威胁我", False, False),
        ("投诉楼上噪音", False, False),
    ],
)
def test_what_is_taken_for_a_complaint(text: str, about: bool, plainly: bool) -> None:
    assert (is_about_police(text), is_plainly_about_police(text)) == (about, plainly)
