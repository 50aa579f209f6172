"""Customer-service messages: windows, counts, forms; typing."""

import json
from typing import Any

import pytest

from tests.simulator.account import MP, WeChat


async def send(wechat: WeChat, user: dict[str, Any], text: str = "您好") -> int:
    told = await wechat.post(
        "message/custom/send", {"touser": user["openid"], "msgtype": "text", "text": {"content": text}}
    )
    return int(told["errcode"])


async def test_a_message_allows_five_within_48_hours(wechat: WeChat) -> None:
    user = await wechat.user()
    assert await send(wechat, user) == 45015

    await wechat.say(user)
    codes = [await send(wechat, user) for _ in range(6)]

    assert codes == [0] * 5 + [45047]
    assert [one["channel"] for one in await wechat.seen(user)] == ["own"] + ["custom"] * 5


async def test_the_window_of_a_message_ends_after_48_hours(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    await wechat.advance(48 * 3600 - 2)
    assert await send(wechat, user) == 0
    await wechat.advance(3)
    assert await send(wechat, user) == 45015


async def test_a_new_message_fills_up_and_does_not_add_up(wechat: WeChat) -> None:
    user = await wechat.user()
    for _ in range(3):
        await wechat.say(user)

    assert [await send(wechat, user) for _ in range(6)] == [0] * 5 + [45047]
    await wechat.say(user)
    assert await send(wechat, user) == 0


@pytest.mark.parametrize("act", ["click", "follow", "scan", "menu item"])
async def test_a_click_a_follow_and_a_scan_allow_three_within_a_minute(wechat: WeChat, act: str) -> None:
    user = await wechat.user(following=act != "follow")
    base = f"users/{user['id']}"
    acts: dict[str, tuple[str, dict[str, Any]]] = {
        "click": (f"{base}/send", {"kind": "click", "key": "K"}),
        "follow": (f"{base}/follow", {}),
        "scan": (f"{base}/scan", {"scene": "1"}),
        "menu item": (f"{base}/send", {"kind": "text", "text": "满意", "menu_id": "1"}),
    }
    path, body = acts[act]

    await wechat.control(path, body)
    assert [await send(wechat, user) for _ in range(4)] == [0, 0, 0, 45047]
    await wechat.control(path, body)
    await wechat.advance(61)
    assert await send(wechat, user) == 45015


async def test_opening_a_page_by_the_menu_allows_nothing(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/send", {"kind": "view", "target": "https://example.org/"})

    assert await send(wechat, user) == 45015


async def test_a_click_does_not_close_the_window_of_a_message(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    await wechat.control(f"users/{user['id']}/send", {"kind": "click", "key": "K"})

    assert [await send(wechat, user) for _ in range(4)] == [0] * 4
    await wechat.advance(61)
    assert [await send(wechat, user) for _ in range(2)] == [0, 45047]


async def test_nothing_reaches_who_unfollowed(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    await wechat.control(f"users/{user['id']}/unfollow")
    assert await send(wechat, user) == 43004

    # Following again opens the short window, not the old one.
    await wechat.control(f"users/{user['id']}/follow")
    assert [await send(wechat, user) for _ in range(4)] == [0, 0, 0, 45047]


async def test_a_refused_message_spends_nothing(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)

    assert await send(wechat, user, "") == 44004
    assert (await wechat.control(f"users/{user['id']}", method="GET"))["messages_left"] == 5


async def test_there_is_no_key_to_recognise_a_repeat(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    posted = {"touser": user["openid"], "msgtype": "text", "text": {"content": "一"}, "client_msg_id": "same"}

    for _ in range(2):
        assert (await wechat.post("message/custom/send", posted))["errcode"] == 0

    assert [one["body"]["text"] for one in await wechat.seen(user)] == ["你好", "一", "一"]


async def test_the_other_accounts_openid_is_wrong(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    posted = {"touser": user["openid"], "msgtype": "text", "text": {"content": "x"}}

    assert (await wechat.post("message/custom/send", posted, app_id=MP))["errcode"] == 40003
    assert (await wechat.post("message/custom/send", posted | {"touser": user["mp_openid"]}))[
        "errcode"
    ] == 40003


PAGE = {"title": "案件", "appid": MP, "pagepath": "pages/case?id=1"}
MENU = {"head_content": "满意吗", "list": [{"id": "1", "content": "满意"}], "tail_content": ""}
NEWS = {"title": "标题", "description": "说明", "url": "https://example.org/", "picurl": ""}


@pytest.mark.parametrize(
    ("kind", "content", "errcode"),
    [
        ("text", {"content": "长" * 683}, 45002),
        ("text", {}, 44004),
        ("text", "words", 40035),
        ("image", {"media_id": "unknown"}, 40007),
        ("image", {}, 41006),
        ("news", {"articles": [NEWS]}, 0),
        ("news", {"articles": [NEWS, NEWS]}, 45008),
        ("news", {"articles": [NEWS | {"title": ""}]}, 40035),
        ("msgmenu", MENU, 0),
        ("msgmenu", MENU | {"list": []}, 40035),
        ("msgmenu", MENU | {"list": [{"id": 1, "content": "满意"}]}, 40035),
        ("miniprogrampage", PAGE | {"thumb_media_id": "unknown"}, 40007),
        ("miniprogrampage", PAGE | {"appid": "wxstranger"}, 40013),
        ("link", {"title": "t", "url": "u"}, 40008),
        ("song", {}, 40008),
    ],
)
async def test_each_kind_is_checked(wechat: WeChat, kind: str, content: Any, errcode: int) -> None:
    user = await wechat.user()
    await wechat.say(user)

    told = await wechat.post(
        "message/custom/send", {"touser": user["openid"], "msgtype": kind, kind: content}
    )

    assert told["errcode"] == errcode, told
    assert errcode == 0 or " rid: " in told["errmsg"]


@pytest.mark.parametrize(("body", "errcode"), [(b"", 44002), (b"{", 47001), (b"[]", 47001), (b"\xff", 47001)])
async def test_a_body_that_is_no_object_has_its_code(wechat: WeChat, body: bytes, errcode: int) -> None:
    params = {"access_token": await wechat.token()}

    answer = await wechat.http.post("/cgi-bin/message/custom/send", params=params, content=body)

    assert answer.json()["errcode"] == errcode


async def test_escaped_letters_arrive_as_they_are_and_are_flagged(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    posted = {"touser": user["openid"], "msgtype": "text", "text": {"content": '你好\n"\\u4f60" \x01'}}
    params = {"access_token": await wechat.token()}

    for ascii_only in (False, True):
        content = json.dumps(posted, ensure_ascii=ascii_only).encode()
        answer = await wechat.http.post("/cgi-bin/message/custom/send", params=params, content=content)
        assert answer.json()["errcode"] == 0

    right, literal = [one["body"]["text"] for one in await wechat.seen(user, after=1)]
    assert right == '你好\n"\\u4f60" \x01'
    assert literal == '\\u4f60\\u597d\n"\\u4f60" \x01'
    assert (await wechat.control("log", method="GET"))["flags"] == {"escaped_json": 1}


async def test_typing_needs_a_message_of_the_last_30_seconds(wechat: WeChat) -> None:
    user = await wechat.user()

    async def typing(command: str = "Typing") -> int:
        posted = {"touser": user["openid"], "command": command}
        return int((await wechat.post("message/custom/typing", posted))["errcode"])

    assert await typing() == 45080
    await wechat.say(user)
    assert [await typing("Sing"), await typing(), await typing()] == [45072, 0, 45081]
    assert [await typing("CancelTyping"), await typing()] == [0, 0]
    await wechat.advance(31)
    assert await typing() == 45080
