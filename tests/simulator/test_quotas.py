"""Walls a day and a minute, starting them anew, and the tickets and facts that come with an account."""

from typing import Any

from tests.simulator.account import MP, OA, OA_SECRET, WeChat

PATH = "/cgi-bin/message/template/send"


async def wall(wechat: WeChat, **walls: Any) -> None:
    await wechat.control("quotas", {"path": PATH, **walls})


async def send(wechat: WeChat) -> int:
    user = await wechat.user()
    posted = {"touser": user["openid"], "template_id": "T", "data": {"thing1": {"value": "好"}}}
    return int((await wechat.post("message/template/send", posted))["errcode"])


async def left(wechat: WeChat) -> tuple[int, int]:
    quota = (await wechat.post("openapi/quota/get", {"cgi_path": PATH}))["quota"]
    return quota["used"], quota["remain"]


async def test_the_days_wall_stands_until_midnight_in_beijing(wechat: WeChat) -> None:
    await wall(wechat, per_day=2)

    codes = [await send(wechat) for _ in range(3)]
    spent = await left(wechat)
    await wechat.advance(86400)

    assert codes == [0, 0, 45009]
    assert spent == (2, 0)
    assert await send(wechat) == 0


async def test_the_minutes_wall_stands_for_a_minute(wechat: WeChat) -> None:
    await wall(wechat, per_minute=1)
    now_s = (await wechat.control("clock", method="GET"))["now_s"]
    await wechat.advance(60.5 - now_s % 60)  # a minute has just begun

    codes = [await send(wechat) for _ in range(2)]
    await wechat.advance(60)

    assert codes == [0, 45011]
    assert await send(wechat) == 0


async def test_clearing_works_ten_times_a_month(wechat: WeChat) -> None:
    await wall(wechat, per_day=0)
    assert await send(wechat) == 45009
    await wall(wechat, per_day=1)
    assert [await send(wechat), await send(wechat)] == [0, 45009]

    first = await wechat.post("clear_quota", {"appid": OA})

    assert first["errcode"] == 0
    assert await left(wechat) == (0, 1)
    params = {"appid": OA, "appsecret": OA_SECRET}
    codes = [
        (await wechat.http.post("/cgi-bin/clear_quota/v2", params=params)).json()["errcode"]
        for _ in range(10)
    ]
    assert codes == [0] * 9 + [48006]
    assert (await wechat.post("clear_quota", {"appid": MP}))["errcode"] == 40013


async def test_one_accounts_wall_is_not_the_others(wechat: WeChat) -> None:
    await wechat.control("quotas", {"path": "/cgi-bin/media/get", "per_day": 0})

    assert (await wechat.get("media/get", media_id="x")).json()["errcode"] == 45009
    assert (await wechat.get("media/get", media_id="x", app_id=MP)).json()["errcode"] == 40007


async def test_a_refusals_id_tells_what_was_refused(wechat: WeChat) -> None:
    refused = await wechat.post("message/template/send", {"touser": "nobody"})
    rid = refused["errmsg"].rpartition("rid: ")[2]

    told = await wechat.post("openapi/rid/get", {"rid": rid})

    assert told["request"]["request_url"] == PATH
    assert "40003" in told["request"]["response_body"]
    assert (await wechat.post("openapi/rid/get", {"rid": rid}, app_id=MP))["errcode"] == 76022
    await wechat.advance(8 * 86400)
    assert (await wechat.post("openapi/rid/get", {"rid": rid}))["errcode"] == 76023


async def test_a_ticket_stays_the_same_for_two_hours(wechat: WeChat) -> None:
    first = (await wechat.get("ticket/getticket", type="jsapi")).json()
    await wechat.advance(7000)
    again = (await wechat.get("ticket/getticket", type="jsapi")).json()
    await wechat.advance(300)
    later = (await wechat.get("ticket/getticket", type="jsapi")).json()

    assert (first["errcode"], again["ticket"]) == (0, first["ticket"])
    assert 0 < again["expires_in"] <= 200
    assert later["ticket"] != first["ticket"]
    assert (await wechat.get("ticket/getticket", type="other")).json()["errcode"] == 40097


async def test_facts_of_a_follower_have_the_language(wechat: WeChat) -> None:
    user = await wechat.user(language="en")

    told = (await wechat.get("user/info", openid=user["openid"])).json()

    assert (told["language"], told["subscribe"], told["qr_scene_str"]) == ("en", 1, "")
