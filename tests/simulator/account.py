"""A simulator in this process, and a small account of our own that it pushes to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import httpx

from simulator.config import Mode, SimulatorConfig
from simulator.crypto import decrypt, encrypt, signature
from simulator.main import create_simulator

TOKEN, AES_KEY = "didipolice_token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OA, OA_SECRET = "wx1234567890abcdef", "0123456789abcdef0123456789abcdef"
MP, MP_SECRET = "wxabcdef1234567890", "fedcba9876543210fedcba9876543210"
GH = "gh_0123456789ab"


def make_config(**changed: Any) -> SimulatorConfig:
    """Accounts with known secrets; repeats follow one another without a pause."""
    known: dict[str, Any] = {
        "app_id": OA,
        "app_secret": OA_SECRET,
        "mp_app_id": MP,
        "mp_app_secret": MP_SECRET,
        "callback_url": "http://account.test/wechat/callback",
        "token": TOKEN,
        "aes_key": AES_KEY,
        "original_id": GH,
        "callback_pace_s": 0.0,
    }
    return SimulatorConfig(**(known | changed))


@dataclass
class Receiver:
    """An ASGI app in the account's place: keeps what comes, and answers as a test tells it to."""

    mode: Mode = Mode.SECURE
    requests: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[ElementTree.Element], Awaitable[tuple[int, bytes]]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        query = dict(httpx.QueryParams(scope["query_string"].decode()))
        self.requests.append(query)
        self.bodies.append(body)
        status, answer = 200, query.get("echostr", "success").encode()
        if self.answer is not None and scope["method"] == "POST":
            status, answer = await self.answer(self.open(body))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    def open(self, body: bytes) -> ElementTree.Element:
        """The clear message of a body; an empty one when it is not for us."""
        root = ElementTree.fromstring(body)
        sealed = root.findtext("Encrypt")
        if sealed is None:
            return root
        try:
            return ElementTree.fromstring(decrypt(sealed, aes_key=AES_KEY, app_id=OA))
        except Exception:
            return ElementTree.Element("xml")

    @property
    def messages(self) -> list[ElementTree.Element]:
        """Everything that came, in the clear."""
        return [self.open(body) for body in self.bodies]

    def reply(self, text: str) -> None:
        """Answer every message with this text."""

        async def answer(message: ElementTree.Element) -> tuple[int, bytes]:
            return 200, seal(text_reply(message, text), self.mode)

        self.answer = answer

    def always(self, status: int, body: bytes) -> None:
        """Answer every message with exactly this."""

        async def answer(_message: ElementTree.Element) -> tuple[int, bytes]:
            return status, body

        self.answer = answer


def text_reply(message: ElementTree.Element, text: str, *, sender: str = GH) -> str:
    """A passive reply in the clear."""
    return (
        f"<xml><ToUserName><![CDATA[{message.findtext('FromUserName')}]]></ToUserName>"
        f"<FromUserName><![CDATA[{sender}]]></FromUserName><CreateTime>{int(time.time())}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content></xml>"
    )


def seal(xml: str, mode: Mode = Mode.SECURE, *, app_id: str = OA, signed_by: str = TOKEN) -> bytes:
    """The envelope of a reply, or the reply itself in plain mode."""
    if mode is Mode.PLAIN:
        return xml.encode()
    sealed, stamp, nonce = encrypt(xml, aes_key=AES_KEY, app_id=app_id), str(int(time.time())), "abc123"
    return (
        f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signature(signed_by, stamp, nonce, sealed)}]]></MsgSignature>"
        f"<TimeStamp>{stamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    ).encode()


@dataclass
class WeChat:
    """A caller of the simulator: its API as an account, its control API as the people."""

    http: httpx.AsyncClient
    receiver: Receiver

    async def control(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """One call of the control API that must succeed."""
        answer = await self.http.request(method, f"/__wechat__/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def token(self, app_id: str = OA) -> str:
        """A stable token of one account."""
        secret = {OA: OA_SECRET, MP: MP_SECRET}[app_id]
        posted = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        answer = await self.http.post("/cgi-bin/stable_token", json=posted)
        return str(answer.json()["access_token"])

    async def post(self, path: str, body: Any, *, app_id: str = OA, token: str | None = None) -> Any:
        """One call of the API with a good token."""
        token = token or await self.token(app_id)
        answer = await self.http.post(f"/cgi-bin/{path}", params={"access_token": token}, json=body)
        assert answer.status_code == 200
        return answer.json()

    async def get(self, path: str, *, app_id: str = OA, **params: str) -> httpx.Response:
        """One call of the API with a good token."""
        token = await self.token(app_id)
        return await self.http.get(f"/cgi-bin/{path}", params={"access_token": token, **params})

    async def user(self, **facts: Any) -> dict[str, Any]:
        """A person who follows the account."""
        created: dict[str, Any] = await self.control("users", facts)
        return created

    async def say(self, user: dict[str, Any], text: str = "你好", **more: Any) -> dict[str, Any]:
        """Type words; what came of it."""
        told: dict[str, Any] = await self.control(
            f"users/{user['id']}/send", {"kind": "text", "text": text, **more}
        )
        return told

    async def seen(self, user: dict[str, Any], after: int = 0) -> list[dict[str, Any]]:
        """What the person sees."""
        told = await self.control(f"users/{user['id']}/messages?after={after}", method="GET")
        entries: list[dict[str, Any]] = told["entries"]
        return entries

    async def advance(self, seconds: float) -> None:
        """Move the clock."""
        await self.control("clock", {"advance_s": seconds})

    async def log(self, kind: str) -> list[dict[str, Any]]:
        """Entries of the journal."""
        told = await self.control(f"log?kind={kind}", method="GET")
        entries: list[dict[str, Any]] = told["entries"]
        return entries


def connect(
    receiver: Receiver, *, transport: httpx.AsyncBaseTransport | None = None, **changed: Any
) -> WeChat:
    """A simulator in this process that pushes to the receiver, or over another transport."""
    app = create_simulator(
        make_config(**{"mode": receiver.mode, **changed}),
        callback_transport=transport or httpx.ASGITransport(receiver),
    )
    way_in = httpx.ASGITransport(app)
    return WeChat(httpx.AsyncClient(transport=way_in, base_url="http://wechat.test"), receiver)


async def never() -> None:
    """An account that hangs."""
    await asyncio.Event().wait()
