"""One socket's queue, and the pump that writes all of them.

Nearly every send ends without waiting, so one task, the pump, writes socket after socket and a broadcast
costs no task a socket. When a send does wait, the pump stays with that socket alone and a new pump takes
the rest over: nobody waits for a slow phone.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

import structlog

from app.live.ending import end
from app.live.permissions import Grant

log = structlog.get_logger()

QUEUE_LIMIT = 64
"""Frames that may wait for one socket; one more and it is closed, to resume by snapshot."""
SEND_LIMIT_S = 10.0
"""How long a single send may wait for the network."""
SENDS_A_TURN = 256
"""Sockets written in one turn of the event loop; then other work has its turn, a claim for instance."""
CLOSE_TIMEOUT_S = 2.0


class Port(Protocol):
    """A connection as its door offers it.

    A port may also have `send_now(frame: bytes) -> bool`: send without waiting, or do nothing and answer
    False when the network is full (`send` is awaited then). With it a broadcast costs no coroutine a socket.
    """

    async def send(self, frame: bytes) -> None:
        """Send one frame of UTF-8 text. May wait when the network is full; raises when the peer is gone."""

    async def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code."""


class Frame:
    """What waits in queues, one object for all of them. `grant` None: it says nothing, so all may have it."""

    __slots__ = ("data", "epoch", "grant", "topic")

    def __init__(
        self, data: bytes, topic: str = "", epoch: int | None = None, grant: Grant | None = None
    ) -> None:
        self.data, self.topic, self.epoch, self.grant = data, topic, epoch, grant


class Socket:
    """One attached port: whose it is, what it listens to, what waits for it."""

    __slots__ = (
        "_next", "busy", "closed", "person", "port", "queue", "send_now", "sending_since", "session_id", "topics", "writer",
    )  # fmt: skip

    def __init__(self, port: Port, person_id: UUID, session_id: UUID) -> None:
        self.port, self.person, self.session_id = port, person_id.int, session_id
        self.send_now: Callable[[bytes], bool] | None = getattr(port, "send_now", None)
        self.topics: set[str] = set()
        self.queue: dict[object, Frame] = {}
        self.busy = False  # stands in the pump's line, or is being written
        self.closed = False
        self.sending_since: float | None = None
        self.writer: asyncio.Task[None] | None = None
        self._next = 0

    def is_stuck(self, now: float) -> bool:
        """Whether a send has waited for the network longer than it may."""
        return self.sending_since is not None and now - self.sending_since > SEND_LIMIT_S

    def put(self, frame: Frame, newest: str | None) -> bool:
        """Queue a frame; one with the same `newest` gives its place to it. False: the queue is full."""
        if newest is not None and newest in self.queue:
            self.queue[newest] = frame
            return True
        if len(self.queue) >= QUEUE_LIMIT:
            return False
        self._next += 1
        self.queue[self._next if newest is None else newest] = frame
        return True


class Pump:
    """Writes the sockets that have something to send."""

    def __init__(
        self,
        known: Callable[[Socket, Frame, float], bool | None],
        still: Callable[[Socket, Frame], Awaitable[bool]],
        lost: Callable[[Socket], None],
    ) -> None:
        """May a frame be sent though its grant has aged: `known` says it at once or not at all, `still` asks first.

        `lost`: a send failed.
        """
        self._known, self._still, self._lost = known, still, lost
        self._line: deque[Socket] = deque()
        self._no_line = asyncio.Event()
        self._no_line.set()
        self._pump: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = 0

    @property
    def has_line(self) -> bool:
        """Whether sockets wait for their turn; one that waits for its network is in no line."""
        return bool(self._line)

    async def caught_up(self) -> None:
        """Wait until every socket has had its turn."""
        await self._no_line.wait()

    def wake(self, socket: Socket) -> None:
        """This socket has something in its queue."""
        if socket.busy or socket.closed:
            return
        socket.busy = True
        self._line.append(socket)
        self._no_line.clear()
        if self._pump is None:
            self._start()

    def drop(self, socket: Socket) -> None:
        """Nothing more goes to this socket."""
        socket.closed = True
        socket.queue.clear()
        if socket.writer is not None and socket.sending_since is not None:
            socket.writer.cancel()

    async def stop(self) -> None:
        """End every task of the pump."""
        self._line.clear()
        self._no_line.set()
        await end(self._tasks)

    def _start(self) -> None:
        task = asyncio.create_task(self._run())
        self._pump = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        me = self._pump
        # Runs at the next turn of the loop: by then this pump is done, or waits for one socket.
        asyncio.get_running_loop().call_soon(self._take_over, me)
        now = time.monotonic()  # a turn lasts a few milliseconds
        for _ in range(SENDS_A_TURN):
            if not self._line or self._pump is not me:
                return
            socket = self._line.popleft()
            if not self._line:
                self._no_line.set()
            if not self._write_now(socket, now):
                socket.writer = me
                await self._write(socket)

    def _take_over(self, pump: asyncio.Task[None] | None) -> None:
        if self._pump is pump:
            self._pump = None
            if self._line:
                self._start()

    def _write_now(self, socket: Socket, now: float) -> bool:
        """Write what can be written without waiting; whether that was all."""
        send_now, queue = socket.send_now, socket.queue
        if send_now is None:
            return False
        try:
            while queue:
                key = next(iter(queue))
                frame = queue[key]
                may = frame.grant is None or frame.grant.is_fresh(now) or self._known(socket, frame, now)
                if may is None or (may and not send_now(frame.data)):
                    return False
                del queue[key]
                self.sent += may
        except Exception as error:  # whatever a port raises, this socket is over
            log.info("socket_lost", error=type(error).__name__)
            self._lost(socket)
        socket.busy = False
        return True

    async def _write(self, socket: Socket) -> None:
        queue = socket.queue
        try:
            while queue and not socket.closed:
                frame = queue.pop(next(iter(queue)))
                now = time.monotonic()
                if (
                    frame.grant is not None
                    and not frame.grant.is_fresh(now)
                    and not await self._still(socket, frame)
                ):
                    continue
                socket.sending_since = now
                await socket.port.send(frame.data)
                socket.sending_since = None
                self.sent += 1
        except Exception as error:  # whatever a port raises, this socket is over
            log.info("socket_lost", error=type(error).__name__)
            socket.sending_since = None  # it is this very task that writes: `drop` must not cancel it
            self._lost(socket)
        finally:
            socket.sending_since = None
            socket.busy = False
