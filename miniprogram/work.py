"""What an officer does with the case in hand. Every act carries the epoch: a stale one gets 409."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.audit.service import record_act
from app.cases.errors import CaseEnded, CaseNotFound, NotTheHolder, StaleEpoch, WrongState
from app.cases.moves import Moved
from app.cases.policy import Reader, reader_of, sees_contact
from app.cases.queries import Case, case_held_by, get_case
from app.cases.states import CaseState
from app.dispatch import acts
from app.dispatch.acts import Disposition
from app.dispatch.claim import release
from app.dispatch.errors import ArrivalNotShown, OffDuty, TooManyCodes
from app.events.edge import transaction
from app.kit.database import Db, MovesDb
from app.kit.errors import AppError, Forbidden
from app.kit.runtime import Runtime
from app.people.contact import reveal_contact
from app.people.errors import PersonalDataLocked
from app.people.sessions import Actor
from app.tracking.service import Ingest
from miniprogram.auth import Fixes, Officer, OfficersOnly, SecondFactorNeeded, Stores
from miniprogram.problems import problems
from miniprogram.schema import NOTE_MAX, Epoch, In, Out, PlaceOut, PointIn, Reason, text_of

_ACTS: tuple[type[AppError], ...] = (
    OfficersOnly, SecondFactorNeeded, CaseNotFound, StaleEpoch, NotTheHolder, WrongState, CaseEnded,
)  # fmt: skip


class ContactNotShown(Forbidden):
    """The reporter's contact is shown from en route to release, and for 24 h to the officer who closed."""

    code = "contact_not_shown"
    message = "出发后方可查看报案人联系方式；报案人要求文字联系时不显示"
    message_en = "The contact is shown from en route on, and never of a text-only report"


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


class PurposeIn(In):
    """Why the contact is looked at; it stands in the audit chain."""

    purpose: Annotated[str, text_of(200, 2)] = Field(examples=["到达后联系报案人"])


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


class HeldBriefOut(Out):
    """The case in hand, without anything about its reporter."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    epoch: int
    state: CaseState
    category: str = Field(examples=["noise"])
    urgent: bool
    act_in_s: float | None = Field(description="Until the silent holder is looked at next", examples=[38.0])
    nudged: bool = Field(description="Say `still-coming`, or go: the desk is alarmed next")

    @classmethod
    def of(cls, case: Case) -> HeldBriefOut:
        """A case of the core."""
        return cls(**held_facts(case))


class HeldOut(HeldBriefOut):
    """The case in hand, as its holder sees it; the reporter's contact is asked for by itself."""

    text_only: bool = Field(description="Never call: write")
    words: str | None
    place: PlaceOut | None
    locked: bool = Field(description="Idle for 30 min: words and place wait for the second factor")
    reported_at: datetime
    en_route_at: datetime | None
    arrived_at: datetime | None
    cancel_asked: bool = Field(description="The reporter wants to cancel: agree, or come and see")
    contact: bool = Field(description="`POST /cases/{case_id}/contact` would show it now")


class HelpedOut(Out):
    """A colleague's case that I help on."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    category: str = Field(examples=["noise"])
    urgent: bool
    place: PlaceOut | None


class InHandOut(Out):
    """What is in my hands: at most one case, and those I help on."""

    case: HeldOut | None
    helping: list[HelpedOut]


class ContactOut(Out):
    """How to reach the reporter; null where they left nothing. Do not keep it: it ends with the case."""

    name: str | None = Field(examples=["李雷"])
    phone: str | None = Field(examples=["13800000000"])


routes = APIRouter(tags=["Case in hand"])


@routes.get(
    "/my-case",
    operation_id="caseInHand",
    summary="The case in hand",
    description="Each look at words and place is recorded.",
    responses=problems(OfficersOnly, SecondFactorNeeded),
)
async def get_my_case(officer: Officer, runtime: Stores, ingest: Fixes) -> InHandOut:
    """What is in the officer's hands."""
    async with transaction(runtime) as db:
        case = await case_held_by(db, runtime, officer.person_id)
        helping = await helped(db, runtime, ingest, officer.person_id)
        shown = [c.id for c in (*([case] if case else []), *helping) if officer.may_see_personal_data]
        await _note_looks(db, officer, shown)
    return InHandOut(
        case=_held_out(case, officer) if case else None, helping=[_helped_out(c, officer) for c in helping]
    )


async def _note_looks(db: Db, officer: Actor, case_ids: Iterable[UUID]) -> None:
    for case_id in case_ids:
        await record_act(
            db, actor_id=officer.person_id, action="case_read", object_kind="case", object_id=case_id
        )


async def helped(db: Db | MovesDb, runtime: Runtime, ingest: Ingest, officer_id: UUID) -> list[Case]:
    """The cases an officer helps on, as of at most 0.5 s ago."""
    held = await ingest.holdings(officer_id)
    return [await get_case(db, runtime, holding.case_id) for holding in held if not holding.holder]


def held_facts(case: Case) -> dict[str, object]:
    """The fields of `HeldBriefOut`."""
    act_in_s = round((case.act_by - case.now).total_seconds(), 1) if case.act_by else None
    return {
        "case_id": case.id, "number": case.number, "epoch": case.epoch, "state": case.state,
        "category": case.category, "urgent": case.urgent, "act_in_s": act_in_s, "nudged": case.act_step > 0,
    }  # fmt: skip


def _held_out(case: Case, officer: Actor) -> HeldOut:
    open_ = officer.may_see_personal_data
    return HeldOut(
        **held_facts(case), text_only=case.text_only, words=case.words if open_ else None,
        place=PlaceOut.of(case.place) if open_ else None, locked=not open_, reported_at=case.reported_at,
        en_route_at=case.en_route_at, arrived_at=case.arrived_at, cancel_asked=bool(case.facts.get("cancel_asked")),
        contact=sees_contact(case, Reader.HOLDER),
    )  # fmt: skip


def _helped_out(case: Case, officer: Actor) -> HelpedOut:
    return HelpedOut(
        case_id=case.id, number=case.number, state=case.state, category=case.category, urgent=case.urgent,
        place=PlaceOut.of(case.place) if officer.may_see_personal_data else None,
    )  # fmt: skip


@routes.post(
    "/cases/{case_id}/contact",
    operation_id="revealContact",
    summary="The reporter's name and phone",
    description="From en route on; gone with the release; for 24 h to the officer who closed. The look and its "
    "purpose stand in the audit chain.",
    responses=problems(OfficersOnly, SecondFactorNeeded, PersonalDataLocked, ContactNotShown, CaseNotFound),
)
async def post_contact(case_id: UUID, body: PurposeIn, officer: Officer, runtime: Stores) -> ContactOut:
    """Look at the reporter's contact."""
    async with transaction(runtime) as db:
        case = await get_case(db, runtime, case_id)
        if not sees_contact(case, await reader_of(db, case, officer)):
            raise ContactNotShown(case_id=str(case_id))
        found = await reveal_contact(db, runtime, officer, case.reporter_id, body.purpose, case_id=case_id)
    return ContactOut(name=found.name, phone=found.phone)


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
