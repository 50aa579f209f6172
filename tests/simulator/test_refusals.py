"""What WeChat refuses because of who somebody is, what an account may do, or what happened before."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.config import Form
from tests.simulator.account import MP, MP_SECRET, OA, OA_SECRET, Receiver, WeChat, connect
from tests.simulator.contract_calls import DATA, Stage, stage


@pytest.fixture
async def on(wechat: WeChat) -> Stage:
    return await stage(wechat)


async def code(wechat: WeChat, path: str, body: Any, app_id: str = OA) -> int:
    params = {"access_token": await wechat.token(app_id)}
    return int((await wechat.http.post(path, params=params, json=body)).json().get("errcode", 0))


async def test_an_address_that_is_not_on_the_list_gets_no_token(wechat: WeChat) -> None:
    await wechat.control("capabilities", {"account": "official_account", "address_allowed": False})

    for path, how in (("/cgi-bin/token", "GET"), ("/cgi-bin/stable_token", "POST")):
        given = {"grant_type": "client_credential", "appid": OA, "secret": OA_SECRET}
        more: dict[str, Any] = {"params": given} if how == "GET" else {"json": given}
        told = (await wechat.http.request(how, path, **more)).json()
        assert told["errcode"] == 40164
        assert "203.0.113.9" in told["errmsg"]


async def test_a_capability_that_was_taken_away(on: Stage) -> None:
    notice = {"touser": on.mp_openid, "template_id": "T", "data": DATA}
    await on.do("grants", template_id="T", times=1)
    await on.wechat.control("capabilities", {"subscription_messages": False})
    assert await code(on.wechat, "/cgi-bin/message/subscribe/send", notice, MP) == 43107

    await on.wechat.control("capabilities", {"subscription_messages": True})
    assert await code(on.wechat, "/cgi-bin/message/subscribe/send", notice, MP) == 0


async def test_who_refuses_messages_gets_none(on: Stage) -> None:
    await on.wechat.say(on.user)
    await on.do("traits", refuses_messages=True)

    words = {"touser": on.openid, "msgtype": "text", "text": {"content": "好"}}
    assert await code(on.wechat, "/cgi-bin/message/custom/send", words) == 48002


async def test_a_risky_sign_in_is_blocked_and_its_code_stays_good(on: Stage) -> None:
    await on.do("traits", risky_sign_in=True, risk=4)
    params = {"appid": MP, "secret": MP_SECRET, "js_code": (await on.do("login-code"))["code"]}
    params |= {"grant_type": "authorization_code"}

    blocked = (await on.wechat.http.get("/sns/jscode2session", params=params)).json()
    await on.do("traits", risky_sign_in=False)
    signed_in = (await on.wechat.http.get("/sns/jscode2session", params=params)).json()

    assert blocked["errcode"] == 40226
    assert signed_in["openid"] == on.mp_openid
    asked = {"appid": MP, "openid": on.mp_openid, "scene": 0}
    params = {"access_token": await on.wechat.token(MP)}
    assert (await on.wechat.http.post("/wxa/getuserriskrank", params=params, json=asked)).json()[
        "risk_rank"
    ] == 4


async def test_a_check_of_words_needs_somebody_who_was_there_lately(on: Stage) -> None:
    check = {"version": 2, "openid": on.mp_openid, "scene": 1, "content": "这是违禁内容"}
    assert await code(on.wechat, "/wxa/msg_sec_check", check, MP) == 61010

    await on.sign_in()
    params = {"access_token": await on.wechat.token(MP)}
    told = (await on.wechat.http.post("/wxa/msg_sec_check", params=params, json=check)).json()

    assert told["result"] == {"suggest": "risky", "label": 20006}
    await on.wechat.advance(7201)
    assert await code(on.wechat, "/wxa/msg_sec_check", check, MP) == 61010


async def test_a_page_that_is_not_released(on: Stage) -> None:
    wechat = connect(Receiver(), mp_pages=frozenset({"pages/case"}))
    user = await wechat.user()
    await wechat.control(f"users/{user['id']}/grants", {"template_id": "T", "times": 2})
    notice = {"touser": user["mp_openid"], "template_id": "T", "data": DATA}
    path = "/cgi-bin/message/subscribe/send"

    assert await code(wechat, path, notice | {"page": "pages/none"}, MP) == 41030
    assert await code(wechat, path, notice | {"page": "pages/case?id=1"}, MP) == 0


async def test_a_phone_number_is_told_once_and_counted(on: Stage) -> None:
    await on.do("traits", phone="13912345678")
    value = (await on.do("phone-code"))["code"]
    path = "/wxa/business/getuserphonenumber"
    params = {"access_token": await on.wechat.token(MP)}

    told = (await on.wechat.http.post(path, params=params, json={"code": value})).json()

    assert told["phone_info"]["purePhoneNumber"] == "13912345678"
    assert told["phone_info"]["watermark"]["appid"] == MP
    assert await code(on.wechat, path, {"code": value}, MP) == 40029  # used


async def test_a_web_pages_code_and_tokens_end(on: Stage) -> None:
    used = {"appid": OA, "secret": OA_SECRET, "code": await on.web(), "grant_type": "authorization_code"}
    await on.do("traits", snapshot=True)
    first = (await on.wechat.http.get("/sns/oauth2/access_token", params=used)).json()
    assert first["is_snapshotuser"] == 1
    assert (await on.wechat.http.get("/sns/oauth2/access_token", params=used)).json()["errcode"] == 40163
    base = await on.web_token(scope="snsapi_base")
    asked = {"access_token": base["access_token"], "openid": on.openid}
    assert (await on.wechat.http.get("/sns/userinfo", params=asked)).json()["errcode"] == 48001

    await on.wechat.advance(7201)
    asked = {"access_token": first["access_token"], "openid": on.openid}
    assert (await on.wechat.http.get("/sns/userinfo", params=asked)).json()["errcode"] == 42001
    await on.wechat.advance(30 * 86400)
    refresh = {"appid": OA, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert (await on.wechat.http.get("/sns/oauth2/refresh_token", params=refresh)).json()["errcode"] == 42002


async def test_a_result_of_a_check_comes_later_to_the_mini_programs_address(on: Stage) -> None:
    wechat = connect(Receiver(), mp_callback_url="http://account.test/wechat/mp", mp_form=Form.JSON)
    user = await wechat.user()
    there = Stage(wechat, user, 0, "", "")
    await there.sign_in()
    check = {"media_url": "https://elsewhere.test/a.jpg", "media_type": 2, "version": 2, "scene": 1}

    assert await code(wechat, "/wxa/media_check_async", check | {"openid": user["mp_openid"]}, MP) == 0
    await wechat.control("settle")

    [pushed] = await wechat.log("callback")
    assert pushed["push"] == "wxa_media_check"
    assert '"errcode": -1008' in pushed["sent"]
    assert pushed["problem"] is None
