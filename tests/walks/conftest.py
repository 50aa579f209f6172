"""One world for each walk: real stores, the whole service with its lifespan, a simulator for WeChat."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
import websockets

import pagers
from app.dispatch.pagers import Pagers
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.main import create_app
from app.notices.sender import Senders
from app.notices.tables import Channel
from app.people.sessions import issue
from app.people.tables import Audience
from app.settings import Settings
from console.router import PREFIX as CONSOLE
from miniprogram.router import PREFIX as MINIPROGRAM
from simulator.main import create_simulator
from tests.console.people import ORIGIN, People, Person
from tests.console.people import Socket as DeskSocket
from tests.factories import Made, Make
from tests.miniprogram.phones import Phone, Socket
from tests.simulator.account import Receiver, WeChat, make_config
from tests.walks.world import World
from wechat.client import open_http
from wechat.sender import wechat_senders


@asynccontextmanager
async def open_world(settings: Settings) -> AsyncIterator[World]:
    """A world on these stores; they must be empty."""
    async with AsyncExitStack() as stack:
        to_app = httpx.ASGITransport(app=None)  # type: ignore[arg-type]  # each knows the other: set below
        simulator = create_simulator(
            make_config(callback_url="http://account.test/wechat/callback"), callback_transport=to_app
        )
        to_wechat = httpx.ASGITransport(simulator)
        app = to_app.app = create_app(settings, wechat_transport=to_wechat)
        await stack.enter_async_context(app.router.lifespan_context(app))
        runtime: Runtime = app.state.runtime
        wechat = WeChat(
            await stack.enter_async_context(
                httpx.AsyncClient(transport=to_wechat, base_url="http://wechat.test")
            ),
            Receiver(),
        )
        phones = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://test{MINIPROGRAM}")
        )
        http = await stack.enter_async_context(open_http(settings.wechat_api_base, transport=to_wechat))
        to_pagers = await stack.enter_async_context(pagers.open_http(transport=to_wechat))
        paging = Pagers(runtime, pagers.pagers_of(runtime, to_pagers))
        sender = Senders(wechat_senders(runtime, http) | {Channel.PAGER: paging})
        port = await stack.enter_async_context(_listening(app))

        async def sign_in(person: Made) -> Phone:
            async with transaction(runtime) as db:
                token, session_id = await issue(
                    db, person.id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True
                )
            return Phone(phones, person.id, session_id, token, person.facts)

        @asynccontextmanager
        async def dial(who: Any) -> AsyncIterator[Any]:
            desk = isinstance(who, Person)
            path, of = (CONSOLE, DeskSocket) if desk else (MINIPROGRAM, Socket)
            ticket = (await who.ok("POST", "/live/tickets"))["ticket"]
            origin = websockets.Origin(ORIGIN) if desk else None
            async with websockets.connect(f"ws://127.0.0.1:{port}{path}/live", origin=origin) as connection:
                line = of(connection)
                await line.send(ticket=ticket)
                await line.next("snapshot")
                yield line

        make = Make(runtime)
        command = await make.station(ring=None, is_command=True)
        station = await make.station(parent=command)
        yield World(app, runtime, wechat, sender, make, phones, sign_in, dial, station, command)
        await runtime.drain()


@asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[int]:
    """The port where the app really listens, for its sockets."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving
    listening.close()


@pytest.fixture
async def world(runtime: Runtime, settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings) as world:
        yield world


@pytest.fixture
async def people(world: World) -> AsyncIterator[People]:
    """Accounts of the console."""
    people = People(world.runtime, world.make, httpx.ASGITransport(world.app))
    yield people
    await people.close()


@pytest.fixture
async def desk(people: People, world: World) -> Person:
    return await people.signed_in("desk", station=world.station)
