"""What we measure ourselves against over HTTP: FastAPI doing nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os

from fastapi import FastAPI, Request, Response, WebSocket
from pydantic import BaseModel
from redis.asyncio import Redis
from starlette.websockets import WebSocketDisconnect

app = FastAPI()
valkey = Redis.from_url(os.environ.get("VALKEY_URL", "redis://127.0.0.1"))
sockets: set[WebSocket] = set()


@app.post("/bare")
async def post_bare() -> dict[str, object]:
    """A route that returns a dict."""
    return {"code": "case_already_taken", "status": 409}


class Ping(BaseModel):
    """One position."""

    lat: float
    lng: float


@app.post("/naive")
async def post_naive(ping: Ping) -> dict[str, bool]:
    """What is written first: a GEOADD for each point."""
    await valkey.geoadd("naive:pos", (ping.lng, ping.lat, "officer"))
    return {"ok": True}


@app.post("/echo")
async def post_echo(request: Request) -> Response:
    """The same body back."""
    return Response(await request.body(), media_type="text/xml")


@app.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """Stay open."""
    await websocket.accept()
    sockets.add(websocket)
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()
    sockets.discard(websocket)


@app.post("/broadcast/{count}")
async def post_broadcast(count: int, request: Request) -> dict[str, int]:
    """The body to every socket, `count` times, by send_text one after the other."""
    text = (await request.body()).decode()
    for _ in range(count):
        for socket in list(sockets):
            await socket.send_text(text)
        await asyncio.sleep(0)
    return {"sockets": len(sockets)}
