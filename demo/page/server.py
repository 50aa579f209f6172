"""The page's own server: the page, the sketch map, and the state that the page reads every second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo.city import City
from demo.config import DemoConfig
from demo.doors.http import Json
from demo.life.ledger import Ledger, seconds_left
from demo.life.officers import PatrollingOfficer

STATIC = Path(__file__).parents[1] / "static"
PUBLIC = ("case_id", "number", "state", "category", "urgent", "station", "badge", "rough", "age_s", "cause")
"""What the page shows of a case: nothing of its words, its reporter, its exact place."""


class Scene:
    """What the page draws. Positions of officers are the demo's own: the doors show a track to few, as they should."""

    def __init__(
        self, config: DemoConfig, city: City, ledger: Ledger, officers: Sequence[PatrollingOfficer]
    ) -> None:
        self.config, self.city, self._ledger, self._officers = config, city, ledger, officers

    def map(self) -> Json:
        """What does not move."""
        return {
            "ports": {"service": self.config.port + 1, "simulator": self.config.port + 2},
            "stations": [
                {"code": s.code, "name": s.name, "name_en": s.name_en, "command": s.is_command,
                 "desk": [s.desk.lng, s.desk.lat], "boundary": s.boundary}
                for s in self.city.stations
            ],
            "sketch": self.city.sketch_map(),
        }  # fmt: skip

    def state(self) -> Json:
        """What moves."""
        now_s = asyncio.get_running_loop().time()
        cases = [
            {name: case.get(name) for name in PUBLIC} | {"seconds_left": seconds_left(case, now_s)}
            for case in self._ledger.running.values()
        ]
        taken = [
            asdict(t) | {"rivals": self._ledger.refused.get((t.case_id, t.epoch), 0)}
            for t in self._ledger.taken
        ]
        return {
            "counters": self._ledger.counters(),
            "cases": cases,
            "officers": [[o.who.badge, round(o.walker.at.lng, 5), round(o.walker.at.lat, 5), o.doing] for o in self._officers],
            "handovers": [asdict(handover) for handover in self._ledger.handovers],
            "taken": taken,
        }  # fmt: skip


def create_page(scene: Scene) -> Starlette:
    """The page as an application."""

    async def index(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def sketch(_: Request) -> Response:
        return JSONResponse(scene.city.sketch_map())

    async def city(_: Request) -> Response:
        return JSONResponse(scene.map())

    async def state(_: Request) -> Response:
        return JSONResponse(scene.state(), headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/map.json", city),
            Route("/state", state),
            Route("/sketch-map.json", sketch),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )


@contextmanager
def _no_signals() -> Iterator[None]:
    yield


async def serve(scene: Scene) -> None:
    """Serve on this machine only, until cancelled."""
    config = uvicorn.Config(
        create_page(scene),
        host="127.0.0.1",
        port=scene.config.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]  # Ctrl-C belongs to the whole demo
    await server.serve()
