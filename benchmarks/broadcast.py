"""The service with one topic that everybody hears and one route that publishes to it: for the fan-out alone."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from app.kit.runtime import Runtime
from app.live.publish import publish
from app.live.topics import Permission, register_policy

TOPIC = "bench:all"


async def _everybody(runtime: Runtime, ids: list[str]) -> dict[str, Permission]:
    async with runtime.database.moves() as db:
        people = (await db.execute(text("SELECT person_id FROM officers"))).scalars().all()
    return {one: Permission(frozenset(people)) for one in ids}


def add_broadcast(app: FastAPI) -> None:
    """Add the routes: everyone who is connected now listens; a message to everyone who listens."""

    async def post_listen(request: Request) -> Response:
        hub = request.app.state.hub
        for socket in list(hub._sockets):
            hub._listen(socket, TOPIC)
        return JSONResponse({"sockets": hub.sockets})

    async def post_broadcast(request: Request) -> Response:
        body = {"type": "bench", "text": (await request.body()).decode()}
        for _ in range(request.path_params["count"]):
            await publish(request.app.state.runtime, [TOPIC], body)
            await asyncio.sleep(0)
        return JSONResponse({"sockets": request.app.state.hub.sockets})

    app.router.add_route("/listen", post_listen, methods=["POST"])
    app.router.add_route("/broadcast/{count:int}", post_broadcast, methods=["POST"])
    register_policy("bench", _everybody)
