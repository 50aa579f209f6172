"""The socket: fixes and signs in, what happens out.

A socket cannot carry our header, so its first message is a ticket. What a socket may miss it need not
have: the snapshot on connect says everything, and is sent again when asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from fastapi import APIRouter, WebSocket
from pydantic import Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from app.cases.queries import case_held_by, cases_of_reporter
from app.cases.states import ENDED
from app.dispatch.claim import seen
from app.dispatch.queries import open_offers
from app.kit.errors import AppError, Invalid, Unauthenticated, Unavailable
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.live.hub import Attached, Hub
from app.live.tickets import TICKET_EXPIRY_S, Ticket, issue, redeem
from app.people.identity import person
from app.people.officers import facts_of
from app.people.sessions import Actor, Audience, OfficerFacts, alive
from app.tracking.queries import track
from app.tracking.service import Ingest
from miniprogram.auth import CitizenOrOfficer, SecondFactorNeeded, Stores
from miniprogram.cases import CaseBriefOut, TrackOut
from miniprogram.duty import FixBatch, FixesOut, take_fixes
from miniprogram.my_case import HeldBriefOut, helped
from miniprogram.offers import OfferOut
from miniprogram.schema import Epoch, In, Out

FRAME_MAX = 8 * 1024
"""Bytes of one incoming message."""
FIRST_MESSAGE_S = 5.0
SOCKETS_OF_A_CITIZEN, SOCKETS_OF_AN_OFFICER = 2, 3
"""At one process. One more takes the place of the oldest, which may be a phone that lost its network."""
MESSAGES_IN, WINDOW_S = 60, 10.0
"""Incoming messages of one socket in that many seconds."""
OWN_CASES_MAX = 20
"""Running reports of oneself in a snapshot."""

NOT_A_TICKET, TICKET_REFUSED, NO_TICKET = 4400, 4403, 4402
REPLACED, TOO_MANY_MESSAGES = 4409, 4429
TOO_BIG, TRY_AGAIN = 1009, 1013

CLOSE_CODES = """
| close code | means | do |
| --- | --- | --- |
| 1001 | this server stops | connect again |
| 1009 | a message of over 8 KiB | send smaller batches |
| 1013 | a store is down | connect again after some seconds |
| 4400 | the first message was not a ticket | - |
| 4401 | signed out | sign in |
| 4402 | no ticket within 5 s | connect again |
| 4403 | the ticket is unknown, used, over 30 s old or another door's | get a new one |
| 4408 | this phone did not keep up | connect again, read the snapshot |
| 4409 | a newer socket of the same person took this one's place | do not reconnect by itself |
| 4429 | over 60 messages in 10 s | connect again after some seconds |
"""


class TicketOut(Out):
    """Send `{"ticket": ...}` as the socket's first message."""

    ticket: str = Field(examples=["4Jr0nq7gk0Nn4x0o2v3mM6yTQw8S1cZr5c9bQvUuE1A"])
    expires_in_s: int = Field(examples=[TICKET_EXPIRY_S])


class OwnCaseOut(CaseBriefOut):
    """A running report of mine, with its officer's track."""

    epoch: int
    track: TrackOut


class SnapshotOut(Out):
    """Everything a client needs to start from: the first frame, and the answer to `snapshot`."""

    type: Literal["snapshot"] = "snapshot"
    on_duty: bool | None
    offers: list[OfferOut]
    case: HeldBriefOut | None
    helping: list[UUID]
    cases: list[OwnCaseOut]


class TicketIn(In):
    """The first message."""

    ticket: str = Field(min_length=1, max_length=100)


class PingIn(In):
    """Every 25 s; answered by `pong`."""

    type: Literal["ping"]


class SnapshotIn(In):
    """Say everything again: after `resume`, after a claim, when a case turns up that is not known yet."""

    type: Literal["snapshot"]


class SeenIn(In):
    """This phone showed an offer."""

    type: Literal["seen"]
    case_id: UUID
    epoch: Epoch


class FixesMessage(In):
    """As `POST /fixes`; answered by `fixes_taken`."""

    type: Literal["fixes"]
    fixes: FixBatch


class FixesTaken(FixesOut):
    """Where the fixes went."""

    type: Literal["fixes_taken"] = "fixes_taken"


_FIRST = TypeAdapter(TicketIn)
_Message = Annotated[PingIn | SnapshotIn | SeenIn | FixesMessage, Field(discriminator="type")]
_MESSAGE: TypeAdapter[PingIn | SnapshotIn | SeenIn | FixesMessage] = TypeAdapter(_Message)

routes = APIRouter(tags=["Live"])


@routes.post(
    "/live/tickets",
    status_code=201,
    operation_id="liveTicket",
    summary="A ticket for one socket",
    description="""Connect to `/miniprogram/v1/live` and send `{"ticket": ...}` within 5 s. The first frame is a `snapshot`.
Then, each with a `type`: `offer`, `withdrawn`, `case_changed`, `case_gone`, `fix` (newest wins; WGS-84; of the epoch it
names), `resume` (ask for a `snapshot`), `signed_out`, `fixes_taken`, `pong`, `error` (a message could not be used).
You may send `fixes`, `seen`, `snapshot`, `ping`. A message has at most 8 KiB; a citizen has 2 sockets, an officer 3.
"""
    + CLOSE_CODES,
    responses=problems(SecondFactorNeeded),
)
async def post_ticket(actor: CitizenOrOfficer, runtime: Stores) -> TicketOut:
    """Issue a ticket. An officer's socket hears of cases, so it needs the second factor."""
    if actor.officer is not None and not actor.second_factor:
        raise SecondFactorNeeded()
    ticket = await issue(
        runtime, person_id=actor.person_id, session_id=actor.session_id, topics=[f"person:{actor.person_id}"]
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
    """One open socket: whose, and what it is attached to."""

    runtime: Runtime
    ingest: Ingest
    actor: Actor
    attached: Attached
    port: SocketPort
    cases: set[UUID] = field(default_factory=set)  # whose topics it hears
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
async def live(websocket: WebSocket) -> None:
    """One socket, from its ticket to its end."""
    await websocket.accept()
    try:
        line = await _open(websocket)
    except Closing as closing:
        await _close(websocket, closing)
        return
    except WebSocketDisconnect:
        return
    try:
        await _say_everything(line)
        while True:
            await _take(line, await _receive(websocket))
    except Closing as closing:
        line.attached.detach()
        await _close(websocket, closing)
    except (WebSocketDisconnect, RuntimeError):  # gone; RuntimeError once the hub has closed it
        pass
    finally:
        line.attached.detach()
        _forget(websocket.app.state.hub, line)


async def _open(websocket: WebSocket) -> Line:
    state = websocket.app.state
    ticket = await _ticket(websocket, state.runtime)
    actor = await _actor(state.runtime, ticket)
    port, hub = SocketPort(websocket), state.hub
    attached = hub.attach(port, person_id=actor.person_id, session_id=actor.session_id, topics=ticket.topics)
    line = Line(state.runtime, state.ingest, actor, attached, port)
    lines = _lines.setdefault(hub, {}).setdefault(actor.person_id, [])
    lines.append(line)
    most = SOCKETS_OF_AN_OFFICER if actor.officer else SOCKETS_OF_A_CITIZEN
    replaced, lines[:] = lines[:-most], lines[-most:]
    for old in replaced:
        old.attached.detach()
        with contextlib.suppress(Exception):  # the peer may be gone already
            await old.port.close(REPLACED, "a newer socket took this one's place")
    return line


def _forget(hub: Hub, line: Line) -> None:
    mine = _lines.get(hub, {})
    lines = mine.get(line.actor.person_id, [])
    if line in lines:
        lines.remove(line)
    if not lines:
        mine.pop(line.actor.person_id, None)


async def _ticket(websocket: WebSocket, runtime: Runtime) -> Ticket:
    try:
        async with asyncio.timeout(FIRST_MESSAGE_S):
            said = await _receive(websocket)
    except TimeoutError:
        raise Closing(NO_TICKET, "send a ticket within 5 s") from None
    try:
        return await redeem(runtime, _FIRST.validate_json(said).ticket)
    except ValidationError:
        raise Closing(NOT_A_TICKET, 'the first message must be {"ticket": ...}') from None
    except Unauthenticated:
        raise Closing(TICKET_REFUSED, "ask for a new ticket") from None
    except Unavailable:
        raise Closing(TRY_AGAIN, "try again") from None


async def _actor(runtime: Runtime, ticket: Ticket) -> Actor:
    """Whose socket it is. The ticket was given to a session with its second factor, if it is an officer's."""
    # A console's ticket names desks: here its holder would hear them without the Origin that the console asks for.
    if ticket.topics != (f"person:{ticket.person_id}",):
        raise Closing(TICKET_REFUSED, "ask for a new ticket")
    if not await alive(runtime, [ticket.session_id]):
        raise Closing(TICKET_REFUSED, "signed out")
    async with runtime.database.moves() as db:
        owner = await person(db, ticket.person_id)
        facts = (await facts_of(db, [ticket.person_id])).get(ticket.person_id)
    return Actor(
        owner.id, owner.kind, Audience.MINIPROGRAM, ticket.session_id, officer=facts, second_factor=facts is not None,
        language=owner.language,
    )  # fmt: skip


async def _receive(websocket: WebSocket) -> bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    said = message.get("bytes") or (message.get("text") or "").encode("utf-8", "surrogatepass")
    if len(said) > FRAME_MAX:
        raise Closing(TOO_BIG, "a message has at most 8 KiB")
    return bytes(said)


async def _take(line: Line, said: bytes) -> None:
    """Act on one message. One that cannot be used is answered, and the socket stays."""
    if line.too_many():
        raise Closing(TOO_MANY_MESSAGES, "too many messages")
    try:
        await _act(line, _MESSAGE.validate_json(said))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        _refuse(line, Invalid.code, f"not a message of this API, at {where or 'its start'}")
    except AppError as error:
        _refuse(line, error.code, error.detail)


async def _act(line: Line, message: PingIn | SnapshotIn | SeenIn | FixesMessage) -> None:
    runtime = line.runtime
    match message:
        case PingIn():
            line.attached.send(b'{"type":"pong"}', newest="pong")
        case SnapshotIn():
            await _say_everything(line)
        case SeenIn():
            await seen(runtime, message.case_id, epoch=message.epoch, officer=line.actor)
        case FixesMessage():
            facts = await _facts(line)
            taken = await take_fixes(
                runtime, line.ingest, line.actor.person_id, facts, [f.fix() for f in message.fixes]
            )
            answer = FixesTaken(**taken.model_dump())
            line.attached.send(answer.model_dump_json().encode(), newest="fixes_taken")


async def _facts(line: Line) -> OfficerFacts | None:
    """Duty as it is now: nothing is kept of an officer who has just gone off duty."""
    person_id = line.actor.person_id
    async with line.runtime.database.moves() as db:
        return (await facts_of(db, [person_id])).get(person_id)


def _refuse(line: Line, code: str, detail: str) -> None:
    frame = {"type": "error", "code": code, "detail": detail}
    line.attached.send(json.dumps(frame, ensure_ascii=False).encode())


async def _say_everything(line: Line) -> None:
    """Hear what belongs to the cases of now, then say how they stand: in this order, so that nothing falls between."""
    runtime, person_id = line.runtime, line.actor.person_id
    facts = await _facts(line)
    async with runtime.database.transaction() as db:
        reported = await cases_of_reporter(db, runtime, person_id, limit=OWN_CASES_MAX)
    running = [case for case in reported if case.state not in ENDED]
    async with runtime.database.moves() as db:
        offers = await open_offers(db, person_id) if facts and facts.on_duty else []
        held = await case_held_by(db, runtime, person_id) if facts else None
        helping = await helped(db, runtime, line.ingest, person_id) if facts else []
        _hear(line, {case.id for case in (*running, *helping, *([held] if held else []))})
        own = [
            OwnCaseOut(
                **CaseBriefOut.of(case).model_dump(), epoch=case.epoch,
                track=TrackOut.of(await track(db, runtime, case)),
            )
            for case in running
        ]  # fmt: skip
    snapshot = SnapshotOut(
        on_duty=facts.on_duty if facts else None,
        offers=[OfferOut.of(offer) for offer in offers],
        case=HeldBriefOut.of(held) if held else None,
        helping=[case.id for case in helping],
        cases=own,
    )
    line.attached.send(snapshot.model_dump_json().encode(), newest="snapshot")


def _hear(line: Line, cases: set[UUID]) -> None:
    for gone in line.cases - cases:
        line.attached.leave(f"case:{gone}")
    for new in cases - line.cases:
        line.attached.listen(f"case:{new}")
    line.cases = cases


async def _close(websocket: WebSocket, closing: Closing) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the peer may be gone already
        await websocket.close(closing.code, closing.reason)
