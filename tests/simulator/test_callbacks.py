"""Pushing to the account: form, signatures, repeats, judging of replies, faults."""

import asyncio
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.parser import parse_message

from simulator.config import Mode
from simulator.crypto import signature
from tests.simulator.account import (
    AES_KEY,
    GH,
    MP,
    OA,
    TOKEN,
    Receiver,
    WeChat,
    connect,
    never,
    seal,
    text_reply,
)

UNAVAILABLE = "该公众号暂时无法提供服务，请稍后再试"


def read_by_wechatpy(receiver: Receiver, index: int = -1) -> Any:
    query, body = receiver.requests[index], receiver.bodies[index].decode()
    crypto = WeChatCrypto(TOKEN, AES_KEY, OA)
    return parse_message(
        crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    )


async def test_a_text_arrives_signed_twice_and_encrypted(wechat: WeChat) -> None:
    user = await wechat.user()

    told = await wechat.say(user, "你好 ]]> <b>&")

    query, message = wechat.receiver.requests[0], read_by_wechatpy(wechat.receiver)
    assert query["signature"] == signature(TOKEN, query["timestamp"], query["nonce"])
    assert (query["openid"], query["encrypt_type"]) == (user["openid"], "aes")
    assert "你好" not in wechat.receiver.bodies[0].decode()
    assert (message.type, message.content, message.source) == ("text", "你好 ]]> <b>&", user["openid"])
    assert (message.target, str(message.id)) == (GH, told["msg_id"])
    assert (told["shown"], told["text"], len(told["attempts"])) == ("nothing", None, 1)


async def test_in_plain_mode_the_same_travels_in_the_clear() -> None:
    wechat = connect(Receiver(Mode.PLAIN))
    user = await wechat.user()
    wechat.receiver.reply("收到")

    told = await wechat.say(user, "你好")

    assert "msg_signature" not in wechat.receiver.requests[0]
    assert "你好" in wechat.receiver.bodies[0].decode()
    assert told["text"] == "收到"


async def test_a_reply_is_seen_by_who_wrote(wechat: WeChat) -> None:
    user, other = await wechat.user(), await wechat.user()
    wechat.receiver.reply("收到")

    told = await wechat.say(user, "你好")

    seen = await wechat.seen(user)
    assert [(one["channel"], one["body"]["text"]) for one in seen] == [("own", "你好"), ("passive", "收到")]
    assert seen[1]["about"] == told["msg_id"]
    assert told["shown"] == "reply"
    assert await wechat.seen(other) == []


async def test_every_kind_of_message_is_understood_by_wechatpy(wechat: WeChat) -> None:
    user = await wechat.user()
    act = f"users/{user['id']}/send"

    await wechat.control(
        act, {"kind": "location", "lat": 32.05, "lng": 118.8, "datum": "gcj02", "label": "湖边"}
    )
    location = read_by_wechatpy(wechat.receiver)
    assert (float(location.location_x), float(location.location_y)) == (32.05, 118.8)
    assert (location.label, location.scale) == ("湖边", "16")

    await wechat.control(act, {"kind": "link", "title": "标题", "url": "https://example.org/"})
    assert read_by_wechatpy(wechat.receiver).url == "https://example.org/"

    for kind, content in (("image", b"\xff\xd8\xff."), ("voice", b"#!AMR\n."), ("video", b"\0\0\0 ftypisom")):
        await wechat.http.post(f"/__wechat__/users/{user['id']}/files?kind={kind}", content=content)
        message = read_by_wechatpy(wechat.receiver)
        assert message.type == kind
        assert message.media_id
    assert [str(one.findtext("MsgType")) for one in wechat.receiver.messages] == [
        "location",
        "link",
        "image",
        "voice",
        "video",
    ]


async def test_a_place_in_wgs84_arrives_as_gcj02(wechat: WeChat) -> None:
    user = await wechat.user()

    await wechat.control(
        f"users/{user['id']}/send",
        {"kind": "location", "lat": 31.2304, "lng": 121.4737, "datum": "wgs84"},
    )

    message = wechat.receiver.messages[0]
    assert (message.findtext("Location_X"), message.findtext("Location_Y")) == ("31.228458", "121.478223")
    told = (await wechat.seen(user))[0]["body"]
    assert told["wgs84"] == pytest.approx({"lat": 31.2304, "lng": 121.4737}, abs=1e-8)


async def test_a_place_needs_its_datum(wechat: WeChat) -> None:
    user = await wechat.user()

    answer = await wechat.http.post(
        f"/__wechat__/users/{user['id']}/send", json={"kind": "location", "lat": 1, "lng": 2}
    )

    assert answer.status_code == 422


async def test_every_event_is_understood_by_wechatpy(wechat: WeChat) -> None:
    user = await wechat.user(following=False)
    base = f"users/{user['id']}"

    await wechat.control(f"{base}/follow", {"scene": "7"})
    assert (read_by_wechatpy(wechat.receiver).event, read_by_wechatpy(wechat.receiver).scene_id) == (
        "subscribe_scan",
        "7",
    )
    await wechat.control(f"{base}/scan", {"scene": "8"})
    assert read_by_wechatpy(wechat.receiver).scene_id == "8"
    await wechat.control(f"{base}/send", {"kind": "click", "key": "STATUS"})
    assert read_by_wechatpy(wechat.receiver).key == "STATUS"
    await wechat.control(f"{base}/send", {"kind": "position", "lat": 32.1, "lng": 118.9})
    assert read_by_wechatpy(wechat.receiver).latitude == 32.1
    await wechat.control(f"{base}/unfollow")
    assert read_by_wechatpy(wechat.receiver).event == "unsubscribe"
    assert all(one.find("MsgId") is None for one in wechat.receiver.messages)


async def test_who_does_not_follow_cannot_write(wechat: WeChat) -> None:
    user = await wechat.user(following=False)

    answer = await wechat.http.post(
        f"/__wechat__/users/{user['id']}/send", json={"kind": "text", "text": "你好"}
    )

    assert answer.status_code == 409
    assert "follow" in answer.json()["detail"]
    assert wechat.receiver.requests == []


async def test_a_tap_on_a_menu_message_says_which_item(wechat: WeChat) -> None:
    user = await wechat.user()

    await wechat.say(user, "满意", menu_id="101")

    message = wechat.receiver.messages[0]
    assert (message.findtext("Content"), message.findtext("bizmsgmenuid")) == ("满意", "101")


# ---- repeats


async def test_no_answer_in_time_brings_the_same_message_three_times() -> None:
    wechat = connect(Receiver(), callback_timeout_s=0.05)

    async def hang(_message: ElementTree.Element) -> tuple[int, bytes]:
        await never()
        raise AssertionError

    wechat.receiver.answer = hang
    user = await wechat.user()

    told = await wechat.say(user)

    assert len(wechat.receiver.bodies) == len(told["attempts"]) == 3
    assert len({ElementTree.tostring(one) for one in wechat.receiver.messages}) == 1
    assert len({one["nonce"] for one in wechat.receiver.requests}) == 3
    assert told["shown"] == "unavailable"
    assert [one["body"].get("text") for one in await wechat.seen(user)] == ["你好", UNAVAILABLE]


async def test_an_error_is_repeated_until_an_answer_comes(wechat: WeChat) -> None:
    async def recover(message: ElementTree.Element) -> tuple[int, bytes]:
        if len(wechat.receiver.bodies) == 1:
            return 500, b"oops"
        return 200, seal(text_reply(message, "收到"))

    wechat.receiver.answer = recover
    user = await wechat.user()

    told = await wechat.say(user)

    assert [one["status"] for one in told["attempts"]] == [500, 200]
    assert told["text"] == "收到"


async def test_an_answer_is_not_asked_for_again(wechat: WeChat) -> None:
    user = await wechat.user()
    wechat.receiver.always(200, b"")

    told = await wechat.say(user)

    assert len(told["attempts"]) == 1
    assert told["shown"] == "nothing"


async def test_repeats_keep_their_pace() -> None:
    wechat = connect(Receiver(), callback_pace_s=0.1)
    wechat.receiver.always(500, b"")
    user = await wechat.user()
    loop = asyncio.get_running_loop()
    began = loop.time()

    await wechat.say(user)

    assert loop.time() - began >= 0.2


async def test_nobody_there_is_a_failure_too() -> None:
    class Nobody(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    wechat = connect(Receiver(), transport=Nobody())
    told = await wechat.say(await wechat.user())

    assert [one["problem"] for one in told["attempts"]] == ["ConnectError"] * 3
    assert told["shown"] == "unavailable"


async def test_message_ids_grow_and_survive_a_reset(wechat: WeChat) -> None:
    before = await wechat.say(await wechat.user())
    await wechat.control("reset")
    after = await wechat.say(await wechat.user())

    assert 0 < int(before["msg_id"]) < int(after["msg_id"]) < 2**63


# ---- judging


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda m: b'{"text": "json"}', "well-formed"),
        (lambda m: b"\xff\xfe", "UTF-8"),
        (lambda m: text_reply(m, "clear").encode(), "Encrypt"),
        (lambda m: seal(text_reply(m, "x"), signed_by="another_token"), "MsgSignature"),
        (lambda m: seal(text_reply(m, "x"), app_id=MP), "app id"),
        (lambda m: seal(text_reply(m, "x", sender="gh_other")), "FromUserName"),
        (lambda m: seal(text_reply(m, "")), "Content"),
        (lambda m: seal(text_reply(m, "长" * 683)), "2048"),
        (lambda m: seal("<xml><ToUserName>somebody</ToUserName></xml>"), "ToUserName"),
        (lambda m: b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>', "well-formed"),
    ],
)
async def test_a_malformed_answer_is_shown_as_unavailable_and_not_repeated(
    wechat: WeChat, make: Any, problem: str
) -> None:
    async def answer(message: ElementTree.Element) -> tuple[int, bytes]:
        return 200, make(message)

    wechat.receiver.answer = answer
    user = await wechat.user()

    told = await wechat.say(user)

    assert told["shown"] == "unavailable"
    assert problem in told["problem"]
    assert len(told["attempts"]) == 1
    assert (await wechat.seen(user))[-1]["body"]["text"] == UNAVAILABLE


async def test_a_position_may_only_be_acknowledged(wechat: WeChat) -> None:
    user = await wechat.user()
    wechat.receiver.reply("谢谢")

    told = await wechat.control(f"users/{user['id']}/send", {"kind": "position", "lat": 32.1, "lng": 118.9})

    assert told["shown"] == "nothing"
    assert "acknowledged" in told["problem"]
    assert await wechat.seen(user) == []


async def test_the_reply_of_wechatpy_is_accepted(wechat: WeChat) -> None:
    async def answer(message: ElementTree.Element) -> tuple[int, bytes]:
        crypto = WeChatCrypto(TOKEN, AES_KEY, OA)
        return 200, crypto.encrypt_message(text_reply(message, "收到"), "n0nce", "1714112445").encode()

    wechat.receiver.answer = answer

    assert (await wechat.say(await wechat.user()))["text"] == "收到"


async def test_the_address_is_verified_by_an_echo(wechat: WeChat) -> None:
    assert (await wechat.control("verify"))["ok"] is True
    assert set(wechat.receiver.requests[0]) == {"signature", "timestamp", "nonce", "echostr"}


# ---- faults


async def fault(wechat: WeChat, kind: str, **more: Any) -> None:
    await wechat.control("faults/callbacks", {"kind": kind, **more})


async def test_a_dropped_message_never_arrives_and_the_next_one_does(wechat: WeChat) -> None:
    user = await wechat.user()
    await fault(wechat, "drop")

    lost, found = await wechat.say(user), await wechat.say(user)

    assert lost["attempts"] == []
    assert lost["shown"] == "nothing"
    assert len(found["attempts"]) == len(wechat.receiver.bodies) == 1


async def test_a_duplicate_comes_after_the_answer_and_is_not_shown_twice(wechat: WeChat) -> None:
    user = await wechat.user()
    wechat.receiver.reply("收到")
    await fault(wechat, "duplicate", copies=2)

    await wechat.say(user)

    assert len({one.findtext("MsgId") for one in wechat.receiver.messages}) == 1
    assert len(wechat.receiver.bodies) == 3
    assert [one["channel"] for one in await wechat.seen(user)] == ["own", "passive"]


async def test_a_concurrent_repeat_comes_while_the_first_is_worked_on(wechat: WeChat) -> None:
    both = asyncio.Event()

    async def answer(message: ElementTree.Element) -> tuple[int, bytes]:
        number = len(wechat.receiver.bodies)
        if number == 2:
            both.set()
        await both.wait()
        return 200, seal(text_reply(message, f"第{number}次"))

    wechat.receiver.answer = answer
    user = await wechat.user()
    await fault(wechat, "concurrent")

    told = await wechat.say(user)

    assert told["text"] == "第2次"
    assert len(told["attempts"]) == 2
    assert len(await wechat.seen(user)) == 2


async def test_a_lost_answer_brings_the_message_again(wechat: WeChat) -> None:
    user = await wechat.user()
    wechat.receiver.reply("收到")
    await fault(wechat, "lose_answer", copies=2)

    told = await wechat.say(user)

    assert [one["status"] for one in told["attempts"]] == [None, None, 200]
    assert len({one.findtext("MsgId") for one in wechat.receiver.messages}) == 1
    assert told["text"] == "收到"


async def test_a_bad_signature_leaves_the_other_one_right(wechat: WeChat) -> None:
    await fault(wechat, "bad_signature")

    await wechat.say(await wechat.user())

    query = wechat.receiver.requests[0]
    sealed = ElementTree.fromstring(wechat.receiver.bodies[0]).findtext("Encrypt") or ""
    assert query["signature"] == signature(TOKEN, query["timestamp"], query["nonce"])
    assert query["msg_signature"] != signature(TOKEN, query["timestamp"], query["nonce"], sealed)


async def test_the_wrong_app_id_is_properly_signed(wechat: WeChat) -> None:
    await fault(wechat, "wrong_app_id")

    await wechat.say(await wechat.user())

    query, body = wechat.receiver.requests[0], wechat.receiver.bodies[0].decode()
    message = WeChatCrypto(TOKEN, AES_KEY, MP).decrypt_message(
        body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    assert "你好" in message


async def test_a_stale_message_is_properly_signed_and_old(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    await fault(wechat, "stale", age_s=900)
    await wechat.say(user)

    fresh, stale = (int(one["timestamp"]) for one in wechat.receiver.requests)
    assert 890 <= fresh - stale <= 900
    assert read_by_wechatpy(wechat.receiver).content == "你好"


async def test_an_oversize_message_is_long_and_otherwise_right(wechat: WeChat) -> None:
    await fault(wechat, "oversize", size_bytes=70_000)

    await wechat.say(await wechat.user())

    assert len(wechat.receiver.bodies[0]) > 70_000
    assert read_by_wechatpy(wechat.receiver).content == "你好"
