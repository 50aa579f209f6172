"""The hub on real sockets of uvicorn: past its coroutine, and back to it when the network is full."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import uvicorn
import websockets

from app.kit.embedded.ports import free_port
from app.live import wire as wires
from app.live.hub import SIGNED_OUT, TOO_SLOW
from app.live.publish import publish
from app.live.sockets import QUEUE_LIMIT
from app.live.wire import Gone, Receive, Scope, Send, Wire

PATIENCE_S = 20.0
Dialled = Callable[..., AbstractAsyncContextManager[tuple[websockets.ClientConnection, Wire]]]


class Echoes:
    """An app that accepts sockets, hands their wires out and stays until they are gone."""

    def __init__(self) -> None:
        self.wires: asyncio.Queue[Wire] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(receive, send)
        await wire.accept()
        self.wires.put_nowait(wire)
        try:
            while True:
                await wire.receive(at_most=100)
        except Gone:
            return


@pytest_asyncio.fixture
async def dialled() -> AsyncIterator[Dialled]:
    app, port = Echoes(), free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=port, ws="websockets-sansio", lifespan="off", log_config=None, ws_ping_interval=None
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)

    @asynccontextmanager
    async def dial(**options: Any) -> AsyncIterator[tuple[websockets.ClientConnection, Wire]]:
        async with websockets.connect(f"ws://127.0.0.1:{port}", max_size=None, **options) as client:
            yield client, await asyncio.wait_for(app.wires.get(), PATIENCE_S)

    yield dial
    server.should_exit = True
    await asyncio.wait_for(serving, PATIENCE_S)


async def heard(client: websockets.ClientConnection) -> Any:
    return await asyncio.wait_for(client.recv(), PATIENCE_S)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("size", [0, 5, 125, 126, 65_535, 65_536])
async def test_a_frame_arrives_as_it_was_sent(dialled: Dialled, size: int, compression: str | None) -> None:
    async with dialled(compression=compression) as (client, wire):
        for said in ("报" * (size // 3) + "x" * (size % 3), "next"):
            while not wire.send_now(said.encode()):
                await asyncio.sleep(0)  # until the network has taken the one before

            assert await heard(client) == said


async def test_both_ways_of_sending_keep_their_order(dialled: Dialled) -> None:
    async with dialled() as (client, wire):
        for number in range(0, 20, 2):
            assert wire.send_now(f"{number}".encode())
            await wire.send(f"{number + 1}".encode())

        assert [await heard(client) for _ in range(20)] == [str(number) for number in range(20)]


async def test_the_bytes_of_a_broadcast_are_made_once(
    dialled: Dialled, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(wires, "_head", lambda size, head=wires._head: made.append(size) or head(size))
    frame = b'{"type":"one for both"}'

    async with dialled() as (first, one), dialled() as (second, other):
        assert one.send_now(frame)
        assert other.send_now(frame)

        assert await heard(first) == await heard(second) == frame.decode()
    assert made == [len(frame)]


async def test_while_the_network_is_full_nothing_is_taken(dialled: Dialled) -> None:
    async with dialled(max_queue=1) as (client, wire):
        taken = await _fill(wire)
        assert not wire.send_now(b"not now")

        waiting = asyncio.create_task(wire.send(b"last"))
        got = [await heard(client) for _ in range(taken + 1)]
        await asyncio.wait_for(waiting, PATIENCE_S)

        assert got[-1] == "last"
        assert wire.send_now(b"now")
        assert await heard(client) == "now"


async def test_after_the_close_nothing_is_sent(dialled: Dialled) -> None:
    async with dialled() as (client, wire):
        await wire.close(4401, "signed out")

        with pytest.raises(ConnectionError):
            wire.send_now(b"secret")
        with pytest.raises(websockets.ConnectionClosed):
            await heard(client)

    assert client.close_code == 4401


async def test_a_peer_that_has_gone_is_noticed(dialled: Dialled) -> None:
    async with dialled() as (client, wire):
        await client.close()

        with pytest.raises(ConnectionError):
            wire.send_now(b"too late")


async def test_another_server_gets_its_events_as_ever() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    wire = Wire(lambda: asyncio.sleep(0), send)  # type: ignore[arg-type]  # reads nothing

    assert wire.send_now(b"{}") is False
    await wire.send(b"{}")
    assert sent == [{"type": "websocket.send", "text": "{}"}]


async def test_the_hub_needs_no_coroutine_for_a_healthy_socket(
    make_hub: Any, policies: Any, anna: Any, dialled: Dialled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unused(*_: Any) -> None:
        raise AssertionError("sent by the coroutine")

    monkeypatch.setattr(Wire, "send", unused)
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    async with dialled() as (client, wire):
        hub.attach(wire, person_id=anna, session_id=uuid4(), topics=["test:1"])
        for number in range(QUEUE_LIMIT * 2):
            await publish(runtime, ["test:1"], {"type": "n", "n": number})

        numbers = [json.loads(await heard(client))["n"] for _ in range(QUEUE_LIMIT * 2)]

    assert numbers == list(range(QUEUE_LIMIT * 2))


async def test_a_phone_that_does_not_read_is_closed_and_of_positions_keeps_the_newest(
    make_hub: Any, policies: Any, anna: Any, bo: Any, dialled: Dialled
) -> None:
    hub, runtime = await make_hub()
    policies.allow("1", anna, bo)
    async with dialled(max_queue=1) as (slow, wire), dialled() as (quick, other):
        await _fill(wire)
        hub.attach(wire, person_id=anna, session_id=uuid4(), topics=["test:1"])
        hub.attach(other, person_id=bo, session_id=uuid4(), topics=["test:1"])

        for number in range(QUEUE_LIMIT * 3):
            await publish(runtime, ["test:1"], {"type": "fix", "n": number}, newest="fix")
            await heard(quick)
        kept = hub.dropped_slow
        for number in range(QUEUE_LIMIT + 1):
            await publish(runtime, ["test:1"], {"type": "n", "n": number})
            await heard(quick)

        assert (kept, hub.dropped_slow, hub.sockets) == (0, 1, 1)
        with contextlib.suppress(websockets.ConnectionClosed):
            async for _ in slow:
                pass
        assert slow.close_code == TOO_SLOW


async def test_a_session_that_ends_hears_nothing_more(
    make_hub: Any, policies: Any, sessions: Any, anna: Any, dialled: Dialled
) -> None:
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    session = uuid4()
    async with dialled() as (client, wire):
        hub.attach(wire, person_id=anna, session_id=session, topics=["test:1"])
        await publish(runtime, ["test:1"], {"type": "before"})
        assert json.loads(await heard(client))["type"] == "before"

        publishing: list[Awaitable[None]] = [
            publish(runtime, [f"session:{session}"], {"type": "signed_out"}, fresh=True),
            publish(runtime, ["test:1"], {"type": "secret"}),
        ]
        await asyncio.gather(*publishing)

        with pytest.raises(websockets.ConnectionClosed):
            await heard(client)
        assert client.close_code == SIGNED_OUT


async def _fill(wire: Wire) -> int:
    """Send to a client that does not read until nothing more is taken; how many frames that took."""
    taken = 0
    while True:
        while wire.send_now(b"x" * 60_000):
            taken += 1
        await asyncio.sleep(0.05)  # what the kernel still takes, it takes by then
        if not wire.send_now(b"x"):
            return taken
        taken += 1
