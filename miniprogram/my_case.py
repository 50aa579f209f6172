"""What an officer sees of the case in hand, of those they help on, and of the reporter's contact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.audit.service import record_act
from app.cases.errors import CaseNotFound
from app.cases.policy import Reader, reader_of, sees_contact, sees_whole
from app.cases.queries import Case, Flag, case_held_by, get_case
from app.cases.states import CaseState
from app.events.edge import transaction
from app.kit.database import Db, MovesDb
from app.kit.errors import Forbidden
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.contact import reveal_contact
from app.people.errors import PersonalDataLocked
from app.people.sessions import Actor
from app.tracking.service import Ingest
from miniprogram.auth import Fixes, Officer, OfficersOnly, SecondFactorNeeded, Stores
from miniprogram.schema import In, Out, PlaceOut, text_of


class ContactNotShown(Forbidden):
    """The reporter's contact is shown from en route to release, and for 24 h to the officer who closed."""

    code = "contact_not_shown"
    message = "出发后方可查看报案人联系方式；报案人要求文字联系时不显示"
    message_en = "The contact is shown from en route on; of a text-only report only with despite_text_only"


class PurposeIn(In):
    """Why the contact is looked at; it stands in the audit chain."""

    purpose: Annotated[str, text_of(200, 2)] = Field(examples=["到达后联系报案人"])
    despite_text_only: bool = Field(
        False, description="The reporter asked not to be called: unlock all the same, for this purpose"
    )


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
    flags: list[Flag] = Field(
        description="Known before arrival: write large, a child, the place is another person's",
        examples=[["child"]],
    )
    words: str | None
    place: PlaceOut | None
    locked: bool = Field(description="Words and place wait for the second factor; never of the case in hand")
    reported_at: datetime
    en_route_at: datetime | None
    arrived_at: datetime | None
    cancel_asked: bool = Field(description="The reporter wants to cancel: agree, or come and see")
    contact: bool = Field(description="`POST /cases/{case_id}/contact` would show it now")
    contact_locked: bool = Field(
        description="It would but for silent mode: lock the call button; `despite_text_only` overrides, on record"
    )


class HelpedOut(Out):
    """A colleague's case that I help on."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    category: str = Field(examples=["noise"])
    urgent: bool
    flags: list[Flag] = Field(description="How the reporter wants to be met", examples=[["child"]])
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
    description="Each look at words and place is recorded. The case in hand stays open when the session is idle.",
    responses=problems(OfficersOnly, SecondFactorNeeded),
)
async def get_my_case(officer: Officer, runtime: Stores, ingest: Fixes) -> InHandOut:
    """What is in the officer's hands."""
    async with transaction(runtime) as db:
        case = await case_held_by(db, runtime, officer.person_id)
        helping = await helped(db, runtime, ingest, officer.person_id)
        shown = [case.id] if case and sees_whole(case, Reader.HOLDER, officer) else []
        shown += [c.id for c in helping if sees_whole(c, Reader.BACKUP, officer)]
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
    open_ = sees_whole(case, Reader.HOLDER, officer)
    return HeldOut(
        **held_facts(case), text_only=case.text_only, flags=list(case.flags), words=case.words if open_ else None,
        place=PlaceOut.of(case.place) if open_ else None, locked=not open_, reported_at=case.reported_at,
        en_route_at=case.en_route_at, arrived_at=case.arrived_at, cancel_asked=bool(case.facts.get("cancel_asked")),
        contact=sees_contact(case, Reader.HOLDER),
        contact_locked=case.text_only and sees_contact(case, Reader.HOLDER, despite_text_only=True),
    )  # fmt: skip


def _helped_out(case: Case, officer: Actor) -> HelpedOut:
    return HelpedOut(
        case_id=case.id, number=case.number, state=case.state, category=case.category, urgent=case.urgent,
        flags=list(case.flags),
        place=PlaceOut.of(case.place) if sees_whole(case, Reader.BACKUP, officer) else None,
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
        over = case.text_only and body.despite_text_only
        if not sees_contact(case, await reader_of(db, case, officer), despite_text_only=over):
            raise ContactNotShown(case_id=str(case_id))
        found = await reveal_contact(
            db, runtime, officer, case.reporter_id, body.purpose, case_id=case_id, despite_text_only=over
        )
    return ContactOut(name=found.name, phone=found.phone)
