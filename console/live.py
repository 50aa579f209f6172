"""The board's socket: a snapshot first, then what happens at my desks.

A socket cannot carry the CSRF header, so its first message is a ticket; its Origin must be the console's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from fastapi import APIRouter, WebSocket
from pydantic import Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from app.dispatch.desk import stations_of
from app.kit.errors import Conflict, Unauthenticated, Unavailable
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.live.hub import Attached, Hub
from app.live.tickets import TICKET_EXPIRY_S, Ticket, issue, redeem
from app.people.roles import roles_of
from app.people.sessions import Actor, Audience, PersonKind, Role, alive
from app.stations.registry import registry
from console.auth import Desk, Stores, is_own_origin
from console.cases import CaseBriefOut, QueueOut, queue_page, running_briefs
from console.duty import ApprovalOut, OnDutyOut, approvals_of, duty_of
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import PAGE_MAX, In, Out

FRAME_MAX = 8 * 1024
"""Bytes of one incoming message."""
FIRST_MESSAGE_S = 5.0
SOCKETS_OF_A_PERSON = 3
"""At one process. One more takes the place of the oldest."""
MESSAGES_IN, WINDOW_S = 60, 10.0
"""Incoming messages of one socket in that many seconds."""
DESKS_MAX = 60
"""Stations one socket hears; whoever commands more polls the rest, as the snapshot's `unheard` says."""

NOT_A_TICKET, NO_TICKET, TICKET_REFUSED = 4400, 4402, 4403
REPLACED, TOO_MANY_MESSAGES, NO_ROLE = 4409, 4429, 4410
TOO_BIG, TRY_AGAIN = 1009, 1013
_DESK = "desk:"

CLOSE_CODES = """
| close code | means | do |
| --- | --- | --- |
| 403 instead of an upgrade | the Origin is not the console's | - |
| 1001 | this server stops | connect again |
| 1009 | a message of over 8 KiB | - |
| 1013 | a store is down | connect again after some seconds |
| 4400 | a message was not one of this API | - |
| 4401 | signed out | sign in |
| 4402 | no ticket within 5 s | connect again |
| 4403 | the ticket is unknown, used, over 30 s old or another door's | get a new one |
| 4408 | this browser did not keep up | connect again, read the snapshot |
| 4409 | a newer socket of the same person took this one's place | do not reconnect by itself |
| 4410 | no desk and no command any more | - |
| 4429 | over 60 messages in 10 s | connect again after some seconds |
"""


class NoStation(Conflict):
    """There is no station yet whose board could be shown."""

    code = "no_station"
    message = "尚未建立派出所"
    message_en = "There is no station yet: an administrator adds one with POST /stations"


class TicketOut(Out):
    """Send `{"ticket": ...}` as the socket's first message."""

    ticket: str = Field(examples=["4Jr0nq7gk0Nn4x0o2v3mM6yTQw8S1cZr5c9bQvUuE1A"])
    expires_in_s: int = Field(examples=[TICKET_EXPIRY_S])


class SnapshotOut(Out):
    """The whole board: the first frame, and the answer to `snapshot`. Nothing that identifies a reporter."""

    type: Literal["snapshot"] = "snapshot"
    stations: list[UUID] = Field(description="Mine")
    unheard: int = Field(description="Of these, how many tell nothing over this socket")
    queue: QueueOut = Field(description="Its first page, of 100")
    running: list[CaseBriefOut]
    on_duty: list[OnDutyOut]
    approvals: list[ApprovalOut]


class TicketIn(In):
    """The first message."""

    ticket: str = Field(min_length=1, max_length=100)


class PingIn(In):
    """Every 25 s; answered by `pong`."""

    type: Literal["ping"]


class SnapshotIn(In):
    """Say everything again: after `resume`, and when a `case_changed` makes the board old."""

    type: Literal["snapshot"]


_MESSAGE: TypeAdapter[PingIn | SnapshotIn] = TypeAdapter(
    Annotated[PingIn | SnapshotIn, Field(discriminator="type")]
)

routes = APIRouter(tags=["Console: live"])


@routes.post(
    "/live/tickets",
    status_code=201,
    operation_id="consoleLiveTicket",
    summary="A ticket for one socket",
    description="""Connect to `/console/v1/live` from the console's own origin and send `{"ticket": ...}` within 5 s. The first
frame is a `snapshot`. Then, each with a `type`: `case_changed` (which case, what happened, its state and epoch),
`approval_asked`, `approval_decided`, `resume` (ask for a `snapshot`), `signed_out`, `pong`. You may send `snapshot` and `ping`.
"""
    + CLOSE_CODES,
    responses=problems(*UNSAFE, RoleNeeded, NoStation),
    openapi_extra=roles(Role.DESK, Role.COMMANDER),
)
async def post_ticket(actor: Desk, runtime: Stores) -> TicketOut:
    """Issue a ticket."""
    topics = [f"{_DESK}{station_id}" for station_id in await _stations(runtime, actor)]
    if not topics:
        raise NoStation()
    ticket = await issue(
        runtime, person_id=actor.person_id, session_id=actor.session_id, topics=topics[:DESKS_MAX]
    )
    return TicketOut(ticket=ticket, expires_in_s=TICKET_EXPIRY_S)


class Closing(Exception):
    """This socket is over."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class SocketPort:
    """A WebSocket as the hub writes to it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, frame: bytes) -> None:
        """One text frame."""
        await self._websocket.send({"type": "websocket.send", "text": frame.decode()})

    async def close(self, code: int, reason: str) -> None:
        """Close with a code."""
        await self._websocket.close(code, reason)


@dataclass(eq=False)
class Line:
    """One open socket: whose, and what it hears."""

    runtime: Runtime
    ticket: Ticket
    attached: Attached
    port: SocketPort
    desks: set[UUID] = field(default_factory=set)
    came: deque[float] = field(default_factory=deque)  # when its last messages came, monotonic

    def too_many(self) -> bool:
        """Note a message; whether there were more than may be."""
        now = time.monotonic()
        while self.came and now - self.came[0] > WINDOW_S:
            self.came.popleft()
        self.came.append(now)
        return len(self.came) > MESSAGES_IN


_lines: WeakKeyDictionary[Hub, dict[UUID, list[Line]]] = WeakKeyDictionary()


@routes.websocket("/live")
async def desk_socket(websocket: WebSocket) -> None:
    """One socket, from its ticket to its end."""
    if not is_own_origin(websocket):
        await websocket.close()  # before the upgrade: 403
        return
    await websocket.accept()
    line: Line | None = None
    try:
        line = await _open(websocket)
        await _say_everything(line)
        while True:
            await _take(line, await _receive(websocket))
    except Closing as closing:
        if line:
            line.attached.detach()
        await _close(websocket, closing)
    except (WebSocketDisconnect, RuntimeError):  # gone; RuntimeError once the hub has closed it
        pass
    finally:
        if line:
            line.attached.detach()
            _forget(websocket.app.state.hub, line)


async def _open(websocket: WebSocket) -> Line:
    runtime, hub = websocket.app.state.runtime, websocket.app.state.hub
    ticket = await _ticket(websocket, runtime)
    port = SocketPort(websocket)
    lines = _lines.setdefault(hub, {}).setdefault(ticket.person_id, [])
    for old in lines[: max(0, len(lines) - SOCKETS_OF_A_PERSON + 1)]:
        lines.remove(old)
        old.attached.detach()
        with contextlib.suppress(Exception):  # the peer may be gone already
            await old.port.close(REPLACED, "a newer socket took this one's place")
    attached = hub.attach(port, person_id=ticket.person_id, session_id=ticket.session_id, topics=())
    line = Line(runtime, ticket, attached, port)
    lines.append(line)
    return line


def _forget(hub: Hub, line: Line) -> None:
    mine = _lines.get(hub, {})
    lines = mine.get(line.ticket.person_id, [])
    if line in lines:
        lines.remove(line)
    if not lines:
        mine.pop(line.ticket.person_id, None)


async def _ticket(websocket: WebSocket, runtime: Runtime) -> Ticket:
    try:
        async with asyncio.timeout(FIRST_MESSAGE_S):
            said = await _receive(websocket)
    except TimeoutError:
        raise Closing(NO_TICKET, "send a ticket within 5 s") from None
    try:
        ticket = await redeem(runtime, TicketIn.model_validate_json(said).ticket)
        living = await alive(runtime, [ticket.session_id])
    except ValidationError:
        raise Closing(NOT_A_TICKET, 'the first message must be {"ticket": ...}') from None
    except Unauthenticated:
        raise Closing(TICKET_REFUSED, "ask for a new ticket") from None
    except (Unavailable, OSError):
        raise Closing(TRY_AGAIN, "try again") from None
    # Only this door's tickets name desks: a mini-program's session has no TOTP and no Origin behind it.
    if not living or not all(topic.startswith(_DESK) for topic in ticket.topics):
        raise Closing(TICKET_REFUSED, "ask for a new ticket")
    return ticket


async def _receive(websocket: WebSocket) -> bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    said = message.get("bytes") or (message.get("text") or "").encode("utf-8", "surrogatepass")
    if len(said) > FRAME_MAX:
        raise Closing(TOO_BIG, "a message has at most 8 KiB")
    return bytes(said)


async def _take(line: Line, said: bytes) -> None:
    if line.too_many():
        raise Closing(TOO_MANY_MESSAGES, "too many messages")
    try:
        message = _MESSAGE.validate_json(said)
    except ValidationError:
        raise Closing(NOT_A_TICKET, "not a message of this API") from None
    if isinstance(message, PingIn):
        line.attached.send(b'{"type":"pong"}', newest="pong")
        return
    await _say_everything(line)


async def _say_everything(line: Line) -> None:
    """Hear my desks of now, then say how they stand: in this order, so that nothing falls between."""
    runtime = line.runtime
    try:
        async with runtime.database.transaction() as db:
            grants = await roles_of(db, line.ticket.person_id)
            actor = Actor(
                line.ticket.person_id, PersonKind.STAFF, Audience.CONSOLE, line.ticket.session_id, grants,
                second_factor=True,
            )  # fmt: skip
            stations = await _stations(runtime, actor)
            if not stations:
                raise Closing(NO_ROLE, "no desk and no command")
            _hear(line, set(stations[:DESKS_MAX]))
            snapshot = SnapshotOut(
                stations=stations,
                unheard=max(0, len(stations) - DESKS_MAX),
                queue=await queue_page(db, runtime, actor, after=None, limit=PAGE_MAX),
                running=await running_briefs(db, runtime, actor),
                on_duty=await duty_of(db, actor),
                approvals=await approvals_of(db, actor),
            )
    except (Unavailable, OSError):
        raise Closing(TRY_AGAIN, "try again") from None
    line.attached.send(snapshot.model_dump_json().encode(), newest="snapshot")


def _hear(line: Line, desks: set[UUID]) -> None:
    for gone in line.desks - desks:
        line.attached.leave(f"{_DESK}{gone}")
    for new in desks - line.desks:
        line.attached.listen(f"{_DESK}{new}")
    line.desks = desks


async def _stations(runtime: Runtime, actor: Actor) -> list[UUID]:
    everywhere, named = stations_of(actor)
    return [station.id for station in (await registry(runtime)).all()] if everywhere else named


async def _close(websocket: WebSocket, closing: Closing) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the peer may be gone already
        await websocket.close(closing.code, closing.reason)
