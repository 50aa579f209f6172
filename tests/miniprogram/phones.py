"""Phones that are signed in, their sockets, and WeChat's side of the sign-in."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import websockets

from tests.factories import Made

POINT = {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}


@dataclass
class Known:
    """What WeChat says of a code."""

    openid: str
    unionid: str | None = None


class Refused(Exception):
    """WeChat's no, in the shape that the port promises."""

    def __init__(self, reading: str) -> None:
        super().__init__(reading)
        self.reading = reading


class FakeWeChat:
    """Codes that work once."""

    def __init__(self) -> None:
        self.codes: dict[str, Known] = {}
        self.error: Exception | None = None

    async def code2session(self, js_code: str) -> Known:
        if self.error:
            raise self.error
        if js_code not in self.codes:
            raise Refused("code_spent")
        return self.codes.pop(js_code)


@dataclass
class Phone:
    """Somebody signed in: requests with their token, frames of their socket."""

    client: httpx.AsyncClient
    person_id: UUID
    session_id: UUID
    token: str
    facts: dict[str, Any] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.token}"} | headers
        return await self.client.request(method, path.lstrip("/"), json=body, headers=given)

    async def get(self, path: str) -> httpx.Response:
        return await self.call("GET", path)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.call("POST", path, body, **headers)

    async def ok(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The body of an answer that must be a success."""
        answer = await self.call(method, path, body, **headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    @property
    def made(self) -> Made:
        """As the factories know them."""
        return Made(self.person_id, self.facts)

    async def report(self, key: str = "key-00000001", **fields: Any) -> Any:
        body = {
            "category": "noise",
            "words": "楼上很吵",
            "place": {"point": POINT, "label": "3单元"},
        } | fields
        return await self.ok("POST", "/reports", body, **{"Idempotency-Key": key})


class Socket:
    """A real WebSocket of a phone."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; fails after 10 s."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads(await self.connection.recv())
                if frame["type"] == kind:
                    return frame

    async def closed(self) -> int:
        """The close code; what comes before it is not read."""
        async with asyncio.timeout(10):
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0


SignIn = Callable[..., Awaitable[Phone]]
Settle = Callable[[], Awaitable[None]]


Dial = Callable[..., Any]
