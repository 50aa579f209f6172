"""One message to 2,000 sockets, against FastAPI's send_text and python-socketio; memory of a socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from app.kit.runtime import Runtime
from app.live.tickets import issue
from app.settings import Settings
from benchmarks import seed
from benchmarks.broadcast import TOPIC
from benchmarks.load import drive, expect, once, request
from benchmarks.measure import at_least, at_most, interleaved, note, pin, ratio, unpin
from benchmarks.sockets import Crowd
from benchmarks.stage import RIVALS_PYTHON, listening, rss_kib, runtime_on, served

SOCKETS, MESSAGES = 2_000, 10
TEXT = "x" * 60


async def run(settings: Settings, _seconds: float) -> None:
    """Three servers with 2,000 sockets each; in turn each sends 10 messages to all of its own."""
    async with (
        runtime_on(settings) as runtime,
        served("bare") as (bare, _),
        served("fanout", settings) as (port, pid),
        listening(str(RIVALS_PYTHON), "benchmarks/rivals/socketio_server.py") as (rival, _),
    ):
        pin(1)
        before = rss_kib(pid)
        ours = Crowd()
        await ours.dial(port, "/miniprogram/v1/live", await _tickets(runtime))
        await asyncio.sleep(1)
        kib = (rss_kib(pid) - before) / SOCKETS
        plain, socketio = Crowd(), Crowd()
        await plain.dial(bare, "/live", [None] * SOCKETS)
        await socketio.dial(rival, "/socket.io/?EIO=4&transport=websocket", ["40"] * SOCKETS)
        await asyncio.sleep(1)
        found = await interleaved(
            3, ours=_sent(port, ours), send_text=_sent(bare, plain), socketio=_sent(rival, socketio)
        )
        lost = ours.lost + plain.lost + socketio.lost
        for crowd in (ours, plain, socketio):
            crowd.hang_up()
        unpin()
    note(
        "fanout: "
        + ", ".join(f"{name} {max(rates):.0f} msg/s" for name, rates in found.items())
        + f"; {lost} sockets lost"
    )
    at_least("fanout_to_send_text", ratio(found, "ours", "send_text"), "x", 1.3)
    at_least("fanout_to_socketio", ratio(found, "ours", "socketio"), "x", 5)
    at_most("fanout_memory", kib, "KiB/socket", 30)


async def _tickets(runtime: Runtime) -> list[str | None]:
    people = await seed.officers(runtime, await seed.station(runtime), SOCKETS)
    signed = await seed.sessions_of(runtime, people)
    return [
        json.dumps({"ticket": await issue(runtime, person_id=p, session_id=s, topics=[TOPIC])})
        for p, s in signed
    ]  # fmt: skip


def _sent(port: int, crowd: Crowd) -> Callable[[], Awaitable[float]]:
    async def measured() -> float:
        wanted = crowd.frames + SOCKETS * MESSAGES
        began = time.perf_counter()
        asked = asyncio.create_task(
            drive(
                port,
                once([request("POST", f"/broadcast/{MESSAGES}", body=TEXT.encode(), kind="text/plain")]),
                connections=1,
            )
        )
        try:
            await crowd.until(wanted)
        except TimeoutError:
            short, answer = wanted - crowd.frames, asked.result().body if asked.done() else b"none yet"
            raise RuntimeError(
                f"port {port}: {short} frames missing, {crowd.lost} sockets lost; answer {answer!r}"
            ) from None
        rate = SOCKETS * MESSAGES / (time.perf_counter() - began)
        expect(await asked, 200)
        return rate

    return measured
