"""One case as the desk sees it: in full, its timeline, who could go, who was told; the reporter's contact, for a purpose."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.audit.errors import PurposeMissing
from app.audit.service import record_act
from app.cases.errors import CaseNotFound
from app.cases.policy import Reader, reader_of, sees_contact
from app.cases.queries import Case, Ending, ending_of, get_case
from app.cases.timeline import timeline
from app.dispatch.free import Known, free_officers
from app.dispatch.nearby import me_toos_of
from app.events.edge import transaction
from app.kit.database import Db, MovesDb
from app.kit.errors import Forbidden
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.notices.case_ledger import deliveries_of
from app.people.contact import reveal_contact
from app.people.errors import PersonalDataLocked
from app.people.queries import badges_of
from app.people.sessions import Actor, Role
from app.tracking.queries import TrackState, track
from console.auth import Board, Desk, Stores
from console.queue import QueuedOut, brief, clocks
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import Cursor, Cursors, In, Out, PointOut, text_of

TIMELINE_PAGE = 200

_DESK = roles(Role.DESK, Role.COMMANDER)
_TIMELINE_CURSOR = Cursors(int)


class ContactNotShown(Forbidden):
    """The desk reaches the reporter while it has the case; of a text-only report only by an override on record."""

    code = "contact_not_shown"
    message = "仅在警情由值班台处理时可查看联系方式；报案人要求文字联系时不显示"
    message_en = (
        "The contact is shown while the desk has the case; of a text-only report only with despite_text_only"
    )


class PlaceOut(Out):
    """The exact place."""

    point: PointOut | None
    label: str | None = Field(examples=["珠江路88号3单元门口"])


class HolderOut(Out):
    """The officer who holds the case."""

    officer_id: UUID
    badge: str | None = Field(examples=["017342"])


class CaseOut(QueuedOut):
    """A case in full. Looking at it is recorded."""

    words: str | None = Field(examples=["楼下烧烤店凌晨还在放音响"])
    place: PlaceOut | None
    locked: bool = Field(
        description="Idle for 30 min: words, place, note and the words of the rating wait for the second factor"
    )
    media: int = Field(description="How many photos, voices, videos came with it", examples=[0])
    deadline: datetime
    claimed_at: datetime | None
    assigned_at: datetime | None
    en_route_at: datetime | None
    arrived_at: datetime | None
    closed_at: datetime | None
    holder: HolderOut | None
    disposition: str | None = Field(examples=["mediated"])
    disposition_note: str | None = Field(description="Of whoever closed it", examples=["已电话告知拨打12345"])
    stars: int | None = Field(description="The reporter's, 1 to 5", examples=[5])
    rating_words: str | None = Field(description="The reporter's", examples=["来得很快，谢谢"])
    merged_into: UUID | None
    me_toos: int = Field(
        description='How many others have said "me too", or reported it in a case that was folded into this; who, is not told',
        examples=[3],
    )
    contact: bool = Field(description="`POST /cases/{case_id}/contact` would show it now")
    contact_locked: bool = Field(
        description="It would but for silent mode: lock the call button; `despite_text_only` overrides, on record"
    )


class HappenedOut(Out):
    """One event of a case."""

    id: int
    kind: str = Field(examples=["case_handed_over"])
    at: datetime
    actor_id: UUID | None = Field(description="null: the system")
    epoch: int | None
    facts: dict[str, Any] = Field(examples=[{"from": "open", "to": "handed_over", "cause": "deadline"}])


class TimelineOut(Out):
    """A page, oldest first."""

    items: list[HappenedOut]
    next: str | None


class PurposeIn(In):
    """Why the contact is looked at; it stands in the audit chain."""

    purpose: Annotated[str, text_of(200, 2)] = Field(examples=["地点不明，联系报案人核实"])
    despite_text_only: bool = Field(
        False, description="The reporter asked not to be called: unlock all the same, for this purpose"
    )


class ContactOut(Out):
    """How to reach the reporter; null where they left nothing."""

    name: str | None = Field(examples=["李雷"])
    phone: str | None = Field(examples=["13800000000"])


class FreeOut(Out):
    """An officer who could be assigned."""

    officer_id: UUID
    badge: str = Field(examples=["017342"])
    kind: str = Field(examples=["officer"])
    station_id: UUID
    skills: list[str]
    fit: bool = Field(description="Of a kind, and with the skill, that an offer would ask for")
    distance_m: int | None = Field(examples=[830])
    known: Known = Field(
        description="`fresh`: at most 45 s old; `square`: from the 300 m square last seen in"
    )
    reachable: bool = Field(description="Some channel reaches the phone now; else call by radio")


class FreeListOut(Out):
    """Nearest first, at most 200."""

    items: list[FreeOut]


class TrackOut(Out):
    """The officer on the way, WGS-84."""

    state: TrackState = Field(description="`nobody`, `no_position` yet, `fresh`, or `old`: over 60 s")
    epoch: int
    at: PointOut | None
    last_heard_s: float | None = Field(examples=[4.2])
    distance_m: int | None = Field(examples=[830])
    arrival_s: int | None = Field(description="An estimate", examples=[150])


class DeliveryOut(Out):
    """One notice about a case by one channel, and what became of it."""

    id: int
    to_reporter: bool
    badge: str | None = Field(description="Of the officer it was for", examples=["017342"])
    kind: str = Field(examples=["handed_over"])
    channel: str = Field(examples=["official_account"])
    state: str = Field(examples=["sent"])
    attempts: int
    at: datetime
    done_at: datetime | None
    code: int | None = Field(description="WeChat's", examples=[45015])
    reading: str | None = Field(examples=["window_closed"])
    passed_on: bool = Field(description="The next channel has it")
    confirmed_at: datetime | None = Field(description="WeChat said that the phone has it")
    seen_at: datetime | None = Field(description="The person was shown it, in the chat or the mini-program")
    waits: bool = Field(
        description="No channel could carry it, and the person has not seen it yet: call them"
    )


class DeliveriesOut(Out):
    """Newest first, at most 200."""

    items: list[DeliveryOut]


routes = APIRouter(tags=["Console: cases"])


@routes.get(
    "/cases/{case_id}",
    operation_id="consoleCase",
    summary="A case in full",
    description="Looking at it is recorded in the audit chain.",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=_DESK,
)
async def get_one(case_id: UUID, actor: Desk, runtime: Stores) -> CaseOut:
    """One case."""
    async with transaction(runtime) as db:
        case = await _at_my_desk(db, runtime, case_id, actor)
        ending = Ending(None, None)
        if actor.may_see_personal_data:
            await record_act(
                db, actor_id=actor.person_id, action="case_read", object_kind="case", object_id=case_id
            )
            ending = await ending_of(db, runtime, case_id)
        badges = await badges_of(db, [case.officer_id] if case.officer_id else [])
        others = await me_toos_of(db, case_id)
    return _whole(case, ending, actor, badges, others)


@routes.get(
    "/cases/{case_id}/timeline",
    operation_id="consoleTimeline",
    summary="What happened to a case",
    description="Its events, oldest first: ids, times and facts, no personal data.",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=_DESK,
)
async def get_timeline(
    case_id: UUID, actor: Desk, runtime: Stores, cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=TIMELINE_PAGE, description="Most items of a page")] = TIMELINE_PAGE,
) -> TimelineOut:  # fmt: skip
    """A page of a case's timeline."""
    parts = _TIMELINE_CURSOR.parts(cursor)
    async with runtime.database.transaction() as db:
        await _at_my_desk(db, runtime, case_id, actor)
        found = await timeline(db, case_id, after=parts[0] if parts else 0, limit=limit + 1)
    items = [
        HappenedOut(id=h.id, kind=h.kind, at=h.at, actor_id=h.actor_id, epoch=h.epoch, facts=h.facts)
        for h in found[:limit]
    ]
    return TimelineOut(items=items, next=_TIMELINE_CURSOR.of(items[-1].id) if len(found) > limit else None)


@routes.post(
    "/cases/{case_id}/contact",
    operation_id="consoleRevealContact",
    summary="The reporter's name and phone",
    description="While the desk has the case. The look and its purpose stand in the audit chain.",
    responses=problems(
        *UNSAFE, RoleNeeded, PersonalDataLocked, ContactNotShown, CaseNotFound, PurposeMissing
    ),
    openapi_extra=_DESK,
)
async def post_contact(case_id: UUID, body: PurposeIn, actor: Desk, runtime: Stores) -> ContactOut:
    """Look at the reporter's contact."""
    async with transaction(runtime) as db:
        case = await _at_my_desk(db, runtime, case_id, actor)
        over = case.text_only and body.despite_text_only
        if not sees_contact(case, Reader.DESK, despite_text_only=over):
            raise ContactNotShown(case_id=str(case_id))
        found = await reveal_contact(
            db, runtime, actor, case.reporter_id, body.purpose, case_id=case_id, despite_text_only=over
        )
    return ContactOut(name=found.name, phone=found.phone)


@routes.get(
    "/cases/{case_id}/officers",
    operation_id="consoleFreeOfficers",
    summary="Free officers by distance",
    description="On duty, without a case, not left out of this one; of the station, its neighbours, and whoever is near.",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=_DESK,
)
async def get_free_officers(case_id: UUID, actor: Desk, runtime: Stores) -> FreeListOut:
    """Whom to assign."""
    async with runtime.database.moves() as db:
        case = await _at_my_desk(db, runtime, case_id, actor)
        found = await free_officers(db, runtime, case)
    return FreeListOut(
        items=[
            FreeOut(
                officer_id=f.officer_id, badge=f.badge, kind=f.kind, station_id=f.station_id, skills=list(f.skills),
                fit=f.fit, distance_m=f.distance_m, known=f.known, reachable=f.reachable,
            )
            for f in found
        ]
    )  # fmt: skip


@routes.get(
    "/cases/{case_id}/track",
    operation_id="consoleTrack",
    summary="Where the officer on the way is",
    description="An officer's exact position is personal data: each look is recorded, and after 30 idle minutes `at` "
    "waits for the second factor.",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=_DESK,
)
async def get_track(case_id: UUID, actor: Board, runtime: Stores) -> TrackOut:
    """The holder's newest position."""
    async with runtime.database.moves() as db:
        found = await track(db, runtime, await _at_my_desk(db, runtime, case_id, actor))
        at = found.at if actor.may_see_personal_data else None
        if at is not None:
            await record_act(
                db, actor_id=actor.person_id, action="track_read", object_kind="case", object_id=case_id,
                facts={"epoch": found.epoch},
            )  # fmt: skip
    return TrackOut(
        state=found.state, epoch=found.epoch, at=PointOut.of(at), last_heard_s=found.last_heard_s,
        distance_m=found.distance_m, arrival_s=found.arrival_s,
    )  # fmt: skip


@routes.get(
    "/cases/{case_id}/deliveries",
    operation_id="consoleDeliveries",
    summary="Who was told what about a case",
    description="One line a channel: a notice that one channel could not carry goes on to the next.",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=_DESK,
)
async def get_deliveries(case_id: UUID, actor: Desk, runtime: Stores) -> DeliveriesOut:
    """The ledger of a case."""
    async with runtime.database.moves() as db:
        case = await _at_my_desk(db, runtime, case_id, actor)
        found = await deliveries_of(db, case_id)
        badges = await badges_of(db, {d.person_id for d in found})
    return DeliveriesOut(
        items=[
            DeliveryOut(
                id=d.id, kind=d.kind, channel=d.channel, state=d.state, attempts=d.attempts, at=d.at,
                done_at=d.done_at, code=d.code, reading=d.reading, to_reporter=d.person_id == case.reporter_id,
                badge=badges.get(d.person_id), passed_on=d.passed_on, confirmed_at=d.confirmed_at, seen_at=d.seen_at,
                waits=d.waits,
            )
            for d in found
        ]
    )  # fmt: skip


async def _at_my_desk(db: Db | MovesDb, runtime: Runtime, case_id: UUID, actor: Actor) -> Case:
    case = await get_case(db, runtime, case_id)
    if await reader_of(db, case, actor) is not Reader.DESK:
        raise CaseNotFound(case_id=str(case_id))
    return case


def _whole(case: Case, ending: Ending, actor: Actor, badges: dict[UUID, str], me_toos: int) -> CaseOut:
    place = PlaceOut(point=PointOut.of(case.place.at), label=case.place.label) if case.place else None
    unlocked = actor.may_see_personal_data
    holder = (
        HolderOut(officer_id=case.officer_id, badge=badges.get(case.officer_id)) if case.officer_id else None
    )
    return CaseOut(
        **brief(case), **clocks(case, actor.person_id), words=case.words if unlocked else None,
        place=place if unlocked else None, locked=not unlocked, media=len(case.media), deadline=case.deadline,
        claimed_at=case.claimed_at, assigned_at=case.assigned_at, en_route_at=case.en_route_at,
        arrived_at=case.arrived_at, closed_at=case.closed_at, holder=holder, disposition=case.disposition,
        disposition_note=ending.disposition_note, stars=case.stars, rating_words=ending.rating_words, merged_into=case.merged_into, me_toos=me_toos, contact=sees_contact(case, Reader.DESK),
        contact_locked=case.text_only and sees_contact(case, Reader.DESK, despite_text_only=True),
    )  # fmt: skip
