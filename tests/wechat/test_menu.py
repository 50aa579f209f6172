"""The account's menus and tag against the simulated WeChat, and codes with scenes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from app.cli import wechat as cli_wechat
from app.events.edge import transaction
from app.kit.errors import Invalid
from app.kit.runtime import Runtime
from app.people.identity import add_openid, note_following
from app.people.officers import suspend
from simulator.main import create_simulator
from tests.factories import Made, Make
from tests.simulator.account import Receiver, WeChat, make_config
from tests.test_cli import Didi
from wechat import menu
from wechat.client import WeChatClient, official_client, open_http
from wechat.conversation import MenuKey
from wechat.errors import WeChatRefused
from wechat.menu import Menus, MenuUnfit
from wechat.menu_table import EVERYBODY, OFFICERS, OFFICERS_TAG
from wechat.officer_words import Word
from wechat.scenes import create_code, scene_of
from wechat.tags import OfficersTag, tag_named

BASE = "http://wechat.test"
BUTTON = {"type": "click", "name": "一", "key": "k"}


@pytest.fixture
def transport() -> httpx.ASGITransport:
    return httpx.ASGITransport(create_simulator(make_config(callback_url="http://nobody.test/")))


@pytest.fixture
async def wechat(transport: httpx.ASGITransport) -> AsyncIterator[WeChat]:
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        yield WeChat(http, Receiver())


@pytest.fixture
async def client(runtime: Runtime, transport: httpx.ASGITransport) -> AsyncIterator[WeChatClient]:
    async with open_http(BASE, transport=transport) as http:
        yield official_client(runtime, http)


def clicks(buttons: Any) -> list[str]:
    below = [sub for button in buttons for sub in button.get("sub_button", [])]
    return [button["key"] for button in [*buttons, *below] if "key" in button]


def test_what_is_kept_here_fits_wechat() -> None:
    assert menu.faults_of(menu.WANTED) == []


def test_every_key_is_answered_by_the_chat() -> None:
    answered = {*map(str, MenuKey), "ask", *(f"officer.{w}" for w in Word)}

    assert {*clicks(EVERYBODY), *clicks(OFFICERS)} <= answered


@pytest.mark.parametrize(
    ("buttons", "fault"),
    [
        ([], "0 buttons"),
        ([BUTTON] * 4, "4 buttons"),
        ([{"name": "多", "sub_button": [BUTTON] * 6}], "6 buttons below"),
        ([BUTTON | {"name": "六个汉字太长"}], "18 bytes"),
        ([{"name": "多", "sub_button": [BUTTON | {"name": "字" * 21}]}], "63 bytes"),
        ([BUTTON | {"key": "k" * 129}], "key of 129 bytes"),
        ([{"type": "view", "name": "页", "url": f"https://x/{'a' * 1020}"}], "url of 1030 bytes"),
        ([{"type": "fly", "name": "飞"}], "no type 'fly'"),
        ([{"name": "多", "sub_button": [BUTTON | {"sub_button": [BUTTON]}]}], "third level"),
        ([{"type": "click", "name": "无"}], "key of 0 bytes"),
    ],
)
async def test_a_menu_that_wechat_would_refuse_is_not_sent(
    client: WeChatClient, wechat: WeChat, buttons: list[Any], fault: str
) -> None:
    with pytest.raises(MenuUnfit, match=fault):
        await menu.push(client, Menus(buttons, {}))

    assert await client.get_menu() is None


async def test_push_brings_both_menus_and_then_there_is_nothing_to_do(client: WeChatClient) -> None:
    before = menu.difference((await menu.live(client)).menus, menu.WANTED)
    changed = await menu.push(client)
    again = await menu.push(client)

    assert changed == before
    assert any("一键报警" in line for line in changed)
    assert again == []
    assert (await menu.live(client)).menus == menu.WANTED


async def test_a_change_takes_the_old_menu_of_officers_away_and_strangers_too(client: WeChatClient) -> None:
    await menu.push(client)
    stranger = {"button": [BUTTON], "matchrule": {"client_platform_type": "1"}}
    await client.call("menu_addconditional", "POST", "/cgi-bin/menu/addconditional", json=stranger)
    want = Menus(EVERYBODY, {OFFICERS_TAG: [BUTTON]})

    lines = await menu.push(client, want)

    assert (await menu.live(client)).menus == want
    assert any(line.startswith("- menu ") for line in lines)
    assert f"+ {OFFICERS_TAG} 1: 一 type=click key=k" in lines


async def test_an_officer_sees_theirs_from_the_binding_to_the_suspension(
    runtime: Runtime, make: Make, client: WeChatClient, wechat: WeChat
) -> None:
    await menu.push(client)
    user = await wechat.user(id="officer", name="王小明")
    officer = await make.officer()
    job = OfficersTag(runtime, client)
    shown = [await keys_of(client, user)]

    async with transaction(runtime) as db:
        app_id = runtime.settings.wechat_app_id
        await add_openid(db, runtime, person_id=officer.id, app_id=app_id, openid=openid_of(user))
    counts = [await job(), await job()]
    shown.append(await keys_of(client, user))
    async with transaction(runtime) as db:
        await suspend(db, officer.id, by=None)
    counts.append(await job())
    shown.append(await keys_of(client, user))

    assert counts == [1, 0, 1]
    assert ["officer.take" in keys for keys in shown] == [False, True, False]


async def test_who_left_keeps_nobody_from_the_tag(
    runtime: Runtime, make: Make, client: WeChatClient, wechat: WeChat
) -> None:
    users = [await wechat.user(id=f"officer-{n}", name="王") for n in range(2)]
    officers = [await make.officer() for _ in users]
    async with transaction(runtime) as db:
        for officer, user in zip(officers, users, strict=True):
            app_id = runtime.settings.wechat_app_id
            await add_openid(db, runtime, person_id=officer.id, app_id=app_id, openid=openid_of(user))
    await wechat.control(f"users/{users[0]['id']}/unfollow")

    first = await OfficersTag(runtime, client)()
    async with transaction(runtime) as db:
        await note_following(db, officers[0].id, follows=False)
    second = await OfficersTag(runtime, client)()

    tag = await tag_named(client, OFFICERS_TAG)
    found = await client.call(
        "user_tag_get", "POST", "/cgi-bin/user/tag/get", json={"tagid": tag.id if tag else 0}
    )
    assert (first, second) == (1, 0)
    assert found["data"]["openid"] == [openid_of(users[1])]


async def test_a_code_leads_to_its_scene(client: WeChatClient, wechat: WeChat) -> None:
    lasting = await create_code(client, scene_of("station", "S1"))
    brief = await create_code(client, scene_of("task", "17"), lasts_s=86_400)

    assert lasting.startswith("http")
    assert lasting != brief


@pytest.mark.parametrize(
    ("kind", "name"), [("station", ""), ("desk", "S1"), ("station", "a b"), ("task", "x" * 60)]
)
def test_a_scene_that_wechat_cannot_carry_is_refused(kind: str, name: str) -> None:
    with pytest.raises(Invalid, match="a code is for"):
        scene_of(kind, name)


class Typed:
    """`didi wechat`, its calls led to the simulator."""

    def __init__(self, runtime: Runtime, transport: httpx.ASGITransport) -> None:
        self._didi, self._transport = Didi(runtime), transport

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        def led(base: str) -> httpx.AsyncClient:
            return open_http(base, transport=self._transport)

        with mock.patch.object(cli_wechat, "open_http", led):
            return await self._didi("wechat", *words)


@pytest.fixture
def typed(runtime: Runtime, transport: httpx.ASGITransport) -> Typed:
    return Typed(runtime, transport)


async def test_the_command_says_what_differs_and_by_its_exit_code(typed: Typed) -> None:
    differs = await typed("menu", "diff")
    pushed = await typed("menu", "push", "--json")
    same = await typed("menu", "diff", "--json")
    again = await typed("menu", "push")
    live = await typed("menu", "show", "--live", "--json")
    kept = await typed("menu", "show", "--json")

    assert (differs[0], pushed[0], same[0], again[0]) == (1, 0, 0, 0)
    assert "+ everybody 1: 一键报警" in differs[1]
    assert json.loads(same[1]) == {"differs": [], "faults": []}
    assert "Nothing to do" in again[1]
    assert json.loads(live[1]) == json.loads(kept[1])


async def test_a_refusal_of_wechat_is_one_line_and_exit_code_1(typed: Typed) -> None:
    refused = WeChatRefused("menu_get", 48001, rid=None, hint=None)

    with mock.patch.object(menu, "live", side_effect=refused):
        code, out, err = await typed("menu", "diff")

    assert (code, out) == (1, "")
    assert "48001" in err
    assert "Traceback" not in err


async def test_codes_are_drawn_into_files(typed: Typed, make: Make, tmp_path: Path) -> None:
    station: Made = await make.station(code="S1")
    officer = await make.officer(station=station)

    drawn = [
        await typed("qr", kind, name, "--out", str(tmp_path / kind), "--json")
        for kind, name in (("station", "S1"), ("officer", officer.badge), ("task", "17"))
    ]
    unknown = await typed("qr", "station", "S9", "--out", str(tmp_path / "none"))

    assert [json.loads(out)["scene"] for _, out, _ in drawn] == [
        "station.S1",
        f"officer.{officer.id}",
        "task.17",
    ]
    assert all((tmp_path / k).read_bytes().startswith(b"\x89PNG") for k in ("station", "officer", "task"))
    assert unknown[0] == 1
    assert "S9" in unknown[2]


async def keys_of(client: WeChatClient, user: dict[str, Any]) -> list[str]:
    """The keys of the menu that this person sees."""
    asked = {"user_id": openid_of(user)}
    found = await client.call("menu_trymatch", "POST", "/cgi-bin/menu/trymatch", json=asked)
    return clicks(found["menu"]["button"])


def openid_of(user: dict[str, Any]) -> str:
    return str(user["openid"])
