"""`didi serve`, `worker`, `demo`: what runs until it is stopped."""

from __future__ import annotations

import signal
from typing import Annotated

import typer
import uvicorn
import uvloop

from app import demo_run, worker_process
from app.cli.shell import err, stores, with_runtime
from app.kit.logging import set_up_logging
from app.kit.migrate import migrate as migrate_now
from app.kit.runtime import Runtime, spare_the_collector
from app.main import create_app
from app.settings import load_settings

cli = typer.Typer()
DRAIN_S = 10
"""How long a stopping service waits for requests under way: twice WeChat's patience."""


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; DIDI_HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; DIDI_PORT otherwise.")] = None,
) -> None:
    """Run the service: the doors of WeChat, the mini-program and the console."""
    settings = load_settings()
    set_up_logging(json=settings.env == "production", level=settings.log_level)
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises it again after its drain: the lease must end too
    with stores(settings) as ready:
        with_runtime(ready, lambda r: _bring_up_to_date(r, embedded=not settings.database_url))
        app = create_app(ready)
        spare_the_collector()
        uvicorn.run(
            app,
            host=host or ready.host,
            port=port if port is not None else ready.port,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            ws_max_size=8192,
        )


def _leave(*_: object) -> None:
    raise SystemExit(0)


async def _bring_up_to_date(runtime: Runtime, *, embedded: bool) -> None:
    """An embedded database is brought up to date; a given one is the operator's to migrate."""
    if embedded:
        await migrate_now(runtime.database)


@cli.command()
def worker() -> None:
    """Run the worker: handover, rings, silence, notices. Any number may run."""
    settings = load_settings()
    set_up_logging(json=settings.env == "production", level=settings.log_level)
    with stores(settings) as ready:
        uvloop.run(worker_process.main(ready))


@cli.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Run a fixed story without a browser, then exit.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the first page; the next three are used too.")] = 8000,
) -> None:
    """Run the whole city on this machine: simulated WeChat, fictional stations, real clocks."""
    signal.signal(signal.SIGTERM, _leave)
    raise typer.Exit(demo_run.run(once=once, port=port, say=lambda line: err.print(line, highlight=False)))
