"""Template messages of the account: who gets them, what becomes of them, repeats, two at once."""

import asyncio
from typing import Any

from tests.simulator.account import WeChat

KEYS = {"character_string1": "编号", "thing2": "进度"}
DATA = {"character_string1": {"value": "AJ1"}, "thing2": {"value": "已受理"}}


async def template(wechat: WeChat) -> None:
    await wechat.control("templates", {"template_id": "T1", "title": "进度提醒", "keys": KEYS})


async def send(wechat: WeChat, user: dict[str, Any], **more: Any) -> dict[str, Any]:
    posted = {"touser": user["openid"], "template_id": "T1", "data": DATA, **more}
    told: dict[str, Any] = await wechat.post("message/template/send", posted)
    return told


def ends(wechat: WeChat) -> list[tuple[str | None, str | None]]:
    """The events of the end of a template message: MsgID and Status."""
    return [(m.findtext("MsgID"), m.findtext("Status")) for m in wechat.receiver.messages]


async def test_it_is_shown_and_its_end_is_told_later(wechat: WeChat) -> None:
    await template(wechat)
    user = await wechat.user()

    told = await send(wechat, user, url="https://example.org/case")
    await wechat.control("settle")

    assert ends(wechat) == [(str(told["msgid"]), "success")]
    [entry] = await wechat.seen(user)
    assert entry["channel"] == "template"
    assert entry["body"]["title"] == "进度提醒"
    assert entry["body"]["rows"] == [{"label": "编号", "value": "AJ1"}, {"label": "进度", "value": "已受理"}]


async def test_who_blocks_it_sees_nothing_and_only_the_event_says_so(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/template-failure", {"status": "failed:user block"})

    told = await send(wechat, user)
    await wechat.control("settle")

    assert told["errcode"] == 0
    assert ends(wechat) == [(str(told["msgid"]), "failed:user block")]
    assert await wechat.seen(user) == []


async def test_a_stranger_a_template_and_a_value_are_checked(wechat: WeChat) -> None:
    await template(wechat)
    stranger, user = await wechat.user(following=False), await wechat.user()

    assert (await send(wechat, stranger))["errcode"] == 43004
    assert (await send(wechat, {"openid": "nobody"}))["errcode"] == 40003
    assert (await send(wechat, user, template_id="T2"))["errcode"] == 40037
    long = await send(wechat, user, data=DATA | {"thing2": {"value": "长" * 21}})
    assert (long["errcode"], "data.thing2.value" in long["errmsg"]) == (47003, True)
    assert (await send(wechat, user, miniprogram={"appid": "wx0", "pagepath": "p"}))["errcode"] == 40013


async def test_a_repeat_within_ten_minutes_is_not_sent_again(wechat: WeChat) -> None:
    user = await wechat.user()

    first = await send(wechat, user, client_msg_id="case-1")
    again = await send(wechat, user, client_msg_id="case-1")
    await wechat.advance(601)
    later = await send(wechat, user, client_msg_id="case-1")

    assert (again["errcode"], again["msgid"]) == (45065, first["msgid"])
    assert later["errcode"] == 0
    assert len(await wechat.seen(user)) == 2
    assert (await send(wechat, user, client_msg_id="x" * 33))["errcode"] == 40035


async def test_two_at_once_to_one_person_are_one_too_many(wechat: WeChat) -> None:
    user, other = await wechat.user(), await wechat.user()
    fault = {"path": "/cgi-bin/message/template/send", "latency_s": 0.1, "times": 3}
    await wechat.control("faults/api", fault)

    told = await asyncio.gather(send(wechat, user), send(wechat, user), send(wechat, other))

    assert sorted(one["errcode"] for one in told) == [0, 0, 43108]
    assert told[2]["errcode"] == 0


async def test_the_list_writes_keys_as_wechat_does(wechat: WeChat) -> None:
    await template(wechat)

    [one] = (await wechat.get("template/get_all_private_template")).json()["template_list"]

    assert one["content"] == "编号:{{character_string1.DATA}}\n进度:{{thing2.DATA}}"
