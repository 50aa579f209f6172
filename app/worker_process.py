"""A worker as a process: its sender to WeChat, its signals, its health page."""

from __future__ import annotations

import asyncio
import signal

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import pagers
from app import metrics, worker
from app.dispatch.pagers import Pagers
from app.kit.runtime import Runtime, spare_the_collector
from app.notices.sender import Senders
from app.notices.tables import Channel
from app.settings import Settings
from app.wiring import open_runtime
from wechat.client import official_client, open_http
from wechat.media import wechat_media
from wechat.sender import wechat_senders
from wechat.tags import OfficersTag

log = structlog.get_logger()


async def main(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT, then finish what is under way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    runtime = open_runtime(settings)
    http = open_http(settings.wechat_api_base)
    to_pagers = pagers.open_http()
    paging = Pagers(runtime, pagers.pagers_of(runtime, to_pagers))
    sender = Senders(wechat_senders(runtime, http) | {Channel.PAGER: paging})
    health = _health(runtime, settings)
    serving = asyncio.create_task(health.serve()) if health else None
    spare_the_collector()
    log.info("worker_started")
    try:
        tags = worker.Tick("officers_tag", 30.0, OfficersTag(runtime, official_client(runtime, http)))
        await worker.run(runtime, sender, stop, wechat_media(runtime, http), of_doors=[tags])
    finally:
        if health and serving:
            health.should_exit = True
            await serving
        await runtime.close()
        await http.aclose()
        await to_pagers.aclose()
        log.info("worker_stopped")


class _Quiet(uvicorn.Server):
    """Signals are the worker's to hear, not the health page's."""

    async def serve(self, sockets: object = None) -> None:
        await self._serve()


def _health(runtime: Runtime, settings: Settings) -> _Quiet | None:
    if not settings.metrics_port:
        return None

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def scrape(_: Request) -> Response:
        return Response(await metrics.scrape(runtime), media_type=metrics.CONTENT_TYPE)

    app = Starlette(routes=[Route("/healthz", healthz), Route("/metrics", scrape)])
    config = uvicorn.Config(
        app, host=settings.host, port=settings.metrics_port, log_config=None, access_log=False, lifespan="off"
    )
    return _Quiet(config)
