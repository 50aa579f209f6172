"""The reporter's own cases: read, cancel, move, rate; and where the officer is."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.cases.errors import CaseEnded, CaseNotFound, WrongState
from app.cases.policy import Reader, reader_of
from app.cases.queries import Case, Place, cases_of_reporter, get_case
from app.cases.states import ACTIVE, CaseState, Cause
from app.dispatch import citizen
from app.dispatch.citizen import Cancelled
from app.dispatch.errors import MovedTooOften, WindowOver
from app.kit.database import Db, MovesDb
from app.kit.errors import Invalid
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.identity import name_in_part, names_of, person
from app.people.officers import facts_of
from app.people.sessions import Actor
from app.receipts.service import link_of, receipt_of
from app.stations.registry import registry
from app.tracking.queries import Track, TrackState, track
from miniprogram.auth import CitizenOrOfficer, Stores
from miniprogram.schema import LABEL_MAX, In, Out, PlaceOut, PointIn, PointOut, text_of

PAGE_MAX = 50
PAGE_DEFAULT = 20
RATING_MAX = 500


class DeskOut(Out):
    """The station whose desk has the case, or is being rung for it."""

    station: str = Field(examples=["玄武门派出所"])
    phone: str = Field(examples=["025-83363110"])
    acknowledged: bool = Field(description="A human of the desk has seen it")


class ComingOut(Out):
    """Who comes. Compare the badge, then tell the meet code."""

    name: str = Field(description="In part", examples=["王*"])
    kind: str = Field(examples=["officer"])
    badge: str = Field(examples=["017342"])
    meet_code: str = Field(description="Tell it to the officer who stands before you", examples=["4711"])


class CaseBriefOut(Out):
    """One of my cases, in a list."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    category: str = Field(examples=["noise"])
    reported_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, case: Case) -> CaseBriefOut:
        """A case of the core."""
        return cls(
            case_id=case.id, number=case.number, state=case.state, category=case.category,
            reported_at=case.reported_at, closed_at=case.closed_at,
        )  # fmt: skip


class CasesOut(Out):
    """A page, newest first."""

    items: list[CaseBriefOut]
    next: str | None = Field(description="The cursor of the next page; null: this is the last one")


class CaseOut(Out):
    """My case, as its reporter sees it."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    epoch: int
    category: str = Field(examples=["noise"])
    words: str | None
    place: PlaceOut | None
    text_only: bool
    reported_at: datetime
    seconds_left: float | None = Field(description="While open: until the desk has it", examples=[41.3])
    coming: ComingOut | None = Field(description="While an officer holds the case; gone within 1 s after")
    desk: DeskOut | None = Field(description="While the desk has it")
    cause: Cause | None = Field(description="Why the desk has or had it")
    cancel_asked: bool
    disposition: str | None = Field(examples=["mediated"])
    closed_at: datetime | None
    stars: int | None
    merged_into: UUID | None


class CancelOut(Out):
    """What became of it."""

    outcome: Cancelled = Field(description="`done`, or `asked`: the officer on the way or the desk decides")
    number: str = Field(examples=["482-915-3067"])


class MoveIn(In):
    """Where I am now; nobody is asked."""

    point: PointIn
    label: Annotated[str, text_of(LABEL_MAX)] | None = None


class TrackOut(Out):
    """The officer on the way. Positions are WGS-84; an old one is said to be old."""

    state: TrackState = Field(description="`nobody`, `no_position` yet, `fresh`, or `old`: over 60 s")
    epoch: int = Field(description="A position of another epoch is of another officer")
    at: PointOut | None
    accuracy_m: int | None = Field(examples=[12])
    fixed_at: datetime | None
    last_heard_s: float | None = Field(examples=[4.2])
    distance_m: int | None = Field(examples=[830])
    arrival_s: int | None = Field(description="An estimate", examples=[150])

    @classmethod
    def of(cls, found: Track) -> TrackOut:
        """A track of the core."""
        return cls(
            state=found.state, epoch=found.epoch, at=PointOut.of(found.at), accuracy_m=found.accuracy_m,
            fixed_at=found.fixed_at, last_heard_s=found.last_heard_s, distance_m=found.distance_m,
            arrival_s=found.arrival_s,
        )  # fmt: skip


class RatingIn(In):
    """1 to 5 stars and a word."""

    stars: int = Field(ge=1, le=5, examples=[5])
    words: Annotated[str, text_of(RATING_MAX)] | None = Field(None, examples=["来得很快，谢谢"])


class StateOut(Out):
    """Where the case stands now."""

    case_id: UUID
    state: CaseState


routes = APIRouter(tags=["My cases"])


@routes.get(
    "/cases",
    operation_id="myCases",
    summary="My cases, newest first",
    description="Follow `next` until it is null.",
    responses=problems(),
)
async def get_cases(
    actor: CitizenOrOfficer,
    runtime: Stores,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
) -> CasesOut:
    """A page of one's own cases."""
    before = _before(cursor)
    async with runtime.database.transaction() as db:
        found = await cases_of_reporter(db, runtime, actor.person_id, before=before, limit=limit + 1)
    page = found[:limit]
    following = _cursor(page[-1].reported_at) if len(found) > limit else None
    return CasesOut(items=[CaseBriefOut.of(case) for case in page], next=following)


def _cursor(at: datetime) -> str:
    return base64.urlsafe_b64encode(at.isoformat().encode()).decode().rstrip("=")


def _before(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        at = datetime.fromisoformat(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        )
    except (binascii.Error, ValueError) as error:
        raise Invalid(
            "cursor must be the `next` of a page: start again without it", field="cursor"
        ) from error
    if at.tzinfo is None or not 2000 <= at.year <= 2100:
        raise Invalid("cursor must be the `next` of a page: start again without it", field="cursor")
    return at


@routes.get(
    "/cases/{case_id}",
    operation_id="myCase",
    summary="One of my cases",
    responses=problems(CaseNotFound),
)
async def get_one(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> CaseOut:
    """One's own case, in full."""
    async with runtime.database.moves() as db:
        case = await own_case(db, runtime, case_id, actor)
        return await _case_out(db, runtime, case)


class ReceiptOut(Out):
    """Shown to anybody, it says that the report was made; with salt and content, also what was in it."""

    receipt: str = Field(examples=["dr1.AX..."])
    link: str = Field(description="The public page that says valid or not")
    salt: str | None = Field(description="64 hex digits; null once the words of the case are erased")
    content: str | None = Field(description="JSON, exactly as it was committed to; goes with the salt")


@routes.get(
    "/cases/{case_id}/receipt",
    operation_id="myReceipt",
    summary="The signed receipt of my report",
    description="`didi receipt verify RECEIPT --content FILE --salt HEX` proves the content with nothing but the "
    "published key. Whoever is given the salt and the content can read the report: give them only to whom you trust.",
    responses=problems(CaseNotFound),
)
async def get_receipt(
    case_id: UUID, actor: CitizenOrOfficer, runtime: Stores, response: Response
) -> ReceiptOut:
    """One's own receipt, with what proves its content."""
    response.headers["Cache-Control"] = "no-store"
    async with runtime.database.moves() as db:
        case = await own_case(db, runtime, case_id, actor)
        kept = await receipt_of(db, runtime, case.id)
    if kept is None:  # opened before receipts were
        raise CaseNotFound(case_id=str(case_id))
    link = link_of(runtime.settings, kept.receipt)
    return ReceiptOut(receipt=kept.receipt, link=link, salt=kept.salt, content=kept.content)


async def own_case(db: Db | MovesDb, runtime: Runtime, case_id: UUID, actor: Actor) -> Case:
    """The case, for its reporter.

    Raises:
        CaseNotFound: none, or somebody else's.
    """
    case = await get_case(db, runtime, case_id)
    if await reader_of(db, case, actor) is not Reader.REPORTER:
        raise CaseNotFound(case_id=str(case_id))
    return case


async def _case_out(db: MovesDb, runtime: Runtime, case: Case) -> CaseOut:
    seconds_left = round(max(0.0, (case.deadline - case.now).total_seconds()), 1)
    return CaseOut(
        case_id=case.id, number=case.number, state=case.state, epoch=case.epoch, category=case.category,
        words=case.words, place=PlaceOut.of(case.place), text_only=case.text_only, reported_at=case.reported_at,
        seconds_left=seconds_left if case.state is CaseState.OPEN else None, coming=await _coming(db, runtime, case),
        desk=await _desk(runtime, case), cause=case.cause, cancel_asked=bool(case.facts.get("cancel_asked")),
        disposition=case.disposition, closed_at=case.closed_at, stars=case.stars, merged_into=case.merged_into,
    )  # fmt: skip


async def _coming(db: MovesDb, runtime: Runtime, case: Case) -> ComingOut | None:
    if case.state not in ACTIVE or case.officer_id is None:
        return None
    facts = (await facts_of(db, [case.officer_id])).get(case.officer_id)
    names = await names_of(db, runtime, [case.officer_id])
    kind = (await person(db, case.officer_id)).kind
    return ComingOut(
        name=name_in_part(names.get(case.officer_id, "")), kind=kind,
        badge=facts.badge if facts else "", meet_code=case.meet_code,
    )  # fmt: skip


async def _desk(runtime: Runtime, case: Case) -> DeskOut | None:
    if case.state is not CaseState.HANDED_OVER:
        return None
    station = (await registry(runtime)).get(case.ringing_id or case.station_id)
    return DeskOut(station=station.name, phone=station.phone, acknowledged=case.acknowledged_at is not None)


@routes.post(
    "/cases/{case_id}/cancel",
    operation_id="cancelCase",
    summary="Cancel my case",
    description="At once, except for silent, urgent and dispute reports (the desk checks) and with an officer on the "
    "way (the officer agrees). Cancelling twice is cancelling once.",
    responses=problems(CaseNotFound, CaseEnded, WrongState),
)
async def post_cancel(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> CancelOut:
    """Cancel one's own case."""
    done = await citizen.cancel(runtime, case_id, reporter_id=actor.person_id)
    return CancelOut(outcome=done.outcome, number=done.number)


@routes.post(
    "/cases/{case_id}/place",
    status_code=204,
    operation_id="moveCase",
    summary="I moved",
    description="Officer and desk are told; nobody is asked. Five times a minute, then 429 with `Retry-After`.",
    responses=problems(CaseNotFound, CaseEnded, MovedTooOften),
)
async def post_place(case_id: UUID, body: MoveIn, actor: CitizenOrOfficer, runtime: Stores) -> Response:
    """Move one's own case."""
    place = Place(body.point.wgs84(), body.label)
    await citizen.move_place(runtime, case_id, reporter_id=actor.person_id, place=place)
    return Response(status_code=204)


@routes.get(
    "/cases/{case_id}/track",
    operation_id="trackCase",
    summary="Where the officer is",
    description="For clients without a socket: every 5 s is enough. Ends within 1 s of close, cancel, reassignment.",
    responses=problems(CaseNotFound),
)
async def get_track(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> TrackOut:
    """The track of one's own case."""
    async with runtime.database.moves() as db:
        case = await own_case(db, runtime, case_id, actor)
        return TrackOut.of(await track(db, runtime, case))


@routes.post(
    "/cases/{case_id}/danger",
    operation_id="raiseMyCase",
    summary="I am in danger",
    description="The desk is alarmed at second 0, an officer on the way too. Call 110 first.",
    responses=problems(CaseNotFound, CaseEnded),
)
async def post_danger(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> StateOut:
    """Raise one's own case."""
    moved = await citizen.raise_urgent(runtime, case_id, reporter_id=actor.person_id)
    if moved is None:
        raise CaseEnded(case_id=str(case_id))
    return StateOut(case_id=moved.case_id, state=moved.state)


@routes.post(
    "/cases/{case_id}/not-this-officer",
    operation_id="refuseOfficer",
    summary="Not this officer",
    description="No reason is asked; the desk finds another, and this one is not offered the case again.",
    responses=problems(CaseNotFound, CaseEnded, WrongState),
)
async def post_refusal(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> StateOut:
    """Refuse the officer who comes."""
    moved = await citizen.refuse_officer(runtime, case_id, reporter_id=actor.person_id)
    return StateOut(case_id=moved.case_id, state=moved.state)


@routes.post(
    "/cases/{case_id}/rating",
    status_code=204,
    operation_id="rateCase",
    summary="Rate a closed case",
    description="For a day after the first stars they may be changed.",
    responses=problems(CaseNotFound, WindowOver),
)
async def post_rating(case_id: UUID, body: RatingIn, actor: CitizenOrOfficer, runtime: Stores) -> Response:
    """Rate one's own case."""
    await citizen.rate(runtime, case_id, reporter_id=actor.person_id, stars=body.stars, words=body.words)
    return Response(status_code=204)


@routes.post(
    "/cases/{case_id}/not-solved",
    operation_id="notSolved",
    summary="Not solved: reopen to the desk",
    description="Within 7 days of closing.",
    responses=problems(CaseNotFound, WindowOver, CaseEnded, WrongState),
)
async def post_not_solved(case_id: UUID, actor: CitizenOrOfficer, runtime: Stores) -> StateOut:
    """Reopen one's own case."""
    moved = await citizen.not_solved(runtime, case_id, reporter_id=actor.person_id)
    return StateOut(case_id=moved.case_id, state=moved.state)
