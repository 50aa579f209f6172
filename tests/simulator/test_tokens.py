"""Tokens: two families, ownership, expiry, force; and sign-in by code."""

from typing import Any

import pytest

from simulator.clock import Clock
from simulator.errors import Refusal
from simulator.tokens import CLASSIC_PER_DAY, Family, issue_classic
from tests.simulator.account import MP, MP_SECRET, OA, OA_SECRET, WeChat


async def classic(wechat: WeChat, app_id: str = OA, secret: str = OA_SECRET, **more: str) -> dict[str, Any]:
    params = {"grant_type": "client_credential", "appid": app_id, "secret": secret, **more}
    answer = await wechat.http.get("/cgi-bin/token", params=params)
    told: dict[str, Any] = answer.json()
    return told


async def stable(wechat: WeChat, *, force: bool = False, **changed: Any) -> dict[str, Any]:
    posted = {"grant_type": "client_credential", "appid": OA, "secret": OA_SECRET, "force_refresh": force}
    told: dict[str, Any] = (await wechat.http.post("/cgi-bin/stable_token", json=posted | changed)).json()
    return told


async def code_for(wechat: WeChat, token: str) -> int:
    answer = await wechat.http.get("/cgi-bin/getcallbackip", params={"access_token": token})
    return int(answer.json().get("errcode", 0))


async def test_the_classic_token_changes_at_every_call_and_the_one_before_lives_five_minutes(
    wechat: WeChat,
) -> None:
    first, second = (await classic(wechat))["access_token"], (await classic(wechat))["access_token"]

    assert first != second
    await wechat.advance(299)
    assert await code_for(wechat, first) == 0
    await wechat.advance(2)
    assert await code_for(wechat, first) == 42001
    assert await code_for(wechat, second) == 0


async def test_only_the_last_two_classic_tokens_are_good(wechat: WeChat) -> None:
    first = (await classic(wechat))["access_token"]
    await classic(wechat)
    await classic(wechat)

    assert await code_for(wechat, first) == 40001


async def test_the_stable_token_stays_until_its_last_five_minutes(wechat: WeChat) -> None:
    first = await stable(wechat)
    await wechat.advance(6800)
    same = await stable(wechat)
    await wechat.advance(150)
    new = await stable(wechat)

    assert first["expires_in"] in (7199, 7200)
    assert same["access_token"] == first["access_token"]
    assert 300 < same["expires_in"] <= 400
    assert new["access_token"] != first["access_token"]
    assert await code_for(wechat, first["access_token"]) == 0
    assert await code_for(wechat, new["access_token"]) == 0
    await wechat.advance(251)
    assert await code_for(wechat, first["access_token"]) == 42001
    assert await code_for(wechat, new["access_token"]) == 0


async def test_two_forced_refreshes_thirty_seconds_apart_kill_a_leaked_token(wechat: WeChat) -> None:
    leaked = (await stable(wechat))["access_token"]
    await stable(wechat, force=True)
    assert await code_for(wechat, leaked) == 0
    await wechat.advance(30)
    fresh = (await stable(wechat, force=True))["access_token"]

    assert await code_for(wechat, leaked) == 40001
    assert await code_for(wechat, fresh) == 0


async def test_a_force_too_soon_or_too_often_refreshes_nothing(wechat: WeChat) -> None:
    await stable(wechat)
    forced = await stable(wechat, force=True)
    assert (await stable(wechat, force=True))["access_token"] == forced["access_token"]

    values = []
    for _ in range(21):
        await wechat.advance(31)
        values.append((await stable(wechat, force=True))["access_token"])

    flags = (await wechat.control("log", method="GET"))["flags"]
    # One of the 20 a day is spent above; a change of the day in between would give more, never less.
    assert len(set(values)) in (19, 20, 21)
    assert flags["force_refresh_without_effect"] == 1 + 21 - len(set(values))


async def test_the_families_do_not_touch_each_other(wechat: WeChat) -> None:
    steady = (await stable(wechat))["access_token"]
    for _ in range(3):
        await classic(wechat)

    assert await code_for(wechat, steady) == 0
    assert (await stable(wechat))["access_token"] == steady


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wxnobody"}, 40013),
        ({"secret": "wrong"}, 40125),
    ],
)
async def test_wrong_credentials_have_their_codes(
    wechat: WeChat, changed: dict[str, Any], errcode: int
) -> None:
    answer = await stable(wechat, **changed)

    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]
    assert (await classic(wechat, **{"app_id": OA, "secret": OA_SECRET} | _renamed(changed)))[
        "errcode"
    ] == errcode


def _renamed(changed: dict[str, Any]) -> dict[str, Any]:
    return {{"appid": "app_id"}.get(name, name): value for name, value in changed.items()}


async def test_every_wrong_token_has_its_code(wechat: WeChat) -> None:
    good = await wechat.token()
    assert await code_for(wechat, "") == 41001
    assert await code_for(wechat, "short") == 40014
    assert await code_for(wechat, "x" * 64) == 40001

    await wechat.control("tokens", {"how": "kill", "app_id": OA})
    assert await code_for(wechat, good) == 40001

    other = await wechat.token()
    await wechat.control("tokens", {"how": "expire"})
    assert await code_for(wechat, other) == 42001


async def test_the_other_accounts_token_is_not_authorised(wechat: WeChat) -> None:
    assert (await wechat.get("menu/get", app_id=MP)).json()["errcode"] == 48001
    assert (await wechat.post("message/subscribe/send", {}))["errcode"] == 48001


async def test_the_wrong_method_has_its_code(wechat: WeChat) -> None:
    assert (await wechat.http.post("/cgi-bin/token", json={})).json()["errcode"] == 43001
    assert (await wechat.http.get("/cgi-bin/stable_token")).json()["errcode"] == 43002


def test_the_classic_token_has_a_daily_quota() -> None:
    clock, family = Clock(), Family()
    family.calls = {f"day {clock.day()}": CLASSIC_PER_DAY}

    with pytest.raises(Refusal) as refused:
        issue_classic(family, clock)
    assert refused.value.errcode == 45009


async def session(wechat: WeChat, code: str, *, app_id: str = MP, secret: str = MP_SECRET) -> dict[str, Any]:
    params = {"appid": app_id, "secret": secret, "js_code": code, "grant_type": "authorization_code"}
    told: dict[str, Any] = (await wechat.http.get("/sns/jscode2session", params=params)).json()
    return told


async def test_a_code_signs_in_once(wechat: WeChat) -> None:
    user = await wechat.user()
    code = (await wechat.control(f"users/{user['id']}/login-code"))["code"]

    told = await session(wechat, code)

    assert told["openid"] == user["mp_openid"] != user["openid"]
    assert told["unionid"] == user["unionid"]
    assert told["session_key"]
    assert (await session(wechat, code))["errcode"] == 40163


async def test_a_code_lives_five_minutes(wechat: WeChat) -> None:
    user = await wechat.user()
    code = (await wechat.control(f"users/{user['id']}/login-code"))["code"]
    await wechat.advance(300)

    assert (await session(wechat, code))["errcode"] == 40029
    assert (await session(wechat, "nonsense"))["errcode"] == 40029
    assert (await session(wechat, ""))["errcode"] == 41008


async def test_accounts_that_are_not_joined_tell_no_unionid(wechat: WeChat) -> None:
    user = await wechat.user(unionid=False)
    code = (await wechat.control(f"users/{user['id']}/login-code"))["code"]

    assert "unionid" not in await session(wechat, code)
    assert "unionid" not in (await wechat.get("user/info", openid=user["openid"])).json()


async def test_signing_in_a_hundred_times_a_minute_is_the_limit(wechat: WeChat) -> None:
    user = await wechat.user()
    codes = [(await wechat.control(f"users/{user['id']}/login-code"))["code"] for _ in range(101)]

    told = [await session(wechat, code) for code in codes]

    assert [one.get("errcode", 0) for one in told] == [0] * 100 + [45011]


async def test_the_official_account_has_no_sign_in_by_code(wechat: WeChat) -> None:
    assert (await session(wechat, "x", app_id=OA, secret=OA_SECRET))["errcode"] == 40013
