"""WeChat's callback, kind by kind: verify, decrypt, parse, dedupe row, reply; against a bare echo of the same body."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from wechatpy.crypto import WeChatCrypto

from app.settings import Settings
from benchmarks import seed
from benchmarks.claims import CONNECTIONS, rate
from benchmarks.load import Load, drive, expect, once, request
from benchmarks.measure import at_least, at_most, interleaved, line, note, percentile, pin, ratio, unpin
from benchmarks.stage import runtime_on, served
from wechat.emergency import danger
from wechat.guard import _digest

MESSAGES = 400
PEOPLE = 100
_EVENT: Final = "<MsgType><![CDATA[event]]></MsgType>"
KINDS: Final = {
    "text": "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[状态]]></Content>",
    "image": "<MsgType><![CDATA[image]]></MsgType><PicUrl><![CDATA[http://x]]></PicUrl><MediaId><![CDATA[m{nth}]]></MediaId>",
    "voice": "<MsgType><![CDATA[voice]]></MsgType><MediaId><![CDATA[m{nth}]]></MediaId><Format><![CDATA[amr]]></Format>",
    "video": "<MsgType><![CDATA[video]]></MsgType><MediaId><![CDATA[m{nth}]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>",
    "location": "<MsgType><![CDATA[location]]></MsgType><Location_X>32.06</Location_X><Location_Y>118.82</Location_Y><Label>x</Label>",
    "link": "<MsgType><![CDATA[link]]></MsgType><Title>t</Title><Description>d</Description><Url>http://x</Url>",
    "click": _EVENT + "<Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[status]]></EventKey>",
    "scan": _EVENT + "<Event><![CDATA[SCAN]]></Event><EventKey><![CDATA[1]]></EventKey>",
    "where": _EVENT
    + "<Event><![CDATA[LOCATION]]></Event><Latitude>32.06</Latitude><Longitude>118.82</Longitude><Precision>30</Precision>",
    "unknown": "<MsgType><![CDATA[hologram]]></MsgType>",
}
"""What stands after the head of each kind; `where` is the LOCATION event that an open chat sends every 5 s."""


def message(settings: Settings, nth: int, kind: str = "text") -> bytes:
    """A message as WeChat pushes it in safe mode; every one new, from one of a hundred people."""
    own, now = settings.wechat_original_id, int(time.time())
    # An event is told from another by its second: no two of a person share one.
    sent = now + nth if kind in ("click", "scan", "where") else now
    clear = (
        f"<xml><ToUserName><![CDATA[{own}]]></ToUserName><FromUserName><![CDATA[o{nth % PEOPLE:027d}]]></FromUserName>"
        f"<CreateTime>{sent}</CreateTime>{KINDS[kind].format(nth=nth)}"
    )
    clear += "</xml>" if "event" in KINDS[kind] else f"<MsgId>{secrets.randbits(60)}</MsgId></xml>"
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
    """Each kind in turn, from a hundred people, every message new; `callback` is the text that asks how a case stands."""
    async with served("bare") as (bare, _), served("product", settings) as (port, _):
        for kind in KINDS:
            async with runtime_on(settings) as runtime:
                await seed.station(runtime)
            took_s: list[float] = []
            body = message(settings, 0, kind).partition(b"\r\n\r\n")[2]
            echo = request("POST", "/echo", body=body, kind="text/xml")
            pin(1)
            found = await interleaved(
                3, echo=rate(bare, [echo], 200, seconds / 10), callback=_pushed(settings, port, kind, took_s)
            )
            unpin()
            note(f"callback {kind}: {max(found['callback']):.0f}/s, echo {max(found['echo']):.0f}/s")
            name = "callback" if kind == "text" else f"callback_{kind}"
            at_least(name, ratio(found, "callback", "echo"), "x", 0.4)
            at_most(f"{name}_p99", percentile(took_s, 99) * 1000, "ms", 100)


def _pushed(settings: Settings, port: int, kind: str, took_s: list[float]) -> Callable[[], Awaitable[float]]:
    nth = 0

    async def measured() -> float:
        nonlocal nth
        messages = [message(settings, nth + n, kind) for n in range(MESSAGES)]
        nth += MESSAGES
        load: Load = expect(await drive(port, once(messages), connections=CONNECTIONS), 200)
        took_s.extend(load.took_s)
        return load.rate

    return measured


EVERYDAY: Final = {
    "zh": ("半夜楼上唱歌太吵了，我家孩子明天要考试，打电话给物业没人管。" * 70)[:2000],
    "en": ("my neighbour is playing loud music and has a dog that barks all night long. " * 27)[:2000],
}


async def gate(settings: Settings, seconds: float) -> None:
    """The emergency gate on 2,000 characters of everyday words, which it has to read to their end."""
    for language, text in EVERYDAY.items():
        danger(text)
        took_s = []
        while sum(took_s) < seconds / 20:
            began = time.perf_counter()
            danger(text)
            took_s.append(time.perf_counter() - began)
        at_most(f"emergency_gate_{language}", percentile(took_s, 50) * 1000, "ms", 1)
        line(f"emergency_gate_{language}_p99", percentile(took_s, 99) * 1000, "ms", "", ok=None)
