"""The real callback door, in safe mode: whatever WeChat may push, sealed and signed as it does."""

from __future__ import annotations

import itertools
import re
import time
from xml.etree import ElementTree

import httpx
from fastapi import FastAPI
from wechatpy.crypto import WeChatCrypto

from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.conftest import SECRETS
from tests.factories import CENTRE
from tests.wechat.test_guard import sign
from wechat.callback import PATH, router
from wechat.guard import Keys, seal

ACCOUNT = "gh_0123456789ab"
KEYS = Keys(token=SECRETS["WECHAT_TOKEN"], aes_key=SECRETS["WECHAT_AES_KEY"], app_id=SECRETS["WECHAT_APP_ID"])
_CRYPTO = WeChatCrypto(SECRETS["WECHAT_TOKEN"], SECRETS["WECHAT_AES_KEY"], SECRETS["WECHAT_APP_ID"])
_ids = itertools.count(70_000_001)
_TAP = re.compile(r'<a href="weixin://bizmsgmenu\?msgmenucontent=([^"&]*)&msgmenuid=([^"&]*)">([^<]*)</a>')


class Door:
    """One person's chat through the callback."""

    def __init__(self, runtime: Runtime, openid: str = "oCitizen00000000000000000001") -> None:
        app = FastAPI()
        app.include_router(router(runtime.settings))
        app.state.runtime = runtime
        self.runtime, self.openid = runtime, openid
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def push(self, kind: str, fields: str, *, message_id: int | None = None) -> httpx.Response:
        """One message or event; `fields` is the XML of what its kind has."""
        number = "" if kind == "event" else f"<MsgId>{message_id or next(_ids)}</MsgId>"
        sent_at = int(time.time()) if kind != "event" else next(_ids)
        xml = (
            f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><FromUserName><![CDATA[{self.openid}]]></FromUserName>"
            f"<CreateTime>{sent_at}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>{fields}{number}</xml>"
        )
        sealed = seal(xml, KEYS, now_s=int(time.time()))
        envelope = dict(re.findall(r"<(\w+)>(?:<!\[CDATA\[)?([^<\]]+)", sealed))
        query = {
            "timestamp": envelope["TimeStamp"], "nonce": envelope["Nonce"], "encrypt_type": "aes",
            "msg_signature": envelope["MsgSignature"], "openid": self.openid,
        }  # fmt: skip
        query["signature"] = sign(KEYS.token, query["timestamp"], query["nonce"])
        body = f"<xml><ToUserName>{ACCOUNT}</ToUserName><Encrypt>{envelope['Encrypt']}</Encrypt></xml>"
        answer = await self.http.post(PATH, params=query, content=body.encode())
        await self.runtime.drain()
        return answer

    async def told(self, kind: str, fields: str, **more: int) -> str:
        """What the phone shows in answer; empty when nothing is to be shown."""
        answer = await self.push(kind, fields, **more)
        assert answer.status_code == 200, answer.status_code
        return opened(answer)

    async def say(self, words: str, *, tap_id: str | None = None, **more: int) -> str:
        tapped = f"<bizmsgmenuid>{tap_id}</bizmsgmenuid>" if tap_id else ""
        return await self.told("text", f"<Content><![CDATA[{words}]]></Content>{tapped}", **more)

    async def tap(self, reply: str, shown: str) -> str:
        """Tap the answer of a reply whose words hold `shown`."""
        sends, tap_id, _ = next(found for found in taps(reply) if shown in found[2])
        return await self.say(sends, tap_id=tap_id)

    async def stand(self, at: Point = CENTRE, label: str = "") -> str:
        gcj02 = at.to_gcj02()
        return await self.told(
            "location",
            f"<Location_X>{gcj02.lat}</Location_X><Location_Y>{gcj02.lng}</Location_Y><Scale>16</Scale>"
            f"<Label><![CDATA[{label}]]></Label>",
        )

    async def show(self, media_id: str = "media-1") -> str:
        return await self.told(
            "image", f"<PicUrl><![CDATA[http://x/y]]></PicUrl><MediaId><![CDATA[{media_id}]]></MediaId>"
        )

    async def click(self, key: str) -> str:
        return await self.told("event", f"<Event>CLICK</Event><EventKey><![CDATA[{key}]]></EventKey>")


def opened(answer: httpx.Response) -> str:
    """The text of an answer: sealed for the person, or `success` in clear."""
    if answer.text == "success":
        return ""
    envelope = ElementTree.fromstring(answer.text)  # our own answer

    def field(name: str) -> str:
        return envelope.findtext(name) or ""

    xml = _CRYPTO.decrypt_message(answer.text, field("MsgSignature"), field("TimeStamp"), field("Nonce"))
    return ElementTree.fromstring(xml).findtext("Content") or ""


def taps(reply: str) -> list[tuple[str, str, str]]:
    """What can be tapped in a reply: what it sends, its id, what it shows."""
    return _TAP.findall(reply)
