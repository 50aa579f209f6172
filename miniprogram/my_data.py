"""A citizen's own data: all of it, and its erasure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.cases.queries import Flag
from app.cases.states import CaseState
from app.dispatch.errors import CaseStillOpen
from app.dispatch.personal import DISPUTE_DAYS, Everything, OwnCase, erase, everything_about
from app.events.edge import transaction
from app.kit.lanes import lane
from app.kit.problems import problems
from app.media.queries import Medium
from app.media.states import MediaKind, MediaState
from miniprogram.auth import Citizen, CitizensOnly, Stores
from miniprogram.schema import Out, PlaceOut


class ProfileOut(Out):
    """What identifies me, and what I agreed to."""

    name: str | None = Field(examples=["李雷"])
    phone: str | None = Field(examples=["13800000000"])
    consent_version: str | None = Field(examples=["2025-01"])
    consent_at: datetime | None
    language: str = Field(examples=["zh"])
    follows: bool = Field(description="The Official Account, as far as its events said")
    known_since: datetime
    unionid: str | None = Field(description="WeChat's name of me at all accounts of one owner")
    openids: dict[str, str] = Field(
        description="WeChat's name of me at each account of ours, by AppID",
        examples=[{"wxabcdef1234567890": "oAbCdEf"}],
    )


class StepOut(Out):
    """What happened to a case; of an officer nothing but the badge."""

    kind: str = Field(examples=["case_claimed"])
    at: datetime
    own: bool = Field(description="I did it")
    badge: str | None = Field(examples=["017342"])


class OwnCaseOut(Out):
    """A case that I reported."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    category: str = Field(examples=["noise"])
    urgent: bool
    text_only: bool
    flags: list[Flag] = Field(description="How I asked to be met")
    words: str | None
    place: PlaceOut | None
    media: list[str] = Field(description="WeChat's ids of the pictures")
    reported_at: datetime
    closed_at: datetime | None
    disposition: str | None
    stars: int | None
    rating_words: str | None
    timeline: list[StepOut]

    @classmethod
    def of(cls, own: OwnCase) -> OwnCaseOut:
        """A case of the core."""
        case = own.case
        steps = [StepOut(kind=s.kind, at=s.at, own=s.own, badge=s.badge) for s in own.steps]
        return cls(
            case_id=case.id, number=case.number, state=case.state, category=case.category, urgent=case.urgent,
            text_only=case.text_only, flags=list(case.flags), words=case.words, place=PlaceOut.of(case.place), media=list(case.media),
            reported_at=case.reported_at, closed_at=case.closed_at, disposition=case.disposition, stars=case.stars,
            rating_words=own.rating_words, timeline=steps,
        )  # fmt: skip


class DraftOut(Out):
    """What I was writing in the chat; kept for some days."""

    category: str | None = Field(examples=["noise"])
    words: str | None
    place: PlaceOut | None
    media: list[str]


class MeTooOut(Out):
    """A case of others near me that I was told of; kept for 7 days after its end."""

    category: str = Field(examples=["noise"])
    told_at: datetime
    joined_at: datetime | None = Field(description='When I said "me too"; null: I did not')


class MediumOut(Out):
    """A picture, voice or video that I sent; of a case, `GET /cases/{case_id}/media` leads to it."""

    medium_id: UUID
    case_id: UUID | None = Field(description="null: of a report that I did not finish")
    kind: MediaKind
    state: MediaState
    received_at: datetime
    size: int | None = Field(description="Bytes as it came", examples=[183204])
    sha256: str | None = Field(description="Of it as it came, 64 hex digits")

    @classmethod
    def of(cls, medium: Medium) -> MediumOut:
        """A medium of the core."""
        return cls(
            medium_id=medium.id, case_id=medium.case_id, kind=medium.kind, state=medium.state,
            received_at=medium.received_at, size=medium.original_bytes, sha256=medium.sha256,
        )  # fmt: skip


class ComplaintOut(Out):
    """A complaint of mine about police; only auditors read it. `salt` and `content` prove what the receipt is about."""

    number: str = Field(examples=["D482-915-3067"])
    filed_at: datetime
    read_at: datetime | None
    answered_at: datetime | None
    words: str | None
    answer: str | None
    receipt: str
    salt: str | None
    content: str | None


class QuestionOut(Out):
    """What I asked my community officer; kept for 30 days after the answer."""

    words: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class CommunityOfficerOut(Out):
    """My community officer, by the badge."""

    badge: str = Field(examples=["017342"])
    bound_at: datetime


class NoticeOut(Out):
    """What I was told, or would have been."""

    kind: str = Field(examples=["claimed"])
    case_id: UUID | None
    at: datetime
    state: str = Field(examples=["sent"])


class ConsentOut(Out):
    """What I let WeChat send me."""

    channel: str = Field(examples=["subscription"])
    template_id: str = Field(examples=["SM0001"])
    left: int
    lasting: bool


class SignedInOut(Out):
    """A session of mine, by its times; no address is kept."""

    since: datetime
    used_at: datetime
    until: datetime


class ExportOut(Out):
    """All that is held about me."""

    at: datetime
    profile: ProfileOut
    draft: DraftOut | None
    complaints: list[ComplaintOut]
    community_officer: CommunityOfficerOut | None
    near_station_id: UUID | None = Field(description="Whose code I scanned last, for 30 days")
    questions: list[QuestionOut]
    cases: list[OwnCaseOut]
    me_toos: list[MeTooOut]
    media: list[MediumOut]
    notices: list[NoticeOut]
    consents: list[ConsentOut]
    sessions: list[SignedInOut]


routes = APIRouter(tags=["My data"])


@routes.get(
    "/me/export",
    operation_id="exportMe",
    summary="All that is held about me",
    description="Profile, consent, cases with words and timeline, complaints, questions to my community officer, notices, sessions. Of officers the badge alone. "
    "That it was asked for stands in the audit chain.",
    responses=problems(CitizensOnly),
)
async def get_export(actor: Citizen, runtime: Stores, response: Response) -> ExportOut:
    """Everything about oneself."""
    response.headers["Cache-Control"] = "no-store"
    # One at a time in a process: who has reported for years is a hundred reads, and officers wait for the same core.
    async with lane(runtime, "export", at_once=1), transaction(runtime) as db:
        found = await everything_about(db, runtime, actor.person_id)
    return _out(found)


@routes.delete(
    "/me",
    status_code=204,
    operation_id="eraseMe",
    summary="Erase me",
    description="Name, phone, consent, WeChat's names of me and what I was writing go at once, and every session "
    f"ends. My cases stay without me; their words, places, pictures and ratings go {DISPUTE_DAYS} days after their "
    "end, my questions to my community officer at once, what I wrote in a complaint when it is answered, or after 90 days. While a case of mine is open: 409 `case_still_open`; cancel it, or wait until it is closed. "
    "Whoever signs in again is somebody new.",
    responses=problems(CitizensOnly, CaseStillOpen),
)
async def delete_me(actor: Citizen, runtime: Stores) -> Response:
    """Erase oneself."""
    async with transaction(runtime) as db:
        await erase(db, actor.person_id)
    return Response(status_code=204)


def _out(found: Everything) -> ExportOut:
    who, draft, officer = found.person, found.draft, found.community_officer
    return ExportOut(
        at=found.at,
        profile=ProfileOut(
            name=who.name, phone=who.phone, consent_version=who.consent_version, consent_at=who.consent_at,
            language=who.language, follows=who.follows, known_since=who.known_since, unionid=who.unionid,
            openids=dict(who.openids),
        ),
        draft=None if draft.empty else DraftOut(
            category=draft.category, words=draft.words, place=PlaceOut.of(draft.place), media=list(draft.media)
        ),
        complaints=[
            ComplaintOut(
                number=c.number, filed_at=c.filed_at, read_at=c.read_at, answered_at=c.answered_at, words=c.words,
                answer=c.answer, receipt=c.receipt, salt=c.salt, content=c.content,
            )
            for c in found.complaints
        ],
        community_officer=CommunityOfficerOut(badge=officer.badge, bound_at=officer.bound_at) if officer else None,
        near_station_id=found.near_station_id,
        questions=[
            QuestionOut(words=q.words, asked_at=q.asked_at, answer=q.answer, answered_at=q.answered_at)
            for q in found.questions
        ],
        cases=[OwnCaseOut.of(own) for own in found.cases],
        me_toos=[
            MeTooOut(category=m.category, told_at=m.told_at, joined_at=m.joined_at) for m in found.me_toos
        ],
        media=[MediumOut.of(one) for one in found.media],
        notices=[NoticeOut(kind=n.kind, case_id=n.case_id, at=n.at, state=n.state) for n in found.notices],
        consents=[
            ConsentOut(channel=c.channel, template_id=c.template_id, left=c.left_once, lasting=c.lasting)
            for c in found.consents
        ],
        sessions=[SignedInOut(since=s.since, used_at=s.used_at, until=s.until) for s in found.sessions],
    )  # fmt: skip
