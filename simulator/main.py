"""The application: WeChat's API, the control API, the chat page."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.requests import HTTPConnection
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator import api, control
from simulator import world as worlds
from simulator.api import pager
from simulator.config import SimulatorConfig
from simulator.world import new_world

STATIC = Path(__file__).parent / "static"
# Nothing from elsewhere, nothing inline; `blob:` is what the page itself recorded.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'"
)


class NotInProduction(RuntimeError):
    """The simulator answers to anybody and must never stand beside the real thing."""


def create_simulator(
    config: SimulatorConfig, *, callback_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """A WeChat of one's own. `callback_transport` carries the callbacks, by default real connections.

    Raises:
        NotInProduction: DIDI_ENV is `production`.
    """
    if os.environ.get("DIDI_ENV") == "production":
        raise NotInProduction(
            "the WeChat simulator does not start with DIDI_ENV=production: anybody could act as anybody;"
            " unset DIDI_ENV on a development machine, or leave the simulator out"
        )
    limit_s = config.callback_timeout_s
    callbacks = httpx.AsyncClient(transport=callback_transport, timeout=limit_s, trust_env=False)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        # What was still to be pushed has nobody left to push it to.
        worlds.stop(app.state.world)
        await callbacks.aclose()

    app = FastAPIOffline(
        title="Simulated WeChat", version="1", lifespan=lifespan, docs_url="/__wechat__/docs", redoc_url=None,
        static_url="/__wechat__/docs-static",
    )  # fmt: skip
    app.state.world = new_world(config, callbacks)
    api.mount(app)
    pager.mount(app)
    app.include_router(control.router())
    app.add_route("/", _to_chat, include_in_schema=False)
    app.add_route("/chat", _chat_page, include_in_schema=False)
    app.mount("/chat-page", StaticFiles(directory=STATIC))
    app.add_middleware(SameOrigin)
    return app


class SameOrigin:
    """Refuse other sites' pages: the control API has no login, and a browser carries requests anywhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from no page, or from our own."""
        if scope["type"] in ("http", "websocket"):
            headers = HTTPConnection(scope).headers
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                refused = PlainTextResponse("a page of another site may not use the simulator", 403)
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def _to_chat(_request: HTTPConnection) -> Response:
    return RedirectResponse("chat")


async def _chat_page(_request: HTTPConnection) -> Response:
    headers = {"cache-control": "no-store", "content-security-policy": PAGE_POLICY}
    return FileResponse(STATIC / "chat.html", headers=headers)
