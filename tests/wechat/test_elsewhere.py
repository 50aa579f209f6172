"""What is no police work is told where it belongs; who insists is taken. Online fraud hears of 96110 first."""

from __future__ import annotations

import pytest

from app.kit.runtime import Runtime
from app.stations.categories import DEFAULT_CATEGORIES, category_of
from tests.factories import Made
from tests.wechat.callback_door import Door
from tests.wechat.chats import rows
from wechat.elsewhere import elsewhere_of
from wechat.emergency import danger

BELONGS = {
    "小区门口路灯坏了": "12345",
    "家里停水两天了": "12345",
    "井盖不见了": "12345",
    "The street light is broken": "12345",
    "刚才追尾了，没有人受伤": "122",
    "红绿灯不亮": "122",
    "我家楼道里电动车飞线充电": "119",
    "猫卡在树上下不来": "119",
    "我发烧了，头晕": "120",
    "接到可疑电话让我下载软件": "96110",
    "A suspicious call told me to install an app": "96110",
}


@pytest.fixture
def door(runtime: Runtime, station: Made) -> Door:
    return Door(runtime)


@pytest.mark.parametrize(("words", "phone"), BELONGS.items())
async def test_it_is_told_where_it_belongs_and_nothing_is_opened(
    door: Door, runtime: Runtime, words: str, phone: str
) -> None:
    said = await door.say(words)
    thanked = await door.say("谢谢" if not words.isascii() else "thanks")
    after = await door.say("进度")

    assert f'href="tel:{phone}"' in said
    assert thanked
    assert "没写完" not in after
    assert await rows(runtime, "SELECT 1 FROM cases") == []


@pytest.mark.parametrize("how", ["tap", "仍要报警", "place", "photo", "他们还在那里"])
async def test_who_insists_is_taken(door: Door, runtime: Runtime, how: str) -> None:
    said = await door.say("路灯坏了")
    sends = {
        "tap": lambda: door.tap(said, "仍要报警"),
        "place": door.stand,
        "photo": door.show,
    }
    for step in (sends.get(how, lambda: door.say(how)), lambda: door.say("7"), door.stand):
        if await rows(runtime, "SELECT 1 FROM cases"):
            break
        await step()

    [case] = await rows(runtime, "SELECT category FROM cases")
    assert case.category in ("noise", "other")


@pytest.mark.parametrize(
    "words",
    [
        "半夜施工噪音很吵，垃圾车也来了",  # noise is the police's
        "我的钱包在公交车上被偷了",
        "邻居家漏水淹了我家",
        "被骗了，刚刚转账给冒充客服的人",
        "出租车司机绕路多收车费",
    ],
)
def test_what_a_category_of_the_police_names_is_never_sent_elsewhere(words: str) -> None:
    named = category_of(words, DEFAULT_CATEGORIES)

    assert named is not None
    assert named.key != "other"


@pytest.mark.parametrize(
    "words", ["着火了", "有人晕倒了不省人事", "车祸，有人受伤流血", "煤气泄漏", "有人要跳楼"]
)
def test_danger_is_the_gates_and_not_a_matter_of_numbers(words: str) -> None:
    assert danger(words)


async def test_words_about_an_open_case_are_not_sent_elsewhere(door: Door, runtime: Runtime) -> None:
    await door.say("半夜唱歌太吵")
    await door.stand()
    said = await door.say("就在路灯下面")

    [case] = await rows(runtime, "SELECT number FROM cases")
    assert "12345" not in said
    assert case.number in said


async def test_online_fraud_hears_of_96110_before_anything_else_and_needs_no_place(
    door: Door, runtime: Runtime
) -> None:
    offered = await door.click("report")
    asked = await door.tap(offered, "网络诈骗")
    opened = await door.say("他让我转账五千")

    [case] = await rows(runtime, "SELECT handover_cause FROM cases")
    assert "96110" in asked
    assert case.handover_cause == "no_scene"
    assert opened.index("96110") < opened.index("编号")


def test_words_of_nobody_belong_nowhere() -> None:
    assert elsewhere_of("半夜唱歌太吵") is None
