"""A server process for a benchmark: `python -m benchmarks.serve APP PORT`, as `didi serve` runs uvicorn."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from benchmarks.measure import pin


def bare() -> Any:
    """The anchor: FastAPI, one route that returns a dict, one that echoes, one socket that is sent to."""
    from benchmarks.anchor import app

    return app


def product() -> Any:
    """The service as it is, settings from the environment."""
    from app.kit.logging import set_up_logging
    from app.kit.runtime import spare_the_collector
    from app.main import create_app
    from app.settings import load_settings

    set_up_logging(json=True, level="ERROR")
    app = create_app(load_settings())
    spare_the_collector()
    return app


def fanout() -> Any:
    """The service with one more route that publishes to everyone, for the benchmark of fan-out alone."""
    from benchmarks.broadcast import add_broadcast

    app = product()
    add_broadcast(app)
    return app


def simulated() -> Any:
    """WeChat's simulator, with people who may be written to without end."""
    from benchmarks.simulated import app

    return app()


def main() -> None:
    """Serve until killed."""
    pin(0)
    app = {"bare": bare, "product": product, "fanout": fanout, "simulated": simulated}[sys.argv[1]]()
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", ws="websockets-sansio",
        log_config=None, access_log=False, server_header=False, ws_max_size=8192, backlog=4096,
    )  # fmt: skip


if __name__ == "__main__":
    main()
