"""The whole service in this process, and people signed in at the console through its own sign-in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI

from app.kit.errors import Unavailable
from app.kit.runtime import Runtime
from app.live.hub import Hub
from app.main import create_app
from app.settings import Settings
from console.router import PREFIX
from tests.console.people import ORIGIN, Dial, People, Person, Socket
from tests.factories import Make


class _NoCodes:
    """WeChat, which gives addresses for codes, is not asked in these tests."""

    async def address_of(self, kind: str, name: str) -> str:
        raise Unavailable(f"no address for the code of a {kind}")


@pytest.fixture
async def app(runtime: Runtime, settings: Settings) -> AsyncIterator[FastAPI]:
    """The service on the test's own stores."""
    app = create_app(settings)
    app.state.runtime, app.state.hub, app.state.codes = runtime, Hub(runtime), _NoCodes()
    await app.state.hub.start()
    yield app
    await app.state.hub.stop()
    await runtime.drain()


@pytest.fixture
def transport(app: FastAPI) -> httpx.ASGITransport:
    return httpx.ASGITransport(app=app)


@pytest.fixture
async def people(runtime: Runtime, make: Make, transport: httpx.ASGITransport) -> AsyncIterator[People]:
    """Makes accounts and signs them in."""
    people = People(runtime, make, transport)
    yield people
    await people.close()


@pytest.fixture
async def desk(people: People, make: Make) -> Person:
    """At the desk of the one station."""
    return await people.signed_in("desk", station=await make.the_station())


@pytest.fixture
async def administrator(people: People) -> Person:
    return await people.signed_in("administrator")


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Where the app really listens."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"ws://127.0.0.1:{listening.getsockname()[1]}{PREFIX}/live"
    server.should_exit = True
    await serving
    listening.close()


@pytest.fixture
def dial(address: str) -> Dial:
    """A socket of a person, its ticket given."""

    @asynccontextmanager
    async def dialled(person: Person) -> AsyncIterator[Socket]:
        ticket = (await person.ok("POST", "/live/tickets"))["ticket"]
        async with websockets.connect(address, origin=websockets.Origin(ORIGIN)) as connection:
            line = Socket(connection)
            await line.send(ticket=ticket)
            yield line

    return dialled
