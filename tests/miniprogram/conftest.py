"""The mini-program's routes on an app of their own, and phones that are signed in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI, Request, Response

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.live.hub import Hub
from app.live.wire import SocketsFirst
from app.people.identity import set_identity
from app.people.sessions import issue
from app.people.tables import Audience
from app.refusals import KINDS, answer
from app.tracking.service import Ingest
from miniprogram.hot import HotFirst
from miniprogram.live import sockets
from miniprogram.router import PREFIX, TAGS, router
from tests.factories import Made, Make
from tests.miniprogram.phones import Dial, FakeWeChat, Phone, Settle, SignIn, Socket

BASE = f"http://test{PREFIX}"


async def refused(request: Request, error: Exception) -> Response:
    """As `app.main` answers."""
    if (said := answer(error, request.url.path)) is None:
        raise error
    return said


@pytest.fixture
def wechat() -> FakeWeChat:
    return FakeWeChat()


@pytest.fixture
async def app(runtime: Runtime, wechat: FakeWeChat) -> AsyncIterator[FastAPI]:
    app = FastAPI(openapi_tags=TAGS)
    app.add_middleware(SocketsFirst, sockets={f"{PREFIX}/live": sockets})
    app.include_router(router(), prefix=PREFIX)
    app.add_middleware(HotFirst, prefix=PREFIX, answer=answer)
    for kind in KINDS:
        app.add_exception_handler(kind, refused)
    app.state.runtime, app.state.wechat_miniprogram = runtime, wechat
    app.state.ingest, app.state.hub = Ingest(runtime), Hub(runtime)
    await app.state.hub.start()
    yield app
    await app.state.hub.stop()
    await app.state.ingest.close()
    await runtime.drain()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


@pytest.fixture
def sign_in(runtime: Runtime, client: httpx.AsyncClient) -> SignIn:
    """A phone of a person, its session committed."""

    async def signed(person: Made, *, second_factor: bool = True) -> Phone:
        async with transaction(runtime) as db:
            token, session_id = await issue(
                db, person.id, Audience.MINIPROGRAM, ttl_s=600, second_factor=second_factor
            )
        return Phone(client, person.id, session_id, token, person.facts)

    return signed


@pytest.fixture
async def citizen(make: Make, sign_in: SignIn) -> Phone:
    await make.the_station()
    return await sign_in(await make.citizen())


@pytest.fixture
async def officer(make: Make, sign_in: SignIn, runtime: Runtime) -> Phone:
    """On duty, at the centre, called 王小明."""
    made = await make.officer()
    async with transaction(runtime) as db:
        await set_identity(db, runtime, made.id, name="王小明")
    return await sign_in(made)


@pytest.fixture
def settle(runtime: Runtime) -> Settle:
    """Wait until everything that follows the commits so far is done."""
    return runtime.drain


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
    """A socket of a phone, its ticket given."""

    @asynccontextmanager
    async def dialled(phone: Phone) -> AsyncIterator[Socket]:
        ticket = (await phone.ok("POST", "/live/tickets"))["ticket"]
        async with websockets.connect(address) as connection:
            line = Socket(connection)
            await line.send(ticket=ticket)
            yield line

    return dialled
