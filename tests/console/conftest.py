"""The console's routes in this process, and people signed in at the console through its own sign-in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from app.kit.errors import AppError, Invalid
from app.kit.runtime import Runtime
from app.live.hub import Hub
from console.board import pages
from console.problems import MEDIA_TYPE, status_of
from console.router import PREFIX, TAGS, router
from tests.console.people import ORIGIN, Dial, People, Person, Socket
from tests.factories import Make


def problem(request: Request, error: AppError) -> JSONResponse:
    """As `app.main` answers."""
    status = status_of(type(error))
    body = {
        "type": f"urn:didi:problem:{error.code}", "title": error.message, "status": int(status), "detail": error.detail,
        "code": error.code, "instance": request.url.path, **{k: str(v) for k, v in error.facts.items()},
    }  # fmt: skip
    return JSONResponse(body, int(status), media_type=MEDIA_TYPE)


def unusable(request: Request, error: RequestValidationError) -> JSONResponse:
    """A request that its schema refuses."""
    return problem(request, Invalid("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())))


@pytest.fixture
async def app(runtime: Runtime) -> AsyncIterator[FastAPI]:
    """The console on the test's own stores."""
    app = FastAPI(openapi_tags=TAGS)
    app.include_router(router(), prefix=PREFIX)
    app.include_router(pages())
    app.add_exception_handler(AppError, problem)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, unusable)  # type: ignore[arg-type]
    app.state.runtime, app.state.hub = runtime, Hub(runtime)
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
