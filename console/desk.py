"""What the desk does with a case. Of two desks that want the same one, one gets it; a stale epoch gets 409."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.cases.errors import (
    CaseEnded,
    CaseNotFound,
    NotTheHolder,
    OfficerHasACase,
    StaleEpoch,
    TooManyForwards,
    WrongState,
)
from app.cases.moves import Moved
from app.cases.states import CaseState
from app.dispatch import desk
from app.dispatch.acts import Disposition
from app.dispatch.errors import NotFree
from app.kit.errors import AppError
from app.kit.problems import problems
from app.people.sessions import Role
from console.auth import Desk, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import NOTE_MAX, Epoch, In, Out, Reason, text_of

_ACTS: tuple[type[AppError], ...] = (
    *UNSAFE, RoleNeeded, CaseNotFound, StaleEpoch, NotTheHolder, WrongState, CaseEnded,
)  # fmt: skip
_DESK = roles(Role.DESK, Role.COMMANDER)


class ActIn(In):
    """An act on a case."""

    epoch: Epoch


class ReasonIn(ActIn):
    """An act that says why."""

    reason: Reason


class AssignIn(ActIn):
    """Who goes."""

    officer_id: UUID


class ForwardIn(ReasonIn):
    """Where it goes, and why."""

    to_station_id: UUID


class CloseIn(ActIn):
    """How it ended; a case closed at the desk carries its reason."""

    disposition: Disposition = Field(examples=["advised"])
    note: Annotated[str, text_of(NOTE_MAX)] = Field(examples=["已电话告知拨打12345"])


class MergeIn(ActIn):
    """The case of the same matter that goes on."""

    into_id: UUID


class ReopenIn(In):
    """Why a closed case is taken up again."""

    reason: Reason


class ActOut(Out):
    """Where the case stands now."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    epoch: int
    station_id: UUID
    officer_id: UUID | None

    @classmethod
    def of(cls, moved: Moved) -> ActOut:
        """A move of the core."""
        return cls(
            case_id=moved.case_id, number=moved.number, state=moved.state, epoch=moved.epoch,
            station_id=moved.station_id, officer_id=moved.officer_id,
        )  # fmt: skip


routes = APIRouter(tags=["Console: desk"], prefix="/cases/{case_id}")


@routes.post(
    "/acknowledge",
    operation_id="consoleAcknowledge",
    summary="A human has seen it",
    description="The ladder of desks stops ringing. Needs no epoch: seeing is not holding.",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_acknowledgement(case_id: UUID, actor: Desk, runtime: Stores) -> ActOut:
    """Acknowledge."""
    return ActOut.of(await desk.acknowledge(runtime, case_id, actor=actor))


@routes.post(
    "/take",
    operation_id="consoleTakeCase",
    summary="I take it",
    description="Of two desk persons one gets it; asking again after getting it is a success.",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_take(case_id: UUID, body: ActIn, actor: Desk, runtime: Stores) -> ActOut:
    """Take a case."""
    return ActOut.of(await desk.take_case(runtime, case_id, epoch=body.epoch, actor=actor))


@routes.post(
    "/put-back",
    operation_id="consolePutBack",
    summary="Back into the queue",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_put_back(case_id: UUID, body: ActIn, actor: Desk, runtime: Stores) -> ActOut:
    """Lay one's case back."""
    return ActOut.of(await desk.put_back(runtime, case_id, epoch=body.epoch, actor=actor))


@routes.post(
    "/assignment",
    operation_id="consoleAssign",
    summary="Put a free officer on it",
    description="`GET /cases/{case_id}/officers` lists them by distance. A silent assignee loses the case again.",
    responses=problems(*_ACTS, NotFree, OfficerHasACase),
    openapi_extra=_DESK,
)
async def post_assignment(case_id: UUID, body: AssignIn, actor: Desk, runtime: Stores) -> ActOut:
    """Assign an officer."""
    moved = await desk.assign(runtime, case_id, epoch=body.epoch, officer_id=body.officer_id, actor=actor)
    return ActOut.of(moved)


@routes.post(
    "/recall",
    operation_id="consoleRecall",
    summary="Take it back from its officer",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_recall(case_id: UUID, body: ReasonIn, actor: Desk, runtime: Stores) -> ActOut:
    """Recall a case."""
    moved = await desk.recall(runtime, case_id, epoch=body.epoch, actor=actor, reason=body.reason)
    return ActOut.of(moved)


@routes.post(
    "/forward",
    operation_id="consoleForward",
    summary="Send it to another station",
    description="Twice at most; then a commander decides where it stays.",
    responses=problems(*_ACTS, TooManyForwards),
    openapi_extra=_DESK,
)
async def post_forward(case_id: UUID, body: ForwardIn, actor: Desk, runtime: Stores) -> ActOut:
    """Forward a case."""
    moved = await desk.forward(
        runtime, case_id, epoch=body.epoch, to_station_id=body.to_station_id, actor=actor, reason=body.reason
    )
    return ActOut.of(moved)


@routes.post(
    "/merge",
    operation_id="consoleMerge",
    summary="Fold it into another of the same matter",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_merge(case_id: UUID, body: MergeIn, actor: Desk, runtime: Stores) -> ActOut:
    """Merge two cases."""
    moved = await desk.merge(runtime, case_id, epoch=body.epoch, into_id=body.into_id, actor=actor)
    return ActOut.of(moved)


@routes.post(
    "/close",
    operation_id="consoleCloseAtDesk",
    summary="Close it at the desk",
    description="By whoever has taken it, with a disposition and a note, always.",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_close(case_id: UUID, body: CloseIn, actor: Desk, runtime: Stores) -> ActOut:
    """Close a case."""
    moved = await desk.close_at_desk(
        runtime, case_id, epoch=body.epoch, actor=actor, disposition=body.disposition, note=body.note
    )
    return ActOut.of(moved)


@routes.post(
    "/reopen",
    operation_id="consoleReopen",
    summary="Take a closed case up again",
    responses=problems(*_ACTS),
    openapi_extra=_DESK,
)
async def post_reopen(case_id: UUID, body: ReopenIn, actor: Desk, runtime: Stores) -> ActOut:
    """Reopen a case."""
    return ActOut.of(await desk.reopen(runtime, case_id, actor=actor, reason=body.reason))
