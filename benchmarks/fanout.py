"""One message to 2,000 sockets, against FastAPI's send_text and python-socketio; memory of a socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import islice
from statistics import median
from uuid import UUID

from app.kit.runtime import Runtime
from app.live.tickets import issue
from app.settings import Settings
from benchmarks import seed
from benchmarks.load import Load, drive, expect, once, request
from benchmarks.measure import at_least, at_most, interleaved, note, pin, ratio, unpin
from benchmarks.sockets import Crowd
from benchmarks.stage import RIVALS_PYTHON, listening, rss_kib, runtime_on, served

SOCKETS, MESSAGES, ROUNDS = 2_000, 20, 5
GROUP = WARM = 200
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
TEXT = "x" * 60

Dial = Callable[[int], Awaitable[None]]
"""Opens so many more."""


async def run(settings: Settings, _seconds: float) -> None:
    """Three servers with 2,000 sockets each; in turn each sends 20 messages to all of its own."""
    async with (
        runtime_on(settings) as runtime,
        served("bare") as (bare, bare_pid),
        served("fanout", settings) as (port, pid),
        listening(str(RIVALS_PYTHON), "benchmarks/rivals/socketio_server.py") as (rival, rival_pid),
    ):
        people = await _people(runtime)
        pin(1)
        crowds = {name: Crowd(name) for name in ("ours", "send_text", "socketio")}
        dials: dict[str, tuple[int, Dial]] = {
            "ours": (pid, partial(_dial_ours, runtime, crowds["ours"], port, iter(people))),
            "send_text": (bare_pid, lambda count: crowds["send_text"].dial(bare, "/live", [None] * count)),
            "socketio": (rival_pid, lambda count: crowds["socketio"].dial(rival, SOCKET_IO, ["40"] * count)),
        }
        kib = {name: await _grown(server, dial) for name, (server, dial) in dials.items()}
        expect(await _ask(port, "/listen"), 200)
        found = await interleaved(
            ROUNDS,
            ours=_sent(port, crowds["ours"]),
            send_text=_sent(bare, crowds["send_text"]),
            socketio=_sent(rival, crowds["socketio"]),
        )
        for crowd in crowds.values():
            crowd.hang_up()
        unpin()
    note("fanout: " + ", ".join(f"{name} {median(rates):.0f} msg/s" for name, rates in found.items()))
    note("fanout_memory: " + ", ".join(f"{name} {grown:.1f} KiB" for name, grown in kib.items()))
    at_least("fanout_to_send_text", ratio(found, "ours", "send_text"), "x", 1.3)
    at_least("fanout_to_socketio", ratio(found, "ours", "socketio"), "x", 5)
    at_most("fanout_memory", kib["ours"], "KiB/socket", 30)


async def _people(runtime: Runtime) -> list[tuple[UUID, UUID]]:
    return await seed.sessions_of(runtime, await seed.officers(runtime, await seed.station(runtime), SOCKETS))


async def _dial_ours(
    runtime: Runtime, crowd: Crowd, port: int, people: Iterator[tuple[UUID, UUID]], count: int
) -> None:
    """Through the door as phones do, each with its ticket and its snapshot; a ticket lives 30 s."""
    while count > 0:
        said: list[str | None] = [
            json.dumps({"ticket": await issue(runtime, person_id=p, session_id=s, topics=[f"person:{p}"])})
            for p, s in islice(people, min(count, GROUP))
        ]
        await crowd.dial(port, "/miniprogram/v1/live", said)
        count -= len(said)


async def _grown(pid: int, dial: Dial) -> float:
    """KiB of resident memory that a socket adds to a server; the first ones warm it up and are not counted."""
    await dial(WARM)
    await asyncio.sleep(1)
    before = rss_kib(pid)
    await dial(SOCKETS - WARM)
    await asyncio.sleep(1)
    return (rss_kib(pid) - before) / (SOCKETS - WARM)


async def _ask(port: int, path: str) -> Load:
    return await drive(
        port, once([request("POST", path, body=TEXT.encode(), kind="text/plain")]), connections=1
    )


def _sent(port: int, crowd: Crowd) -> Callable[[], Awaitable[float]]:
    async def measured() -> float:
        crowd.expect_all(SOCKETS)
        wanted = crowd.frames + SOCKETS * MESSAGES
        began = time.perf_counter()
        asked = asyncio.create_task(_ask(port, f"/broadcast/{MESSAGES}"))
        await crowd.until(wanted)
        rate = SOCKETS * MESSAGES / (time.perf_counter() - began)
        expect(await asked, 200)
        return rate

    return measured
