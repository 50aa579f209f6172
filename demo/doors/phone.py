"""The mini-program on one phone: a session, its calls, its socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from demo.city import Spot
from demo.doors.chat import Chat
from demo.doors.http import Json, ask

PREFIX = "/miniprogram/v1"


def fix_of(at: Spot, *, accuracy_m: int = 12) -> Json:
    """A position of now, as the mini-program sends it."""
    return {**point_of(at), "accuracy_m": accuracy_m, "at": datetime.now(UTC).isoformat()}


def point_of(at: Spot) -> Json:
    """A place, as the mini-program sends it."""
    return {"lat": at.lat, "lng": at.lng, "datum": "wgs84"}


class Line:
    """An open socket of one phone."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def frames(self) -> AsyncIterator[Json]:
        """What the service tells, until the socket closes. Every offer is shown, and the phone says so."""
        async for frame in self._socket:
            told = json.loads(frame)
            offers = [told] if told["type"] == "offer" else told.get("offers", ())
            for offer in offers:
                await self.send({"type": "seen", "case_id": offer["case_id"], "epoch": offer["epoch"]})
            yield told

    async def send(self, message: Json) -> None:
        """One message."""
        await self._socket.send(json.dumps(message))

    async def send_fixes(self, fixes: list[Json]) -> None:
        """A batch of positions."""
        await self.send({"type": "fixes", "fixes": fixes})


class Phone:
    """One person's mini-program."""

    def __init__(self, door: httpx.AsyncClient, socket_address: str, chat: Chat, user_id: str) -> None:
        self._door, self._sockets, self._chat = door, socket_address, chat
        self.user_id = user_id
        self._token: str | None = None

    async def call(self, method: str, path: str, body: Json | None = None) -> Any:  # JSON
        """One call of the mini-program's API, as whoever is signed in.

        Raises:
            Refused: as the API says.
        """
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
        return await ask(self._door, method, PREFIX + path, body=body, headers=headers)

    async def sign_in(self) -> Json:
        """Open a session; returns who it belongs to."""
        self._token = None
        code = await self._chat.login_code(self.user_id)
        told = await self.call("POST", "/sessions", {"code": code})
        self._token = told["token"]
        me: Json = told["me"]
        return me

    async def bind(self, *, badge: str, code: str) -> Json:
        """Bind this phone to an invited officer; returns who the new session belongs to."""
        self._token = None
        js_code = await self._chat.login_code(self.user_id)
        told = await self.call("POST", "/officers/bind", {"badge": badge, "code": code, "js_code": js_code})
        self._token = told["token"]
        me: Json = told["me"]
        return me

    @property
    def signed_in(self) -> bool:
        """Whether a session was opened."""
        return self._token is not None

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A socket, its ticket sent; the first frame is a snapshot."""
        ticket = (await self.call("POST", "/live/tickets"))["ticket"]
        async with connect(f"{self._sockets}{PREFIX}/live", proxy=None, open_timeout=20) as socket:
            line = Line(socket)
            await line.send({"ticket": ticket})
            yield line
