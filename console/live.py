"""The board's socket: a snapshot first, then what happens at my desks. Its Origin must be the console's."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import HTTPConnection

from app.dispatch.desk import stations_of
from app.kit.errors import Conflict
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.live.door import NOT_A_TICKET, Closing, Door, Guest, Line, Sockets, refuse_ticket
from app.live.tickets import TICKET_EXPIRY_S, Ticket, issue
from app.live.wire import Scope
from app.people.roles import roles_of
from app.people.sessions import Actor, Audience, PersonKind, Role, alive
from app.stations.registry import registry
from console.auth import Desk, Stores, is_own_origin
from console.duty import ApprovalOut, OnDutyOut, approvals_of, duty_of
from console.queue import CaseBriefOut, QueueOut, queue_page, running_briefs
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import PAGE_MAX, In, Out

SOCKETS_OF_A_PERSON = 3
"""At one process. One more takes the place of the oldest."""
DESKS_MAX = 60
"""Stations one socket hears; whoever commands more polls the rest, as the snapshot's `unheard` says."""

NO_ROLE = 4410
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
`approval_asked`, `approval_decided`, `duty_changed` (read who is on duty anew), `reach_failed` (an officer's test on going on
duty did not arrive: `officer_id`, `badge`, `outcome`), `page` (where the board is the loudspeaker: say `badge` and `words`),
`resume` (ask for a `snapshot`), `signed_out`, `pong`. You may send `snapshot` and `ping`.
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


async def _admit(scope: Scope, ticket: Ticket) -> Guest[None]:
    # Only this door's tickets name desks: a mini-program's session has no TOTP and no Origin behind it.
    if not all(topic.startswith(_DESK) for topic in ticket.topics):
        raise refuse_ticket()
    if not await alive(scope["app"].state.runtime, [ticket.session_id]):
        raise refuse_ticket()
    return Guest(None, SOCKETS_OF_A_PERSON)


async def _take(line: Line[None], said: bytes) -> None:
    try:
        message = _MESSAGE.validate_json(said)
    except ValidationError:
        raise Closing(NOT_A_TICKET, "not a message of this API") from None
    if isinstance(message, PingIn):
        line.pong()
        return
    await _say_everything(line)


async def _say_everything(line: Line[None]) -> None:
    """Hear my desks of now, then say how they stand: in this order, so that nothing falls between."""
    runtime = line.runtime
    async with runtime.database.transaction() as db:
        grants = await roles_of(db, line.ticket.person_id)
    actor = Actor(
        line.ticket.person_id, PersonKind.STAFF, Audience.CONSOLE, line.ticket.session_id, grants,
        second_factor=True,
    )  # fmt: skip
    # Not inside the blocks around: who waits for a second connection with one in hand may wait for itself.
    stations = await _stations(runtime, actor)
    if not stations:
        raise Closing(NO_ROLE, "no desk and no command")
    line.hear(frozenset(f"{_DESK}{station_id}" for station_id in stations[:DESKS_MAX]))
    async with runtime.database.transaction() as db:
        snapshot = SnapshotOut(
            stations=stations,
            unheard=max(0, len(stations) - DESKS_MAX),
            queue=await queue_page(db, runtime, actor, after=None, limit=PAGE_MAX),
            running=await running_briefs(db, runtime, actor),
            on_duty=await duty_of(db, runtime, actor),
            approvals=await approvals_of(db, actor),
        )
    line.send(snapshot.model_dump_json().encode(), newest="snapshot")


async def _stations(runtime: Runtime, actor: Actor) -> list[UUID]:
    everywhere, named = stations_of(actor)
    return [station.id for station in (await registry(runtime)).all()] if everywhere else named


def _may_open(scope: Scope) -> bool:
    return is_own_origin(HTTPConnection(scope))


sockets = Sockets(Door(_admit, _say_everything, _take, _may_open))
routes.add_websocket_route("/live", sockets)  # type: ignore[arg-type]  # an ASGI app
