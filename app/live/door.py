"""What the sockets of every door have in common: a ticket first, then a snapshot, limits, close codes.

A socket cannot carry a header of ours, so its first message is a ticket. What a socket may miss it need
not have: the snapshot says everything, and is sent again when asked for. A door says whose tickets it
takes, what its snapshot is and what its messages do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.kit.errors import Unauthenticated, Unavailable
from app.kit.runtime import Runtime
from app.live.hub import Attached, Hub
from app.live.sockets import CLOSE_TIMEOUT_S
from app.live.tickets import Ticket, redeem
from app.live.wire import Gone, Receive, Scope, Send, Wire

log = structlog.get_logger()

FRAME_MAX = 8 * 1024
"""Bytes of one incoming message."""
FIRST_MESSAGE_S = 5.0
MESSAGES_IN, WINDOW_S = 60, 10.0
"""Incoming messages of one socket in that many seconds."""

NOT_A_TICKET, NO_TICKET, TICKET_REFUSED = 4400, 4402, 4403
REPLACED, TOO_MANY_MESSAGES = 4409, 4429
TOO_BIG, TRY_AGAIN = 1009, 1013

_PONG = b'{"type":"pong"}'

T = TypeVar("T")


class TicketIn(BaseModel):
    """The first message."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(min_length=1, max_length=100)


class Closing(Exception):
    """This socket is over."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def refuse_ticket() -> Closing:
    """Unknown, used, too old, another door's, or of a session that has ended."""
    return Closing(TICKET_REFUSED, "ask for a new ticket")


class Line(Generic[T]):
    """One open socket: whose, and what it hears. `mine` is what its door keeps about it."""

    __slots__ = ("_came", "_heard", "attached", "mine", "runtime", "ticket", "wire")

    def __init__(self, runtime: Runtime, wire: Wire, ticket: Ticket, attached: Attached, mine: T) -> None:
        self.runtime, self.wire, self.ticket = runtime, wire, ticket
        self.attached, self.mine = attached, mine
        self._heard: frozenset[str] = frozenset()
        self._came: deque[float] | None = None  # when its last messages came, monotonic

    def send(self, frame: bytes, *, newest: str | None = None) -> None:
        """Queue a frame for this socket alone."""
        self.attached.send(frame, newest=newest)

    def pong(self) -> None:
        """Answer a ping."""
        self.send(_PONG, newest="pong")

    def hear(self, topics: frozenset[str]) -> None:
        """Hear these, beside those it was attached with, and no others any more."""
        for gone in self._heard - topics:
            self.attached.leave(gone)
        for new in topics - self._heard:
            self.attached.listen(new)
        self._heard = topics

    def count_message(self) -> None:
        """Note a message. Raises: Closing, when there were too many."""
        now = time.monotonic()
        came = self._came = self._came if self._came is not None else deque()
        while came and now - came[0] > WINDOW_S:
            came.popleft()
        came.append(now)
        if len(came) > MESSAGES_IN:
            raise Closing(TOO_MANY_MESSAGES, "too many messages")


@dataclass(frozen=True, slots=True)
class Guest(Generic[T]):
    """Who has come with a ticket: what the door keeps, how many sockets they may have here, what to hear at once."""

    mine: T
    sockets_max: int
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Door(Generic[T]):
    """What differs. Each may raise Closing; a store that is away closes the socket with 1013."""

    admit: Callable[[Scope, Ticket], Awaitable[Guest[T]]]
    say_everything: Callable[[Line[T]], Awaitable[None]]
    act: Callable[[Line[T], bytes], Awaitable[None]]
    may_open: Callable[[Scope], bool] = lambda _: True
    """Whether to answer the upgrade at all; 403 otherwise."""


class Sockets(Generic[T]):
    """The socket route of a door, as a plain ASGI app."""

    def __init__(self, door: Door[T]) -> None:
        self._door = door
        self._lines: WeakKeyDictionary[Hub, dict[UUID, list[Line[T]]]] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its ticket to its end."""
        wire = Wire(receive, send)
        if not self._door.may_open(scope):
            await wire.refuse()
            return
        await wire.accept()
        try:
            line = await self._open(scope, wire)
            try:
                await self._door.say_everything(line)
                while True:
                    said = await _receive(wire)
                    line.count_message()
                    await self._door.act(line, said)
            finally:
                line.attached.detach()
                self._forget(scope["app"].state.hub, line)
        except Closing as closing:
            await _close(wire, closing.code, closing.reason)
        except Gone:
            pass
        except (Unavailable, SQLAlchemyError, OSError) as error:
            log.warning("socket_not_served", error=type(error).__name__)
            await _close(wire, TRY_AGAIN, "try again")

    async def _open(self, scope: Scope, wire: Wire) -> Line[T]:
        runtime, hub = scope["app"].state.runtime, scope["app"].state.hub
        ticket = await _ticket(runtime, wire)
        guest = await self._door.admit(scope, ticket)
        attached = hub.attach(
            wire, person_id=ticket.person_id, session_id=ticket.session_id, topics=guest.topics
        )
        line = Line(runtime, wire, ticket, attached, guest.mine)
        lines = self._lines.setdefault(hub, {}).setdefault(ticket.person_id, [])
        lines.append(line)
        replaced, lines[:] = lines[: -guest.sockets_max], lines[-guest.sockets_max :]
        for old in replaced:  # which may be of a phone that lost its network
            old.attached.detach()
            await _close(old.wire, REPLACED, "a newer socket took this one's place")
        return line

    def _forget(self, hub: Hub, line: Line[T]) -> None:
        mine = self._lines.get(hub, {})
        lines = mine.get(line.ticket.person_id, [])
        if line in lines:
            lines.remove(line)
        if not lines:
            mine.pop(line.ticket.person_id, None)


async def _ticket(runtime: Runtime, wire: Wire) -> Ticket:
    try:
        async with asyncio.timeout(FIRST_MESSAGE_S):
            said = await _receive(wire)
    except TimeoutError:
        raise Closing(NO_TICKET, "send a ticket within 5 s") from None
    try:
        return await redeem(runtime, TicketIn.model_validate_json(said).ticket)
    except ValidationError:
        raise Closing(NOT_A_TICKET, 'the first message must be {"ticket": ...}') from None
    except Unauthenticated:
        raise refuse_ticket() from None


async def _receive(wire: Wire) -> bytes:
    said = await wire.receive(at_most=FRAME_MAX)
    if said is None:
        raise Closing(TOO_BIG, "a message has at most 8 KiB")
    return said


async def _close(wire: Wire, code: int, reason: str) -> None:
    with contextlib.suppress(OSError, RuntimeError):  # the peer may be gone already, or the hub has closed it
        async with asyncio.timeout(CLOSE_TIMEOUT_S):  # its network may be full
            await wire.close(code, reason)
