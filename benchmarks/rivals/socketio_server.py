"""python-socketio on the same uvicorn: one event to everybody, as often as asked."""

from __future__ import annotations

import os
import sys

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=600, ping_timeout=600)


async def http(scope, receive, send):  # type: ignore[no-untyped-def]
    """POST /broadcast/{count}: the body to every socket."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"].decode()
    for _ in range(int(scope["path"].rpartition("/")[2])):
        await sio.emit("bench", body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    uvicorn.run(
        socketio.ASGIApp(sio, other_asgi_app=http), host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop",
        http="httptools", ws="websockets-sansio", log_config=None, access_log=False, lifespan="off", backlog=4096,
    )  # fmt: skip
