"""WeChat's callback: verify, decrypt, parse, dedupe row, reply; against a bare echo of the same body."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from wechatpy.crypto import WeChatCrypto

from app.settings import Settings
from benchmarks import seed
from benchmarks.claims import CONNECTIONS, rate
from benchmarks.load import Load, drive, expect, once, request
from benchmarks.measure import at_least, at_most, interleaved, note, percentile, pin, ratio, unpin
from benchmarks.stage import runtime_on, served
from wechat.guard import _digest

MESSAGES = 400


def message(settings: Settings, nth: int) -> bytes:
    """A text message as WeChat pushes it in safe mode; every one with an id of its own."""
    own, now = settings.wechat_original_id, int(time.time())
    clear = (
        f"<xml><ToUserName><![CDATA[{own}]]></ToUserName><FromUserName><![CDATA[o{nth % 100:027d}]]></FromUserName>"
        f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[状态]]></Content>"
        f"<MsgId>{secrets.randbits(60)}</MsgId></xml>"
    )
    crypto = WeChatCrypto(
        settings.wechat_token, settings.wechat_aes_key.get_secret_value(), settings.wechat_app_id
    )
    nonce = secrets.token_hex(5)
    sealed = crypto.encrypt_message(clear, nonce, str(now))
    cipher = sealed.split("<Encrypt><![CDATA[", 1)[1].split("]]>", 1)[0]
    query = {
        "timestamp": now, "nonce": nonce, "signature": _digest(settings.wechat_token, str(now), nonce),
        "msg_signature": _digest(settings.wechat_token, str(now), nonce, cipher), "encrypt_type": "aes",
    }  # fmt: skip
    body = f"<xml><ToUserName><![CDATA[{own}]]></ToUserName><Encrypt><![CDATA[{cipher}]]></Encrypt></xml>".encode()
    return request("POST", f"/wechat/callback?{urlencode(query)}", body=body, kind="text/xml")


async def run(settings: Settings, seconds: float) -> None:
    """Citizens who ask how their case stands; a hundred of them, every message new."""
    took_s: list[float] = []
    async with (
        runtime_on(settings) as runtime,
        served("bare") as (bare, _),
        served("product", settings) as (port, _),
    ):
        await seed.station(runtime)
        body = message(settings, 0).partition(b"\r\n\r\n")[2]
        echo = request("POST", "/echo", body=body, kind="text/xml")
        pin(1)
        found = await interleaved(
            3, echo=rate(bare, [echo], 200, seconds / 5), callback=_pushed(settings, port, took_s)
        )
        unpin()
    note(f"callback: {max(found['callback']):.0f}/s, echo {max(found['echo']):.0f}/s")
    at_least("callback", ratio(found, "callback", "echo"), "x", 0.4)
    at_most("callback_p99", percentile(took_s, 99) * 1000, "ms", 100)


def _pushed(settings: Settings, port: int, took_s: list[float]) -> Callable[[], Awaitable[float]]:
    nth = 0

    async def measured() -> float:
        nonlocal nth
        messages = [message(settings, nth + n) for n in range(MESSAGES)]
        nth += MESSAGES
        load: Load = expect(await drive(port, once(messages), connections=CONNECTIONS), 200)
        took_s.extend(load.took_s)
        return load.rate

    return measured
