"""A report that is begun waits for days: gone on with it is said, too old it is told to be gone. A rating is given once."""

from __future__ import annotations

import pytest

from app.dispatch.drafts import expire
from app.kit.runtime import Runtime
from tests.factories import Made
from tests.wechat.callback_door import Door
from tests.wechat.chats import rows


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


async def wait(runtime: Runtime, span: str) -> None:
    await rows(runtime, f"UPDATE drafts SET changed_at = changed_at - interval '{span}' RETURNING 1")


async def test_days_later_the_next_message_goes_on_and_says_so(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await wait(runtime, "3 days")
    opened = await door.stand()

    [case] = await rows(runtime, "SELECT number, category FROM cases")
    assert opened.startswith("接着您3天前没写完的报告")
    assert case.number in opened
    assert case.category == "noise"


async def test_within_the_hour_nothing_is_said_of_it(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await wait(runtime, "50 minutes")

    assert "接着" not in await door.stand()


async def test_after_a_pause_the_place_is_asked_for_once_more(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.say("就是我家楼上")
    await wait(runtime, "1 day")
    asked = await door.say("你好")
    await door.stand()

    [case] = await rows(runtime, "SELECT state FROM cases")
    assert "位置" in asked
    assert case.state == "open"


@pytest.mark.parametrize("erased", [True, False])
async def test_too_old_it_is_gone_and_its_writer_is_told_once(
    door: Door, runtime: Runtime, erased: bool
) -> None:
    await door.say("半夜唱歌太吵")
    await wait(runtime, "8 days")
    if erased:
        await expire(runtime)
    told = await door.say("你好")
    again = await door.say("你好")
    await door.stand()

    assert "超过7天" in told
    assert "没有上报" in told
    assert "7天" not in again
    assert await rows(runtime, "SELECT 1 FROM cases") == []


async def test_change_keeps_the_place_and_takes_new_words(door: Door, runtime: Runtime) -> None:
    await door.stand()
    await door.say("这里有点情况")
    changed = await door.say("改")
    await door.say("我的钱包被偷了")

    [case] = await rows(runtime, "SELECT category, state, place IS NOT NULL AS placed FROM cases")
    assert "保留" in changed
    assert (case.category, case.state, case.placed) == ("stolen_property", "open", True)


async def closed(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand()
    await rows(runtime, "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() RETURNING 1")


@pytest.mark.parametrize("said", ["评分5 来得很快", "评分：5，来得很快", "rate 5 来得很快", "5星 来得很快"])
async def test_a_rating_with_a_word_is_kept_unreadable_in_the_table(
    door: Door, runtime: Runtime, said: str
) -> None:
    await closed(door, runtime)
    await door.say(said)

    [case] = await rows(runtime, "SELECT id, stars, rating_words FROM cases")
    kept = runtime.keys.decrypt(case.rating_words, table="cases", row=str(case.id), column="rating_words")
    assert (case.stars, kept) == (5, "来得很快")


async def test_the_first_rating_stands_after_five_minutes(door: Door, runtime: Runtime) -> None:
    await closed(door, runtime)
    await door.say("2")
    await door.say("评分4")
    await rows(
        runtime, "UPDATE events SET at = at - interval '6 minutes' WHERE kind = 'case_rated' RETURNING 1"
    )
    late = await door.say("评分1")

    [case] = await rows(runtime, "SELECT stars FROM cases")
    assert case.stars == 4
    assert "4分" in late


async def test_not_solved_after_seven_days_is_over(door: Door, runtime: Runtime) -> None:
    await closed(door, runtime)
    await rows(runtime, "UPDATE cases SET closed_at = clock_timestamp() - interval '8 days' RETURNING 1")
    await door.say("未解决")

    [case] = await rows(runtime, "SELECT state FROM cases")
    assert case.state == "closed"


async def test_what_is_dropped_is_not_the_case_that_is_open(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand()
    await door.say("我的钱包被偷了")
    dropped = await door.say("取消")
    [open_still] = await rows(runtime, "SELECT number, state FROM cases")
    await door.say("取消")
    [withdrawn] = await rows(runtime, "SELECT state FROM cases")

    assert open_still.state != "cancelled"
    assert open_still.number in dropped
    assert withdrawn.state == "cancelled"
