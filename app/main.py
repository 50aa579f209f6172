"""The service: three doors on one application, errors as problem+json, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from sqlalchemy import text

import console.board
import console.live
import console.receipts
import console.router
import miniprogram.hot
import miniprogram.live
import miniprogram.router
import wechat.callback
import wechat.jssdk
import wechat.miniprogram_push
from app import metrics
from app.body_cap import BodyCap
from app.kit.errors import Unavailable
from app.kit.metrics import SOCKETS
from app.kit.migrate import current_revision, newest_revision
from app.kit.runtime import Runtime
from app.live.hub import Hub
from app.live.wire import SocketsFirst
from app.refusals import KINDS, answer
from app.settings import Settings
from app.stations.registry import registry, stations_without_desk
from app.tracking.service import Ingest
from app.wiring import open_runtime
from wechat.client import mini_program_client, official_client, open_http
from wechat.scenes import SceneCodes

log = structlog.get_logger()

HEALTH_TIMEOUT_S = 2.0


def create_app(settings: Settings, *, wechat_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The service for these settings; stores open when it starts and close when it stops.

    `wechat_transport` carries calls to WeChat's API in tests; None: the network.
    """
    app = FastAPIOffline(  # its page asks no other host for scripts
        title="Didi Police",
        version="0.1.0",
        description="Citizens report in WeChat, the nearest officer takes the case, the desk has it at sixty seconds.",
        openapi_tags=[*miniprogram.router.TAGS, *console.router.TAGS],
        lifespan=_lifespan,
        docs_url="/docs",
        redoc_url=None,
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
    app.add_middleware(miniprogram.hot.HotFirst, prefix=miniprogram.router.PREFIX, answer=answer)
    app.include_router(wechat.callback.router(settings))
    app.include_router(wechat.miniprogram_push.router(settings))
    app.include_router(wechat.jssdk.router(settings))
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
    http = open_http(settings.wechat_api_base, transport=app.state.wechat_transport)
    app.state.wechat_miniprogram = mini_program_client(runtime, http)
    app.state.wechat_official = official_client(runtime, http)
    app.state.codes = SceneCodes(app.state.wechat_official)
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
    async def refused(request: Request, error: Exception) -> Response:
        if (said := answer(error, request.url.path)) is None:
            raise error
        return said

    for kind in KINDS:
        app.add_exception_handler(kind, refused)


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
