"""What a citizen does by chat alone, on the simulator's page, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from app.stations.registry import forget_stations
from simulator.main import create_simulator
from tests.browser.chromium import Browser
from tests.browser.fixtures import Picture
from tests.browser.phones import handset, listening, photo
from tests.factories import CENTRE
from tests.simulator.account import make_config
from tests.walks.browser.conftest import Hand
from tests.walks.world import World
from wechat import replies

pytestmark = pytest.mark.slow
AT = (CENTRE.lat, CENTRE.lng)
OUTSIDE = (32.0500, 118.8900)


async def station_takes(world: World, categories: list[dict[str, Any]]) -> None:
    """Other categories at the station, known to everybody at once."""
    taken = {"categories": categories}
    await world.run(
        "UPDATE stations SET settings = CAST(:s AS jsonb) WHERE id = :id", s=taken, id=world.station.id
    )
    forget_stations(world.runtime)


async def test_a_stolen_bicycle_with_two_photos_and_a_place_in_four_messages(
    world: World, hand: Hand, picture: Picture, tmp_path: Path
) -> None:
    await world.officer()
    phone = await hand("李雷")

    await phone.say("我的电动车被偷了，黑色，车牌尾号 28")
    await phone.show(photo(tmp_path / "a.jpg"), photo(tmp_path / "b.jpg", night=True))
    opened = await phone.stand(*AT, "珠江路88号")
    await world.settle()
    await picture(phone.page, "chat-stolen-bicycle")

    case = await world.newest_case()
    assert await phone.sent() == 4
    assert case.number in opened
    [row] = await world.rows("SELECT category, state FROM cases")
    assert (row.category, row.state) == ("stolen_property", "open")  # offered nearby: the place came in time
    held = await world.rows("SELECT kind FROM media WHERE case_id = :id", id=case.id)
    assert [one.kind for one in held] == ["image", "image"]


async def test_a_missing_person_with_a_voice_in_silent_mode(
    world: World, hand: Hand, picture: Picture
) -> None:
    await world.officer()
    phone = await hand("韩梅梅")

    silent = await phone.say("不方便说话")
    await phone.say("我妈妈走失了，78岁，穿红色外套")
    await phone.speak()
    opened = await phone.stand(*AT)
    await world.settle()
    await picture(phone.page, "chat-missing-silent")

    case = await world.newest_case()
    [row] = await world.rows("SELECT category FROM cases WHERE id = :id", id=case.id)
    assert row.category == "missing_person"
    assert replies.SILENT_12110.zh in silent
    assert case.number in opened
    assert [m.kind for m in await world.rows("SELECT kind FROM media WHERE case_id = :id", id=case.id)] == [
        "voice"
    ]


async def test_noise_outside_hours_goes_to_the_desk(world: World, hand: Hand) -> None:
    never = [{"start": "03:00", "end": "03:01", "days": [1]}]
    noise = {"key": "noise", "zh": "噪音", "en": "Noise", "words": ["吵"], "hours": never}
    others = [
        {"key": "missing_person", "zh": "走失", "en": "Missing"},
        {"key": "other", "zh": "其他", "en": "Other"},
    ]
    await station_takes(world, [noise, *others])
    phone = await hand("王小明")

    await phone.say("楼上半夜唱歌太吵了")
    opened = await phone.stand(*AT)
    await world.settle()

    case = await world.newest_case()
    [row] = await world.rows("SELECT state, handover_cause FROM cases WHERE id = :id", id=case.id)
    assert (row.state, row.handover_cause) == ("handed_over", "out_of_hours")
    assert "时段" in opened


async def test_what_others_reported_is_me_too_and_no_case(world: World, hand: Hand, picture: Picture) -> None:
    for _ in range(3):
        await world.reports(await world.neighbour())
    phone = await hand("孙丽")

    await phone.say("半夜唱歌太吵")
    asked = await phone.stand(*AT)
    counted = await phone.tap("我也遇到")
    await picture(phone.page, "chat-me-too")

    assert "我的是另一件" in asked
    assert "已计入" in counted
    assert len(await world.rows("SELECT 1 FROM cases")) == 3


async def test_outside_the_area_it_is_forwarded_and_said_where(world: World, hand: Hand) -> None:
    phone = await hand("赵一")

    await phone.say("半夜唱歌太吵")
    opened = await phone.stand(*OUTSIDE)

    case = await world.newest_case()
    [row] = await world.rows("SELECT handover_cause FROM cases WHERE id = :id", id=case.id)
    assert row.handover_cause == "forwarded"
    assert str(world.command.facts["code"]) in opened


async def test_in_english(world: World, hand: Hand, picture: Picture) -> None:
    await world.officer()
    phone = await hand("Ann")
    await phone.page.run("document.querySelector('#language').click()")  # the page's own words too

    first = await phone.say("My bag was stolen on the metro")
    opened = await phone.stand(*AT, "Zhujiang Road")
    status = await phone.say("status")
    await world.settle()
    await picture(phone.page, "chat-english")

    case = await world.newest_case()
    assert case.number in opened
    assert case.number in status
    for words in (first, opened, status):
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in words.replace("派出所", "")), words


async def test_danger_with_both_stores_down(browser: Browser, settings: Settings, picture: Picture) -> None:
    gone = {"database_url": "postgresql://nobody@127.0.0.1:9/none", "valkey_url": "redis://127.0.0.1:9/0"}
    app = create_app(settings.model_copy(update=gone))
    simulator = create_simulator(
        make_config(callback_url="http://account.test/wechat/callback"),
        callback_transport=httpx.ASGITransport(app),
    )
    async with app.router.lifespan_context(app), listening(simulator) as address:
        async with httpx.AsyncClient(base_url=address) as control:
            await control.post("/__wechat__/users", json={"id": "neighbour", "name": "李雷"})
        phone = await handset(browser, address, "neighbour")

        danger, everyday = await phone.say("他有刀"), await phone.say("半夜唱歌太吵")
        await picture(phone.page, "chat-stores-down")
        await phone.page.close()

    assert "110" in danger
    assert "编号" not in everyday
    assert "110" in everyday
