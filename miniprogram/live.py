"""The socket: fixes and signs in, what happens out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError

from app.cases.queries import case_held_by, cases_of_reporter
from app.cases.states import ENDED
from app.dispatch.claim import seen
from app.dispatch.queries import open_offers
from app.kit.errors import AppError, Invalid
from app.kit.problems import problems
from app.live.door import Door, Guest, Line, Sockets, refuse_ticket
from app.live.tickets import TICKET_EXPIRY_S, Ticket, issue
from app.live.wire import Scope
from app.notices.socket import note_here
from app.people.identity import person
from app.people.officers import facts_of
from app.people.sessions import Actor, Audience, OfficerFacts, alive
from app.tracking.queries import track
from app.tracking.service import Ingest
from miniprogram.auth import CitizenOrOfficer, SecondFactorNeeded, Stores
from miniprogram.cases import CaseBriefOut, TrackOut
from miniprogram.duty import FixBatch, FixesOut, take_fixes
from miniprogram.my_case import HeldBriefOut
from miniprogram.offers import OfferOut
from miniprogram.schema import Epoch, In, Out

SOCKETS_OF_A_CITIZEN, SOCKETS_OF_AN_OFFICER = 2, 3
"""At one process. One more takes the place of the oldest."""
OWN_CASES_MAX = 20
"""Running reports of oneself in a snapshot."""

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
names), `notice` (show its `words`, and say so by `POST /me/notices/seen` within 3 s), `reach_tested` (what came of the test on
going on duty), `renew_reach` (write a line to the Official Account: few messages are left), `resume` (ask for a `snapshot`),
`signed_out`, `fixes_taken`, `pong`, `error` (a message could not be used). Say `seen` of every offer within 2 s of showing it:
otherwise a message follows, and WeChat allows few.
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


@dataclass(frozen=True, slots=True)
class Mine:
    """Whose socket it is."""

    ingest: Ingest
    actor: Actor


async def _admit(scope: Scope, ticket: Ticket) -> Guest[Mine]:
    """The ticket was given to a session with its second factor, if it is an officer's."""
    runtime = scope["app"].state.runtime
    # A console's ticket names desks: here its holder would hear them without the Origin that the console asks for.
    if ticket.topics != (f"person:{ticket.person_id}",) or not await alive(runtime, [ticket.session_id]):
        raise refuse_ticket()
    async with runtime.database.moves() as db:
        owner = await person(db, ticket.person_id)
        facts = (await facts_of(db, [ticket.person_id])).get(ticket.person_id)
    actor = Actor(
        owner.id, owner.kind, Audience.MINIPROGRAM, ticket.session_id, officer=facts, second_factor=facts is not None,
        language=owner.language,
    )  # fmt: skip
    await note_here(runtime, owner.id)
    most = SOCKETS_OF_AN_OFFICER if facts else SOCKETS_OF_A_CITIZEN
    return Guest(Mine(scope["app"].state.ingest, actor), most, ticket.topics)


async def _take(line: Line[Mine], said: bytes) -> None:
    """Act on one message. One that cannot be used is answered, and the socket stays."""
    try:
        await _act(line, _MESSAGE.validate_json(said))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        _refuse(line, Invalid.code, f"not a message of this API, at {where or 'its start'}")
    except AppError as error:
        _refuse(line, error.code, error.detail)


async def _act(line: Line[Mine], message: PingIn | SnapshotIn | SeenIn | FixesMessage) -> None:
    runtime = line.runtime
    match message:
        case PingIn():
            line.pong()
            await note_here(runtime, line.mine.actor.person_id)
        case SnapshotIn():
            await _say_everything(line)
        case SeenIn():
            await seen(runtime, message.case_id, epoch=message.epoch, officer=line.mine.actor)
        case FixesMessage():
            facts = await _facts(line)
            officer_id = line.mine.actor.person_id
            taken = await take_fixes(runtime, line.mine.ingest, officer_id, facts, message.fixes)
            answer = FixesTaken(**taken.model_dump())
            line.send(answer.model_dump_json().encode(), newest="fixes_taken")


async def _facts(line: Line[Mine]) -> OfficerFacts | None:
    """Duty as it is now: nothing is kept of an officer who has just gone off duty."""
    person_id = line.mine.actor.person_id
    async with line.runtime.database.moves() as db:
        return (await facts_of(db, [person_id])).get(person_id)


def _refuse(line: Line[Mine], code: str, detail: str) -> None:
    frame = {"type": "error", "code": code, "detail": detail}
    line.send(json.dumps(frame, ensure_ascii=False).encode())


async def _say_everything(line: Line[Mine]) -> None:
    """Hear what belongs to the cases of now, then say how they stand: in this order, so that nothing falls between."""
    runtime, person_id = line.runtime, line.mine.actor.person_id
    facts = await _facts(line)
    # Not inside the block below: who waits for a second connection with one in hand may wait for itself.
    helping = [h.case_id for h in await line.mine.ingest.holdings(person_id) if not h.holder] if facts else []
    async with runtime.database.transaction() as db:
        reported = await cases_of_reporter(db, runtime, person_id, limit=OWN_CASES_MAX)
    running = [case for case in reported if case.state not in ENDED]
    async with runtime.database.moves() as db:
        offers = await open_offers(db, person_id) if facts and facts.on_duty else []
        held = await case_held_by(db, runtime, person_id) if facts else None
        cases = [*(case.id for case in running), *helping, *([held.id] if held else [])]
        line.hear(frozenset(f"case:{case_id}" for case_id in cases))
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
        helping=helping,
        cases=own,
    )
    line.send(snapshot.model_dump_json().encode(), newest="snapshot")


sockets = Sockets(Door(_admit, _say_everything, _take))
routes.add_websocket_route("/live", sockets)  # type: ignore[arg-type]  # an ASGI app
