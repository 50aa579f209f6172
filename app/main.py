"""The service: three doors on one application, errors as problem+json, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

import console.board
import console.live
import console.receipts
import console.router
import miniprogram.live
import miniprogram.router
import wechat.callback
from app import metrics
from app.body_cap import BodyCap
from app.kit.errors import AppError, Invalid, LimitReached, Unavailable
from app.kit.metrics import SOCKETS
from app.kit.migrate import current_revision, newest_revision
from app.kit.problems import MEDIA_TYPE, Unreadable, status_of
from app.kit.runtime import Runtime
from app.live.hub import Hub
from app.live.wire import SocketsFirst
from app.settings import Settings
from app.stations.registry import registry, stations_without_desk
from app.tracking.service import Ingest
from app.wiring import open_runtime
from wechat.client import Account, TokenStore, WeChatClient, open_http

log = structlog.get_logger()

HEALTH_TIMEOUT_S = 2.0
_STORE_STATES = ("53", "57", "08", "25")
"""Classes of SQLSTATE that are the store's trouble, a full disk (53100) among them: answered 503, so that nothing is
ever called received that is not written."""


def create_app(settings: Settings, *, wechat_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The service for these settings; stores open when it starts and close when it stops.

    `wechat_transport` carries calls to WeChat's API in tests; None: the network.
    """
    app = FastAPI(
        title="Didi Police",
        version="0.1.0",
        description="Citizens report in WeChat, the nearest officer takes the case, the desk has it at sixty seconds.",
        openapi_tags=[*miniprogram.router.TAGS, *console.router.TAGS],
        lifespan=_lifespan,
    )
    app.state.settings, app.state.wechat_transport = settings, wechat_transport
    app.add_middleware(BodyCap)
    app.add_middleware(
        SocketsFirst,
        sockets={
            f"{miniprogram.router.PREFIX}/live": miniprogram.live.sockets,
            f"{console.router.PREFIX}/live": console.live.sockets,
        },
    )
    app.include_router(wechat.callback.router(settings))
    app.include_router(miniprogram.router.router(), prefix=miniprogram.router.PREFIX)
    app.include_router(console.router.router(), prefix=console.router.PREFIX)
    app.include_router(console.board.pages())
    app.include_router(console.receipts.pages(settings))
    _errors(app)
    _health(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    runtime = open_runtime(settings)
    app.state.runtime, app.state.hub, app.state.ingest = runtime, Hub(runtime), Ingest(runtime)
    account = Account(settings.miniprogram_app_id, settings.miniprogram_app_secret.get_secret_value())
    http = open_http(settings.wechat_api_base, transport=app.state.wechat_transport)
    app.state.wechat_miniprogram = WeChatClient(http, account, TokenStore(http, account, runtime.valkey))
    official = Account(settings.wechat_app_id, settings.wechat_app_secret.get_secret_value())
    app.state.wechat_official = WeChatClient(http, official, TokenStore(http, official, runtime.valkey))
    await app.state.hub.start()
    log.info("service_started")
    try:
        yield
    finally:
        await app.state.hub.stop()
        await app.state.ingest.close()
        await runtime.close()
        await http.aclose()
        log.info("service_stopped")


def _errors(app: FastAPI) -> None:
    """Every error as problem+json (RFC 9457) with a stable code."""

    @app.exception_handler(AppError)
    async def refused(request: Request, error: AppError) -> JSONResponse:
        status = status_of(type(error))
        body = {
            "type": f"urn:didi:problem:{error.code}", "title": error.message, "status": int(status),
            "detail": error.detail, "code": error.code, "instance": request.url.path,
            **{name: _plain(fact) for name, fact in error.facts.items()},
        }  # fmt: skip
        headers = (
            {"Retry-After": str(error.facts.get("retry_after_s", 60))}
            if isinstance(error, LimitReached)
            else None
        )
        return JSONResponse(body, int(status), headers=headers, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def unusable(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        return await refused(request, Invalid("; ".join(faults)[:1000]))

    @app.exception_handler(HTTPException)
    async def unreadable(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:
            return await refused(request, Unreadable(str(error.detail)))
        body = {
            "type": "about:blank", "title": str(error.detail), "status": error.status_code, "detail": str(error.detail),
            "code": f"http_{error.status_code}", "instance": request.url.path,
        }  # fmt: skip
        return JSONResponse(body, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)

    async def store_down(request: Request, error: Exception) -> JSONResponse:
        log.warning("store_down", error=type(error).__name__, path=request.scope.get("path", ""))
        return await refused(
            request, Unavailable("the database does not answer; nothing was done, try again")
        )

    async def database_error(request: Request, error: Exception) -> JSONResponse:
        state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
        lost = isinstance(error, InterfaceError) or getattr(error, "connection_invalidated", False)
        if lost or state[:2] in _STORE_STATES:
            return await store_down(request, error)
        raise error

    for kind in (OperationalError, PoolTimeout, OSError, TimeoutError):
        app.add_exception_handler(kind, store_down)
    app.add_exception_handler(DBAPIError, database_error)


def _plain(fact: object) -> object:
    return fact if isinstance(fact, str | int | float | bool | None) else str(fact)


def _health(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(request: Request) -> JSONResponse:
        """Whether it can serve, and what is not well."""
        checks = await readiness(request.app.state.runtime)
        ready = checks["database"] == "ok" and checks["migrations"] == "ok"
        return JSONResponse({"ready": ready, **checks}, 200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def scrape(request: Request) -> Response:
        """Prometheus."""
        SOCKETS.set(request.app.state.hub.sockets)
        return Response(await metrics.scrape(request.app.state.runtime), media_type=metrics.CONTENT_TYPE)


async def readiness(runtime: Runtime) -> dict[str, object]:
    """database, migrations, valkey: `ok` or what is wrong; stations_without_desk: their codes.

    A silent Valkey does not make the service unready: it costs speed, no promise.
    """
    checks: dict[str, object] = {}
    checks["database"] = await _check(lambda: _database_answers(runtime))
    checks["migrations"] = (
        await _check(lambda: _migrated(runtime)) if checks["database"] == "ok" else "unknown"
    )
    checks["valkey"] = await _check(runtime.valkey.ping)
    checks["stations_without_desk"] = []
    if checks["migrations"] == "ok":
        async with runtime.database.transaction() as db:
            checks["stations_without_desk"] = [
                s.code for s in await stations_without_desk(db, await registry(runtime))
            ]
    return checks


async def _check(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await ask()
    except Exception as error:
        return str(error) if isinstance(error, Unavailable) else type(error).__name__
    return "ok"


async def _database_answers(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("SELECT 1"))


async def _migrated(runtime: Runtime) -> None:
    has, wants = await current_revision(runtime.database), newest_revision()
    if has != wants:
        raise Unavailable(f"the database is at {has or 'nothing'}, this code wants {wants}: run didi migrate")
