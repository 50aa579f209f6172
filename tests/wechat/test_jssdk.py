"""The JS-SDK's signature: WeChat's own vector, one ticket for all, and only pages of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.kit.runtime import Runtime
from tests.simulator.account import OA, OA_SECRET, Receiver, connect
from wechat.client import Account, TokenStore, WeChatClient, open_http
from wechat.jssdk import JsapiTicket, is_ours, router, sign

ORIGIN = "https://didi.example.gov.cn"
TICKET = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"


def test_the_signature_of_wechats_reference() -> None:
    url = "http://mp.weixin.qq.com?params=value"

    signed = sign(TICKET, url, nonce="Wm3WZYTPz0wzccnW", timestamp=1414587457)
    with_fragment = sign(TICKET, f"{url}#top", nonce="Wm3WZYTPz0wzccnW", timestamp=1414587457)

    assert signed == with_fragment == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        (f"{ORIGIN}/verify?receipt=1#x", True),
        (f"{ORIGIN}/", True),
        (ORIGIN, False),
        ("http://didi.example.gov.cn/", False),
        (f"{ORIGIN}:8443/", False),
        (f"{ORIGIN}.evil.example/", False),
        ("https://didi.example.gov.cn@evil.example/", False),
        ("https://evil.example/?u=https://didi.example.gov.cn/", False),
        ("https://user:p@didi.example.gov.cn/", False),
        ("//didi.example.gov.cn/", False),
        (f"{ORIGIN}\\@evil.example/", False),
        (f"{ORIGIN}/ x", False),
        (f"{ORIGIN}/?&timestamp=1&url=https://evil.example/", False),
        (f"{ORIGIN}/" + "x" * 2000, False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_pages_of_our_own_address_are_signed(url: str, ours: bool) -> None:
    assert is_ours(url, ORIGIN) is ours


def test_a_signature_of_ours_is_none_for_a_page_of_somebody_else() -> None:
    stranger = "https://evil.example/"
    page = f"{ORIGIN}/?&timestamp=1&url={stranger}"

    ours = sign(TICKET, page, nonce="n", timestamp=2)
    theirs = sign(TICKET, stranger, nonce=f"n&timestamp=2&url={ORIGIN}/?", timestamp=1)

    assert ours == theirs  # what WeChat would take: so it must never be made
    assert not is_ours(page, ORIGIN)


async def test_a_page_is_signed_under_the_accounts_ticket_fetched_once(runtime: Runtime) -> None:
    wechat = connect(Receiver())
    async with wechat.http, open_http("http://wechat.test", transport=wechat.http._transport) as http:
        account = Account(OA, OA_SECRET)
        app, settings = FastAPI(), runtime.settings.model_copy(update={"public_origin": ORIGIN})
        app.include_router(router(settings))
        app.state.runtime = runtime
        app.state.wechat_official = WeChatClient(http, account, TokenStore(http, account, runtime.valkey))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://us.test") as page:
            url = f"{ORIGIN}/report?lang=en"
            answers = await asyncio.gather(
                *(page.get("/wechat/jssdk", params={"url": f"{url}#map"}) for _ in range(20))
            )
            strange = await page.get("/wechat/jssdk", params={"url": "https://evil.example/"})
        ticket = await JsapiTicket(app.state.wechat_official, OA, runtime.valkey).get()
        asked = [e for e in await wechat.log("api") if e["path"] == "/cgi-bin/ticket/getticket"]

    told: list[dict[str, Any]] = [a.json() for a in answers]
    assert [a.status_code for a in answers] == [200] * 20
    assert len(asked) == 1
    assert len({t["nonce"] for t in told}) == 20
    for t in told:
        assert t["app_id"] == OA
        assert t["signature"] == sign(ticket, url, nonce=t["nonce"], timestamp=t["timestamp"])
    assert ticket not in answers[0].text
    assert strange.status_code == 400


async def test_without_a_ticket_pages_are_told_to_try_again_and_wechat_is_asked_once(
    runtime: Runtime,
) -> None:
    wechat = connect(Receiver())
    async with wechat.http, open_http("http://wechat.test", transport=wechat.http._transport) as http:
        account = Account(OA, OA_SECRET)
        app = FastAPI()
        app.include_router(router(runtime.settings))
        app.state.runtime = runtime
        app.state.wechat_official = WeChatClient(http, account, TokenStore(http, account, runtime.valkey))
        await wechat.control(
            "faults/api", {"path": "/cgi-bin/ticket/getticket", "errcode": 45009, "times": 10}
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://us.test") as page:
            url = f"{runtime.settings.public_origin}/x"
            answers = [await page.get("/wechat/jssdk", params={"url": url}) for _ in range(10)]
        asked = [e for e in await wechat.log("api") if e["path"] == "/cgi-bin/ticket/getticket"]

    assert {(a.status_code, a.headers["Retry-After"]) for a in answers} == {(503, "5")}
    assert len(asked) == 1  # anybody may call, and the quota is ours
