"""Pagers beside WeChat, and the phone in a pocket."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from simulator import pagers
from tests.simulator.account import WeChat

BADGE = "017342"
BODY = {"id": "page-1", "badge": BADGE, "station": "XW01", "words": "有新的任务"}


async def carrier(wechat: WeChat, *carries: str) -> dict[str, Any]:
    user = await wechat.user(id="officer")
    await wechat.control(f"users/{user['id']}/pagers", {"badge": BADGE, "carries": list(carries)})
    return user


async def phone(wechat: WeChat) -> Any:
    return await wechat.control("users/officer/phone", method="GET")


def signed(body: bytes, *, key: str = pagers.POLICE_APP_KEY, age_s: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age_s)
    digest = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Didi-Timestamp": stamp, "X-Didi-Signature": f"v1={digest}"}


async def page_app(wechat: WeChat, body: Any = BODY, **how: Any) -> int:
    raw = json.dumps(body).encode()
    answer = await wechat.http.post("/pagers/police-app", content=raw, headers=signed(raw, **how))
    return answer.status_code


async def test_the_police_app_takes_a_signed_page_once(wechat: WeChat) -> None:
    await carrier(wechat, "police_app")

    assert [await page_app(wechat), await page_app(wechat)] == [200, 409]
    assert [n["by"] for n in (await phone(wechat))["notified"]] == ["police_app"]


@pytest.mark.parametrize("how", [{"key": "another"}, {"age_s": 400}])
async def test_a_wrong_or_old_signature_is_refused(wechat: WeChat, how: dict[str, Any]) -> None:
    await carrier(wechat, "police_app")

    assert await page_app(wechat, **how) == 401
    assert (await phone(wechat))["notified"] == []


async def test_a_badge_that_nobody_carries_it_under_is_unknown(wechat: WeChat) -> None:
    await carrier(wechat, "sms")

    assert await page_app(wechat) == 404


@pytest.mark.parametrize("body", [BODY | {"phone": "13800000000"}, {"id": "1", "badge": BADGE}])
async def test_any_field_more_or_less_is_refused(wechat: WeChat, body: dict[str, str]) -> None:
    await carrier(wechat, "police_app")

    assert await page_app(wechat, body) == 422


async def test_sms_and_loudspeaker_ask_for_their_token(wechat: WeChat) -> None:
    await carrier(wechat, "sms")
    sms = {"id": "1", "badge": BADGE, "station": "XW01", "text": "有新的任务"}
    said = {"id": "1", "badge": "000001", "station": "XW01", "say": "请看手机"}

    async def post(path: str, body: Any, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await wechat.http.post(path, json=body, headers=headers)).status_code

    assert await post("/pagers/sms", sms, "another") == 401
    assert await post("/pagers/sms", sms, pagers.SMS_TOKEN) == 200
    assert await post("/pagers/loudspeaker", said, "another") == 401
    assert await post("/pagers/loudspeaker", said, pagers.LOUDSPEAKER_TOKEN) == 200
    spoken = (await wechat.control("pagers/spoken", method="GET"))["spoken"]
    assert [(s["badge"], s["station"]) for s in spoken] == [("000001", "XW01")]


async def wecom_token(wechat: WeChat, **changed: str) -> Any:
    params = {"corpid": pagers.CORP_ID, "corpsecret": pagers.CORP_SECRET} | changed
    return (await wechat.http.get("/wecom/cgi-bin/gettoken", params=params)).json()


async def wecom_send(wechat: WeChat, token: str, **changed: Any) -> Any:
    body = {"touser": BADGE, "msgtype": "text", "agentid": pagers.AGENT_ID, "text": {"content": "有新的任务"}}
    answer = await wechat.http.post(
        "/wecom/cgi-bin/message/send", params={"access_token": token}, json=body | changed
    )
    return answer.json()


async def test_wecom_gives_one_token_and_sends_to_a_member(wechat: WeChat) -> None:
    await carrier(wechat, "wecom")
    first, second = await wecom_token(wechat), await wecom_token(wechat)

    assert first["access_token"] == second["access_token"]
    assert (await wecom_send(wechat, first["access_token"]))["errcode"] == 0
    assert [n["by"] for n in (await phone(wechat))["notified"]] == ["wecom"]


async def test_wecom_refuses_as_wecom_does(wechat: WeChat) -> None:
    await carrier(wechat)
    token = (await wecom_token(wechat))["access_token"]

    assert (await wecom_token(wechat, corpsecret="x"))["errcode"] == 40001
    assert (await wecom_token(wechat, corpid="x"))["errcode"] == 40013
    assert (await wecom_send(wechat, ""))["errcode"] == 41001
    assert (await wecom_send(wechat, "x"))["errcode"] == 40014
    assert (await wecom_send(wechat, token, agentid=1))["errcode"] == 40056
    assert (await wecom_send(wechat, token, msgtype="dance"))["errcode"] == 40008
    assert (await wecom_send(wechat, token))["errcode"] == 81013
    await wechat.advance(pagers.TOKEN_S)
    assert (await wecom_send(wechat, token))["errcode"] == 42001


async def test_a_pager_fails_as_it_is_told_and_its_calls_stand_in_the_journal(wechat: WeChat) -> None:
    await carrier(wechat, "police_app")
    await wechat.control("faults/api", {"path": "/pagers/police-app", "http_status": 502})
    await wecom_token(wechat)

    assert [await page_app(wechat), await page_app(wechat)] == [502, 200]
    calls = await wechat.log("api")
    assert [c["status"] for c in calls if c["path"] == "/pagers/police-app"] == [502, 200]
    assert pagers.CORP_SECRET not in json.dumps(calls)


async def test_a_locked_phone_stops_its_mini_program_after_5_s_and_still_shows_messages(
    wechat: WeChat,
) -> None:
    user = await carrier(wechat)
    assert not (await phone(wechat))["locked"]

    at_once = await wechat.control("users/officer/phone", {"locked": True})
    await wechat.advance(4.9)
    just_before = await phone(wechat)
    await wechat.advance(0.2)
    await wechat.control("users/officer/phone", {"locked": True})  # again: still locked since then
    after = await phone(wechat)

    assert [p["suspended"] for p in (at_once, just_before, after)] == [False, False, True]
    await wechat.say(user)
    told = {"touser": user["openid"], "msgtype": "text", "text": {"content": "有新的任务"}}
    assert (await wechat.post("message/custom/send", told))["errcode"] == 0
    assert [n["by"] for n in (await phone(wechat))["notified"]] == ["custom"]
    await wechat.control("users/officer/phone", {"locked": False})
    assert not (await phone(wechat))["suspended"]


async def test_a_reset_empties_every_pocket(wechat: WeChat) -> None:
    await carrier(wechat, "police_app")
    await page_app(wechat)
    await wechat.control("reset")

    assert await page_app(wechat) == 404
