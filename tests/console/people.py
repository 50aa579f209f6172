"""People of the console: accounts made by the core, everything else through the door."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pyotp
import websockets
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.console import create_staff
from app.people.roles import grant
from app.people.sessions import Role
from console.router import PREFIX
from tests.factories import Made, Make

ORIGIN = "http://localhost:8000"
PASSWORD = "correct horse battery"


class Person:
    """Somebody with an account, a browser of their own, and (once signed in) a CSRF token."""

    def __init__(
        self, runtime: Runtime, client: httpx.AsyncClient, person_id: UUID, username: str, address: str
    ) -> None:
        self.runtime, self.client, self.person_id, self.username = runtime, client, person_id, username
        self.totp = pyotp.TOTP(parse_qs(urlsplit(address).query)["secret"][0])
        self.csrf = ""

    async def fresh_code(self) -> str:
        """A code that works: the row forgets the step that was used last, so that no test waits 30 s."""
        async with self.runtime.database.moves() as db:
            await db.execute(
                text("UPDATE credentials SET totp_step = 0 WHERE person_id = :id"), {"id": self.person_id}
            )
            now = (
                await db.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8"))
            ).scalar_one()
        return self.totp.at(int(now))

    async def sign_in(self, **wrong: str) -> httpx.Response:
        body = {"username": self.username, "password": PASSWORD, "totp": await self.fresh_code()} | wrong
        answer = await self.client.post("/sessions", json=body, headers={"Origin": ORIGIN})
        if answer.is_success:
            self.csrf = answer.json()["csrf"]
        return answer

    async def call(
        self, method: str, path: str, body: object = None, **headers: str | None
    ) -> httpx.Response:
        """A request as the console's page sends it; a header of None is left out."""
        given = {"Origin": ORIGIN, "X-CSRF-Token": self.csrf} if method != "GET" else {}
        sent = {
            name.replace("_", "-"): value for name, value in (given | headers).items() if value is not None
        }
        return await self.client.request(method, path, json=body, headers=sent)

    async def get(self, path: str) -> httpx.Response:
        return await self.call("GET", path)

    async def post(self, path: str, **body: object) -> httpx.Response:
        return await self.call("POST", path, body)

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        """The body of an answer that must be a success."""
        answer = await self.call(method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class People:
    """Makes them, and closes their browsers."""

    def __init__(self, runtime: Runtime, make: Make, transport: httpx.ASGITransport) -> None:
        self.runtime, self.make, self.transport = runtime, make, transport
        self._clients: list[httpx.AsyncClient] = []
        self._count = 0

    def browser(self) -> httpx.AsyncClient:
        """One that is not signed in."""
        client = httpx.AsyncClient(transport=self.transport, base_url=f"{ORIGIN}{PREFIX}")
        self._clients.append(client)
        return client

    async def account(self, *roles: tuple[str, Made | None]) -> Person:
        self._count += 1
        username = f"staff.{self._count}"
        async with transaction(self.runtime) as db:
            made = await create_staff(
                db, self.runtime, username=username, password=PASSWORD, name="李值班", by=None
            )
            for role, station in roles:
                await grant(
                    db,
                    person_id=made.person_id,
                    role=Role(role),
                    station_id=station.id if station else None,
                    by=None,
                )
        return Person(self.runtime, self.browser(), made.person_id, username, made.totp_address)

    async def signed_in(self, role: str, *, station: Made | None = None) -> Person:
        person = await self.account((role, station))
        answer = await person.sign_in()
        assert answer.status_code == 201, answer.text
        return person

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


class Socket:
    """A real WebSocket of the board."""

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


Dial = Callable[..., Any]
