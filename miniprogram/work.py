"""What an officer does with the case in hand. Every act carries the epoch: a stale one gets 409."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.cases.errors import CaseEnded, CaseNotFound, NotTheHolder, StaleEpoch, WrongState
from app.cases.moves import Moved
from app.cases.states import CaseState
from app.dispatch import acts
from app.dispatch.acts import Disposition
from app.dispatch.claim import release
from app.dispatch.errors import ArrivalNotShown, OffDuty, TooManyCodes
from app.kit.errors import AppError
from app.kit.problems import problems
from miniprogram.auth import Fixes, Officer, OfficersOnly, SecondFactorNeeded, Stores
from miniprogram.schema import NOTE_MAX, Epoch, In, Out, PointIn, Reason, text_of

_ACTS: tuple[type[AppError], ...] = (
    OfficersOnly, SecondFactorNeeded, CaseNotFound, StaleEpoch, NotTheHolder, WrongState, CaseEnded,
)  # fmt: skip


class ActIn(In):
    """An act on the case in hand."""

    epoch: Epoch


class ReasonIn(ActIn):
    """An act that says why."""

    reason: Reason


class ArrivedIn(ActIn):
    """At the place: by the reporter's meet code, or by a position near it."""

    meet_code: str | None = Field(None, pattern=r"^[0-9]{4}$", examples=["4711"])
    at: PointIn | None = None


class CloseIn(ActIn):
    """How it ended."""

    disposition: Disposition = Field(examples=["mediated"])
    note: Annotated[str, text_of(NOTE_MAX)] | None = Field(None, examples=["已劝导，音响关闭"])


class ActOut(Out):
    """Where the case stands now."""

    case_id: UUID
    state: CaseState
    epoch: int

    @classmethod
    def of(cls, moved: Moved) -> ActOut:
        """A move of the core."""
        return cls(case_id=moved.case_id, state=moved.state, epoch=moved.epoch)


class ReleaseOut(Out):
    """Where the case went: `open` while its minute runs, else `handed_over`."""

    case_id: UUID
    state: CaseState


routes = APIRouter(tags=["Case in hand"])


@routes.post(
    "/cases/{case_id}/en-route", operation_id="enRoute", summary="I set out", responses=problems(*_ACTS)
)
async def post_en_route(case_id: UUID, body: ActIn, officer: Officer, runtime: Stores) -> ActOut:
    """Set out."""
    return ActOut.of(await acts.en_route(runtime, case_id, epoch=body.epoch, officer=officer))


@routes.post(
    "/cases/{case_id}/arrived",
    operation_id="arrived",
    summary="I am there",
    description="Shown by the reporter's meet code (5 tries) or by a position near the place; who never said "
    "`en-route` passes through it.",
    responses=problems(*_ACTS, ArrivalNotShown, TooManyCodes),
)
async def post_arrived(case_id: UUID, body: ArrivedIn, officer: Officer, runtime: Stores) -> ActOut:
    """Arrive."""
    at = body.at.wgs84() if body.at else None
    moved = await acts.arrived(
        runtime, case_id, epoch=body.epoch, officer=officer, meet_code=body.meet_code, at=at
    )
    return ActOut.of(moved)


@routes.post(
    "/cases/{case_id}/still-coming",
    status_code=204,
    operation_id="stillComing",
    summary="I am still coming",
    description="Answers a nudge: the clock of the promise starts again.",
    responses=problems(*_ACTS),
)
async def post_still_coming(case_id: UUID, body: ActIn, officer: Officer, runtime: Stores) -> Response:
    """Give a sign."""
    await acts.still_coming(runtime, case_id, epoch=body.epoch, officer=officer)
    return Response(status_code=204)


@routes.post(
    "/cases/{case_id}/release",
    operation_id="release",
    summary="I can't go on",
    description="A claimed case, or one on the way. While its minute runs it is offered to others, else the desk has "
    "it; the releaser is not asked again.",
    responses=problems(*_ACTS),
)
async def post_release(
    case_id: UUID, body: ReasonIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ReleaseOut:
    """Release the case."""
    state = await release(runtime, case_id, epoch=body.epoch, officer=officer, reason=body.reason)
    ingest.forget(officer.person_id)
    return ReleaseOut(case_id=case_id, state=state)


@routes.post(
    "/cases/{case_id}/return",
    operation_id="giveBack",
    summary="Give an assigned case back to the desk",
    responses=problems(*_ACTS),
)
async def post_return(
    case_id: UUID, body: ReasonIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ActOut:
    """Give the case back."""
    moved = await acts.give_back(runtime, case_id, epoch=body.epoch, officer=officer, reason=body.reason)
    ingest.forget(officer.person_id)
    return ActOut.of(moved)


@routes.post(
    "/cases/{case_id}/another-unit",
    operation_id="needsAnotherUnit",
    summary="I am there; another unit must take it on",
    responses=problems(*_ACTS),
)
async def post_another_unit(
    case_id: UUID, body: ReasonIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ActOut:
    """Hand the case over at the place."""
    moved = await acts.needs_another_unit(
        runtime, case_id, epoch=body.epoch, officer=officer, reason=body.reason
    )
    ingest.forget(officer.person_id)
    return ActOut.of(moved)


@routes.post(
    "/cases/{case_id}/close",
    operation_id="close",
    summary="Close with a disposition",
    responses=problems(*_ACTS),
)
async def post_close(
    case_id: UUID, body: CloseIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ActOut:
    """Close the case."""
    moved = await acts.close(
        runtime, case_id, epoch=body.epoch, officer=officer, disposition=body.disposition, note=body.note
    )
    ingest.forget(officer.person_id)
    return ActOut.of(moved)


@routes.post(
    "/cases/{case_id}/agree-to-cancel",
    operation_id="agreeToCancel",
    summary="The reporter asked to cancel, and I agree",
    description="Not of a silent, urgent or dispute report (409 `wrong_state`): the desk checks, or you come and see.",
    responses=problems(*_ACTS),
)
async def post_agreement(
    case_id: UUID, body: ActIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ActOut:
    """Agree to the reporter's wish."""
    moved = await acts.agree_to_cancel(runtime, case_id, epoch=body.epoch, officer=officer)
    ingest.forget(officer.person_id)
    return ActOut.of(moved)


@routes.post(
    "/cases/{case_id}/raise",
    operation_id="raiseCase",
    summary="Worse than reported: the desk is told",
    responses=problems(*_ACTS),
)
async def post_raise(case_id: UUID, body: ActIn, officer: Officer, runtime: Stores) -> ActOut:
    """Raise the case to urgent."""
    return ActOut.of(await acts.raise_to_urgent(runtime, case_id, epoch=body.epoch, officer=officer))


@routes.post(
    "/cases/{case_id}/backup",
    status_code=204,
    operation_id="requestBackup",
    summary="Ask for back-up",
    description="Colleagues near and the desk are asked; the case stays with its officer.",
    responses=problems(*_ACTS),
)
async def post_backup(case_id: UUID, body: ReasonIn, officer: Officer, runtime: Stores) -> Response:
    """Ask for help."""
    await acts.request_backup(runtime, case_id, epoch=body.epoch, officer=officer, reason=body.reason)
    return Response(status_code=204)


@routes.post(
    "/cases/{case_id}/backup/join",
    status_code=204,
    operation_id="joinBackup",
    summary="I help",
    description="Joined and tracked, holding nothing; the place stands under `helping` of `GET /my-case`.",
    responses=problems(OfficersOnly, SecondFactorNeeded, CaseNotFound, OffDuty),
)
async def post_join(case_id: UUID, officer: Officer, runtime: Stores, ingest: Fixes) -> Response:
    """Join as back-up."""
    await acts.join_backup(runtime, case_id, officer=officer)
    ingest.forget(officer.person_id)
    return Response(status_code=204)


@routes.post(
    "/cases/{case_id}/backup/leave",
    status_code=204,
    operation_id="leaveBackup",
    summary="I help no more",
    responses=problems(OfficersOnly, SecondFactorNeeded),
)
async def post_leave(case_id: UUID, officer: Officer, runtime: Stores, ingest: Fixes) -> Response:
    """Leave as back-up."""
    await acts.leave_backup(runtime, case_id, officer=officer)
    ingest.forget(officer.person_id)
    return Response(status_code=204)
