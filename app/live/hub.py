"""The hub: from topics to the sockets of this process, permission asked at every send."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

import structlog

from app.kit.runtime import Runtime
from app.live.ending import end
from app.live.envelope import RESUME, Envelope, decode
from app.live.gateway import Gateway
from app.live.permissions import Grant, Permissions
from app.live.sockets import CLOSE_TIMEOUT_S, Frame, Port, Pump, Socket
from app.live.topics import ALIVE, POLICIES, SESSION, watch

log = structlog.get_logger()

SIGNED_OUT, TOO_SLOW, GOING_AWAY = 4401, 4408, 1001
"""Close codes: sign in again; connect anew and read the snapshot; this process stops, connect anew."""
TOPICS_LIMIT = 64
"""Topics of one socket."""
BURST = 16
"""Messages handed to the queues before the pump has had its turn: a socket is slow only if it was given the chance."""
INCOMING_LIMIT = 10_000
"""Messages that wait for a policy or for the pump; beyond, they are dropped and every socket resumes."""
CHECK_EVERY_S = 0.5
SWEEP_EVERY_S = 5.0
"""How often living sessions are asked for: without Valkey, and with it (then `session:` messages come at once)."""
CHECK_TIMEOUT_S = 2.0
_REASK_S = 0.05

_RESUME = Frame(RESUME)
K = TypeVar("K", str, UUID)


class Attached:
    """A socket as its door holds it."""

    def __init__(self, hub: Hub, socket: Socket) -> None:
        self._hub, self._socket = hub, socket

    def listen(self, topic: str) -> None:
        """Hear one more topic. Raises: ValueError as `attach`."""
        self._hub._listen(self._socket, topic)

    def leave(self, topic: str) -> None:
        """Hear it no more."""
        self._hub._leave(self._socket, topic)

    def send(self, frame: bytes, *, newest: str | None = None) -> None:
        """Queue a frame for this socket alone, as its snapshot; in order with what the hub sends."""
        self._hub._put(self._socket, Frame(frame), newest)

    def detach(self) -> None:
        """The connection is gone. Safe to call twice, and after the hub has closed it."""
        self._hub._drop(self._socket)

    @property
    def closed(self) -> bool:
        """Whether the hub has let go of it."""
        return self._socket.closed


class Hub:
    """Sockets of one process. `start` before the first `attach`; one event loop.

    `sockets` is how many there are now, and is scraped. Counted since the start: frames `sent`, sockets closed as
    too slow (`dropped_slow`), frames `refused_by_policy` (once for each socket that listened and did not get it).
    """

    def __init__(self, runtime: Runtime) -> None:
        self.dropped_slow = 0
        self.refused_by_policy = 0
        self._runtime = runtime
        self._sockets: set[Socket] = set()
        self._listeners: dict[str, set[Socket]] = {}
        self._by_session: dict[UUID, set[Socket]] = {}
        self._permissions = Permissions(runtime, POLICIES)
        watch(self._permissions)
        self._pump = Pump(self._known, self._still, self._drop)
        self._gateway = Gateway(runtime, self._hear_remote, self.resume_all)
        self._incoming: list[Envelope] = []
        self._burst = 0
        self._asking: asyncio.Task[None] | None = None
        self._missed: set[str] = set()  # topics whose policy failed: their sockets are owed a resume
        self._tick: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def sockets(self) -> int:
        """Attached now."""
        return len(self._sockets)

    @property
    def sent(self) -> int:
        """Frames given to ports."""
        return self._pump.sent

    @property
    def connected(self) -> bool:
        """Whether messages of other processes arrive."""
        return self._gateway.connected

    async def start(self) -> None:
        """Hear this process's messages, and the others' within a second when Valkey answers."""
        self._runtime.ears.append(self._hear)
        self._tick = asyncio.create_task(self._watch_sockets())
        await self._gateway.start()

    async def stop(self) -> None:
        """Close every socket (1001) and let go of everything."""
        with contextlib.suppress(ValueError):
            self._runtime.ears.remove(self._hear)
        await self._gateway.stop()
        await end(task for task in (self._tick, self._asking) if task)
        for socket in list(self._sockets):
            self._close(socket, GOING_AWAY, "this server stops: connect again")
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._pump.stop()

    def attach(self, port: Port, *, person_id: UUID, session_id: UUID, topics: Iterable[str]) -> Attached:
        """Let a connection hear these topics, as far as the policies allow at each send.

        Attach first and read the snapshot then: what happens in between arrives twice, never not at all.

        Raises:
            ValueError: a topic without a policy, or more than 64.
        """
        socket = Socket(port, person_id, session_id)
        self._sockets.add(socket)
        self._by_session.setdefault(session_id, set()).add(socket)
        try:
            for topic in topics:
                self._listen(socket, topic)
        except ValueError:
            self._drop(socket)
            raise
        return Attached(self, socket)

    def resume_all(self) -> None:
        """Tell every socket to read its snapshot again: something may have been missed."""
        for socket in list(self._sockets):
            self._put(socket, _RESUME, "resume")

    # What is heard

    def _hear_remote(self, raw: bytes) -> None:
        try:
            envelope = decode(raw)
        except (ValueError, KeyError, TypeError):
            log.error("live_message_unreadable", size=len(raw))
            return
        self._take(envelope)

    def _hear(self, topics: list[str], raw: bytes) -> None:
        if any(topic in self._listeners or topic.startswith(SESSION) for topic in topics):
            self._take(decode(raw))

    def _take(self, envelope: Envelope) -> None:
        if not envelope.topics:
            self.resume_all()
            return
        for topic in envelope.topics:
            if topic.startswith(f"{SESSION}:"):
                self._sign_out(topic)
            if envelope.fresh:
                self._permissions.forget(topic)
        wanted = [topic for topic in envelope.topics if topic in self._listeners]
        if not wanted:
            return
        if self._asking is None and self._has_room() and not self._to_ask(wanted, envelope.epoch):
            self._deliver(envelope)
            return
        if len(self._incoming) >= INCOMING_LIMIT:
            log.warning("live_messages_dropped", waiting=len(self._incoming))
            self._incoming.clear()
            self.resume_all()
        self._incoming.append(envelope)  # behind what waits already: the order stays
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_and_deliver())

    def _has_room(self) -> bool:
        """Whether one more message may go to the queues at once."""
        self._burst = self._burst + 1 if self._pump.has_line else 1
        return self._burst <= BURST

    def _unknown(self, envelope: Envelope) -> set[str]:
        return self._to_ask((t for t in envelope.topics if t in self._listeners), envelope.epoch)

    def _to_ask(self, topics: Iterable[str], epoch: int | None) -> set[str]:
        now = time.monotonic()
        ask = set()
        for topic in topics:
            grant = self._permissions.known(topic, now)
            if grant is None or (_is_behind(grant, epoch) and now - grant.asked_at > _REASK_S):
                ask.add(topic)
        return ask

    async def _ask_and_deliver(self) -> None:
        try:
            while self._incoming:
                await self._pump.caught_up()
                batch, self._incoming = self._incoming[:BURST], self._incoming[BURST:]
                silent: set[str] = set()  # their policies do not answer: asked once, not once a message
                while batch:
                    if ask := {topic for envelope in batch for topic in self._unknown(envelope)} - silent:
                        await self._permissions.ask(ask)
                        now = time.monotonic()
                        silent |= {topic for topic in ask if self._permissions.known(topic, now) is None}
                    self._deliver(batch.pop(0))
                    while batch and not self._unknown(batch[0]) - silent:  # until one has aged on the way
                        self._deliver(batch.pop(0))
        finally:
            self._asking = None

    def _deliver(self, envelope: Envelope) -> None:
        now = time.monotonic()
        topics = [topic for topic in envelope.topics if topic in self._listeners]
        heard: set[Socket] | None = set() if len(topics) > 1 else None  # one topic: nobody can hear it twice
        refused: list[Socket] = []
        for topic in topics:
            grant = self._permissions.known(topic, now)
            if grant is None:
                self._missed.add(topic)
                continue
            frame = Frame(envelope.frame, topic, envelope.epoch, grant)
            persons = grant.persons if grant.fits(envelope.epoch) else frozenset()
            for socket in tuple(self._listeners.get(topic, ())):
                if socket.person not in persons:
                    refused.append(socket)
                elif heard is None or socket not in heard:
                    self._put(socket, frame, envelope.newest)
                    if heard is not None:
                        heard.add(socket)
        self.refused_by_policy += len(set(refused) - (heard or set()))

    # Sockets

    def _put(self, socket: Socket, frame: Frame, newest: str | None) -> None:
        if socket.closed:
            return
        if not socket.put(frame, newest):
            self.dropped_slow += 1
            self._close(socket, TOO_SLOW, "resume by snapshot")
            return
        self._pump.wake(socket)

    def _known(self, socket: Socket, frame: Frame, now: float) -> bool | None:
        """Whether a frame that waited in the queue may still go out; None: the policy must be asked."""
        grant = self._permissions.known(frame.topic, now)
        if grant is None:
            return None
        if grant.allows(socket.person, frame.epoch):
            return True
        self.refused_by_policy += 1
        return False

    async def _still(self, socket: Socket, frame: Frame) -> bool:
        """The same, asked if need be."""
        while (may := self._known(socket, frame, time.monotonic())) is None:
            await self._permissions.ask_once(frame.topic)
            if not self._permissions.was_answered(frame.topic):
                self._missed.add(frame.topic)
                return False
        return may

    def _listen(self, socket: Socket, topic: str) -> None:
        if topic.partition(":")[0] not in POLICIES:
            raise ValueError(f"no policy says who may hear {topic!r}: register one for its prefix")
        if len(socket.topics) >= TOPICS_LIMIT and topic not in socket.topics:
            raise ValueError(f"a socket listens to at most {TOPICS_LIMIT} topics")
        socket.topics.add(topic)
        self._listeners.setdefault(topic, set()).add(socket)

    def _leave(self, socket: Socket, topic: str) -> None:
        socket.topics.discard(topic)
        _discard(self._listeners, topic, socket)

    def _drop(self, socket: Socket) -> None:
        if socket.closed:
            return
        self._pump.drop(socket)
        self._sockets.discard(socket)
        _discard(self._by_session, socket.session_id, socket)
        for topic in list(socket.topics):
            self._leave(socket, topic)

    def _close(self, socket: Socket, code: int, reason: str) -> None:
        self._drop(socket)
        task = asyncio.create_task(_close_port(socket.port, code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _sign_out(self, topic: str) -> None:
        with contextlib.suppress(ValueError):
            for socket in list(self._by_session.get(UUID(topic.partition(":")[2]), ())):
                self._close(socket, SIGNED_OUT, "signed out")

    # What is looked at again and again

    async def _watch_sockets(self) -> None:
        asked_at = time.monotonic()
        while True:
            now = time.monotonic()
            if not self.connected or now - asked_at >= SWEEP_EVERY_S:
                asked_at = now
                await self._check_sessions()
            for socket in [s for s in self._sockets if s.is_stuck(now)]:
                self.dropped_slow += 1
                self._close(socket, TOO_SLOW, "resume by snapshot")
            self._permissions.prune()
            await self._pay_missed()
            await asyncio.sleep(max(0.0, CHECK_EVERY_S - (time.monotonic() - now)))

    async def _check_sessions(self) -> None:
        sessions = set(self._by_session)
        if not sessions or ALIVE.check is None:
            return
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                alive = await ALIVE.check(self._runtime, sessions)
        except Exception as error:  # the database is away: then no policy lets a frame through either
            log.warning("sessions_not_checked", sockets=self.sockets, error=type(error).__name__)
            return
        for session_id in sessions - alive:
            for socket in list(self._by_session.get(session_id, ())):
                self._close(socket, SIGNED_OUT, "signed out")

    async def _pay_missed(self) -> None:
        """Topics whose policy failed: once it answers again, their sockets read the snapshot."""
        if not self._missed:
            return
        missed, self._missed = self._missed & self._listeners.keys(), set()
        await self._permissions.ask(missed)
        for topic in missed:
            if self._permissions.known(topic, time.monotonic()) is None:
                self._missed.add(topic)
                continue
            for socket in list(self._listeners.get(topic, ())):
                self._put(socket, _RESUME, "resume")


def _is_behind(grant: Grant, epoch: int | None) -> bool:
    """Whether a frame is of a later epoch than the permission: the permission is the stale one then."""
    return epoch is not None and grant.epoch is not None and epoch > grant.epoch


def _discard(index: dict[K, set[Socket]], key: K, socket: Socket) -> None:
    if members := index.get(key):
        members.discard(socket)
        if not members:
            del index[key]


async def _close_port(port: Port, code: int, reason: str) -> None:
    with contextlib.suppress(Exception):  # the peer may be gone already
        await asyncio.wait_for(port.close(code, reason), CLOSE_TIMEOUT_S)
