"""Every event WeChat pushes, in XML and in JSON; messages of unknown kinds; messages that overtake one another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.config import Form, Mode
from simulator.crypto import decrypt
from tests.simulator.account import AES_KEY, MP, Receiver, WeChat, connect

MP_URL = "http://account.test/wechat/mp"


async def acted(wechat: WeChat, path: str, **body: Any) -> Any:
    """An act of a person; what was pushed last, in the clear."""
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/{path}", body)
    return wechat.receiver.messages[-1] if wechat.receiver.messages else None


@pytest.mark.parametrize(
    ("body", "event", "field", "value"),
    [
        (
            {"kind": "scancode_waitmsg", "key": "S", "result": "x"},
            "scancode_waitmsg",
            "ScanCodeInfo/ScanResult",
            "x",
        ),
        ({"kind": "pic_sysphoto", "key": "P", "count": 0}, "pic_sysphoto", "SendPicsInfo/Count", "0"),
        ({"kind": "view", "target": "https://a.test"}, "VIEW", "EventKey", "https://a.test"),
        ({"kind": "position", "lat": 32.0, "lng": 118.8}, "LOCATION", "Precision", "30.000000"),
        ({"kind": "event", "name": "something_new", "fields": {"A": "b"}}, "something_new", "A", "b"),
    ],
)
async def test_what_is_tapped_is_pushed(
    wechat: WeChat, body: Any, event: str, field: str, value: str
) -> None:
    pushed = await acted(wechat, "send", **body)

    assert (pushed.findtext("Event"), pushed.findtext(field)) == (event, value)
    assert pushed.find("MsgId") is None


async def test_a_place_and_pictures_follow_their_buttons_as_messages(wechat: WeChat) -> None:
    user = await wechat.user()
    place = {
        "kind": "location_select",
        "key": "L",
        "lat": 32.06,
        "lng": 118.8,
        "datum": "wgs84",
        "label": "here",
    }
    await wechat.control(f"users/{user['id']}/send", place)
    await wechat.control(f"users/{user['id']}/send", {"kind": "pic_weixin", "key": "P", "count": 2})

    kinds = [m.findtext("Event") or m.findtext("MsgType") for m in wechat.receiver.messages]
    assert kinds == ["location_select", "location", "pic_weixin", "image", "image"]
    chosen = wechat.receiver.messages[0].findtext("SendLocationInfo/Location_X")
    assert chosen == wechat.receiver.messages[1].findtext("Location_X")


async def test_unknown_and_rare_messages(wechat: WeChat) -> None:
    card = await acted(wechat, "send", kind="miniprogrampage", title="案件", page="pages/case")
    strange = await acted(wechat, "send", kind="anything", msg_type="hologram", fields={"Depth": 3})

    assert (card.findtext("AppId"), card.findtext("PagePath")) == (MP, "pages/case")
    assert (strange.findtext("MsgType"), strange.findtext("Depth")) == ("hologram", "3")
    assert strange.findtext("MsgId")


async def test_an_authorisation_is_revoked(wechat: WeChat) -> None:
    pushed = await acted(wechat, "revoke", info="2")

    assert (pushed.findtext("Event"), pushed.findtext("RevokeInfo")) == ("user_authorization_revoke", "2")


async def test_consents_are_pushed_in_xml_and_change_what_may_be_sent(wechat: WeChat) -> None:
    user = await wechat.user()
    base = f"users/{user['id']}"
    choices = {"account": "official_account", "choices": {"T1": True, "T2": False}}
    await wechat.control(f"{base}/popup", choices)
    notice = {"touser": user["openid"], "template_id": "T1", "data": {"thing1": {"value": "好"}}}
    told = await wechat.post("message/subscribe/bizsend", notice)
    await wechat.control("settle")
    await wechat.control(f"{base}/turn-off", {"account": "official_account", "template_ids": ["T1"]})

    popup, sent, changed = wechat.receiver.messages
    items = popup.findall("SubscribeMsgPopupEvent/List")
    assert [one.findtext("SubscribeStatusString") for one in items] == ["accept", "reject"]
    assert sent.findtext("SubscribeMsgSentEvent/List/MsgID") == str(told["msgid"])
    assert sent.findtext("SubscribeMsgSentEvent/List/ErrorStatus") == "success"
    assert changed.findtext("SubscribeMsgChangeEvent/List/SubscribeStatusString") == "reject"
    assert (await wechat.post("message/subscribe/bizsend", notice))["errcode"] == 43101


async def test_the_mini_program_is_pushed_to_in_json_with_the_list_at_the_top() -> None:
    wechat = connect(Receiver(), mp_callback_url=MP_URL, mp_form=Form.JSON)
    user = await wechat.user()
    told = await wechat.control(f"users/{user['id']}/popup", {"choices": {"T1": True}})

    envelope = json.loads(wechat.receiver.bodies[-1])
    clear = json.loads(decrypt(envelope["Encrypt"], aes_key=AES_KEY, app_id=MP))
    assert told["problem"] is None
    assert clear["Event"] == "subscribe_msg_popup_event"
    assert clear["FromUserName"] == user["mp_openid"]
    assert clear["List"] == [{"TemplateId": "T1", "SubscribeStatusString": "accept", "PopupScene": "0"}]


async def test_the_mini_programs_chat_opens_windows_of_its_own() -> None:
    wechat = connect(Receiver(), mp_callback_url=MP_URL)
    user = await wechat.user()
    words = {"touser": user["mp_openid"], "msgtype": "text", "text": {"content": "好"}}

    async def codes(count: int) -> list[int]:
        return [(await wechat.post("message/custom/send", words, app_id=MP))["errcode"] for _ in range(count)]

    assert await codes(1) == [45015]
    await wechat.control(f"users/{user['id']}/mini-program-chat", {})
    assert await codes(3) == [0, 0, 45047]
    await wechat.control(f"users/{user['id']}/mini-program-chat", {"text": "你好"})
    assert await codes(6) == [0] * 5 + [45047]


async def test_without_an_address_the_mini_programs_pushes_stay_here(wechat: WeChat) -> None:
    user = await wechat.user()

    told = await wechat.control(f"users/{user['id']}/popup", {"choices": {"T1": True}})

    assert "mp_callback_url" in told["problem"]
    assert wechat.receiver.bodies == []


async def test_a_message_that_is_overtaken_arrives_after_the_next(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.control("faults/callbacks", {"kind": "overtaken", "push": "text", "copies": 2})

    held = await wechat.say(user, "first")
    await wechat.say(user, "second")
    await wechat.say(user, "third")
    await wechat.control("settle")

    assert held["attempts"] == []
    assert [m.findtext("Content") for m in wechat.receiver.messages] == ["second", "third", "first"]


@pytest.mark.parametrize("answer_in", [Mode.PLAIN, Mode.SECURE])
async def test_in_compatible_mode_both_are_sent_and_either_is_taken(answer_in: Mode) -> None:
    receiver = Receiver(mode=answer_in)
    receiver.reply("收到")
    wechat = connect(receiver, mode=Mode.COMPATIBLE)

    told = await wechat.say(await wechat.user(), "你好")

    body = receiver.bodies[-1]
    assert b"<Content><![CDATA[" in body
    assert b"<Encrypt>" in body
    assert told["text"] == "收到"


async def test_the_journal_has_pushes_and_answers_in_the_clear(wechat: WeChat) -> None:
    wechat.receiver.reply("收到")
    await wechat.say(await wechat.user(), "你好")
    await wechat.get("ticket/getticket", type="jsapi")

    [pushed] = await wechat.log("callback")
    assert "你好" in pushed["sent"]
    assert "收到" in pushed["answer"]
    asked = (await wechat.log("api"))[-1]
    assert asked["answer"]["ticket"] == "***"
