"""Complaints about police, for auditors of all stations and nobody else. Each look is in the audit chain."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.audit.errors import PurposeMissing
from app.complaints import service
from app.complaints.errors import AlreadyAnswered, ComplaintNotFound
from app.complaints.queries import Brief, complaints, person_of, read_complaint
from app.events.edge import transaction
from app.kit.problems import problems
from app.people.contact import reveal_contact
from app.people.errors import PersonalDataLocked
from app.people.sessions import Role
from console.auth import Auditor, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import PAGE_DEFAULT, Cursor, Cursors, In, Limit, Out, text_of

_AUDITOR = roles(Role.AUDITOR)
_CURSOR = Cursors(datetime, UUID)


class ComplaintBriefOut(Out):
    """A complaint in the list: nothing of its words or its writer."""

    complaint_id: UUID
    number: str = Field(examples=["D482-915-3067"])
    filed_at: datetime
    read_at: datetime | None = Field(description="By an auditor for the first time; its writer can see that")
    answered_at: datetime | None

    @classmethod
    def of(cls, one: Brief) -> ComplaintBriefOut:
        """A complaint of the core."""
        return cls(
            complaint_id=one.id, number=one.number, filed_at=one.filed_at, read_at=one.read_at,
            answered_at=one.answered_at,
        )  # fmt: skip


class ComplaintsOut(Out):
    """A page, newest first."""

    items: list[ComplaintBriefOut]
    next: str | None


class ComplaintWholeOut(ComplaintBriefOut):
    """A complaint in full."""

    words: str | None = Field(description="null: erased with its writer", examples=["昨晚来的民警态度恶劣"])
    answer: str | None


class ContactPurposeIn(In):
    """Why the contact is looked at; it stands in the audit chain."""

    purpose: Annotated[str, text_of(200, 2)] = Field(examples=["联系投诉人核实时间"])


class ComplainantOut(Out):
    """How to reach who complained; null where they left nothing."""

    name: str | None = Field(examples=["李雷"])
    phone: str | None = Field(examples=["13800000000"])


class AnswerIn(In):
    """What the writer is told when asking for progress in the chat."""

    words: Annotated[str, text_of(service.ANSWER_MAX, 2)] = Field(
        examples=["已核实，对当事民警作出批评教育。"]
    )


routes = APIRouter(tags=["Console: complaints"])


@routes.get(
    "/complaints",
    operation_id="consoleComplaints",
    summary="Complaints about police",
    responses=problems(RoleNeeded),
    openapi_extra=_AUDITOR,
)
async def get_complaints(
    _: Auditor, runtime: Stores, cursor: Cursor = None, limit: Limit = PAGE_DEFAULT
) -> ComplaintsOut:
    """A page of the complaints."""
    parts = _CURSOR.parts(cursor)
    async with runtime.database.transaction() as db:
        found = await complaints(db, before=(parts[0], parts[1]) if parts else None, limit=limit + 1)
    page = found[:limit]
    following = _CURSOR.of(page[-1].filed_at, page[-1].id) if len(found) > limit else None
    return ComplaintsOut(items=[ComplaintBriefOut.of(one) for one in page], next=following)


@routes.get(
    "/complaints/{complaint_id}",
    operation_id="consoleComplaint",
    summary="A complaint in full",
    description="The look is recorded in the audit chain, and the writer can see that it was read.",
    responses=problems(RoleNeeded, PersonalDataLocked, ComplaintNotFound),
    openapi_extra=_AUDITOR,
)
async def get_complaint(complaint_id: UUID, actor: Auditor, runtime: Stores) -> ComplaintWholeOut:
    """One complaint."""
    _unlocked(actor)
    async with transaction(runtime) as db:
        one = await read_complaint(db, runtime, complaint_id, by=actor.person_id)
    brief = ComplaintBriefOut.of(one).model_dump()
    return ComplaintWholeOut(**brief, words=one.words, answer=one.answer)


@routes.post(
    "/complaints/{complaint_id}/contact",
    operation_id="consoleComplainant",
    summary="The name and phone of who complained",
    description="The look and its purpose stand in the audit chain.",
    responses=problems(*UNSAFE, RoleNeeded, PersonalDataLocked, ComplaintNotFound, PurposeMissing),
    openapi_extra=_AUDITOR,
)
async def post_contact(
    complaint_id: UUID, body: ContactPurposeIn, actor: Auditor, runtime: Stores
) -> ComplainantOut:
    """Look at the writer's contact."""
    async with transaction(runtime) as db:
        person_id = await person_of(db, complaint_id)
        found = await reveal_contact(db, runtime, actor, person_id, body.purpose)
    return ComplainantOut(name=found.name, phone=found.phone)


@routes.post(
    "/complaints/{complaint_id}/answer",
    status_code=204,
    operation_id="consoleAnswerComplaint",
    summary="Answer a complaint, once",
    responses=problems(*UNSAFE, RoleNeeded, ComplaintNotFound, AlreadyAnswered),
    openapi_extra=_AUDITOR,
)
async def post_answer(complaint_id: UUID, body: AnswerIn, actor: Auditor, runtime: Stores) -> Response:
    """Answer it."""
    async with transaction(runtime) as db:
        await service.answer(db, runtime, complaint_id, words=body.words, by=actor.person_id)
    return Response(status_code=204)


def _unlocked(actor: Auditor) -> None:
    if not actor.may_see_personal_data:
        raise PersonalDataLocked(session_id=actor.session_id)
