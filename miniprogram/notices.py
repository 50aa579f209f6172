"""What waits for me because no channel could carry it, and what I let WeChat send me."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.events.edge import transaction
from app.kit.problems import problems
from app.notices.queries import MOST, mark_seen, unseen_of
from app.notices.subscriptions import TEMPLATES_MAX, Answer, Offered, note_answers, offered_to
from app.notices.words import words_shown
from miniprogram.auth import CitizenOrOfficer, Stores
from miniprogram.schema import In, Out, text_of


class WaitingOut(Out):
    """One notice that I may not have heard."""

    id: int
    kind: str = Field(examples=["closed"])
    case_id: UUID | None
    at: datetime = Field(description="When it happened")
    words: str = Field(examples=["您的报告 482-915-3067 已办结。"])


class WaitingListOut(Out):
    """Newest first."""

    items: list[WaitingOut] = Field(max_length=MOST)


class SeenIn(In):
    """Notices this phone showed: of the list, or of `notice` frames of the socket."""

    ids: Annotated[
        list[Annotated[int, Field(ge=1, le=2**63 - 1)]],
        Field(min_length=1, max_length=MOST, examples=[[4711]]),
    ]


class SeenOut(Out):
    """How many were new."""

    seen: int


class Said(StrEnum):
    """What `wx.requestSubscribeMessage` tells of one template."""

    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"
    FILTER = "filter"


class SubscriptionsIn(In):
    """The result of `wx.requestSubscribeMessage`, as it stands: template id to answer."""

    results: Annotated[
        dict[Annotated[str, text_of(64)], Said],
        Field(min_length=1, max_length=TEMPLATES_MAX, examples=[{"SM0001": "accept"}]),
    ]


class SubscriptionOut(Out):
    """One template, and what I allow."""

    template_id: str = Field(examples=["SM0001"])
    kinds: list[str] = Field(
        description="Kinds of notice it carries; `*`: all others", examples=[["claimed"]]
    )
    left: int = Field(description="Sends left; of a long-term one not counted", examples=[2])
    lasting: bool = Field(description="A long-term one that I agreed to")

    @classmethod
    def of(cls, one: Offered) -> SubscriptionOut:
        """A template of the core."""
        return cls(
            template_id=one.template_id, kinds=list(one.kinds), left=one.left_once, lasting=one.lasting
        )


class SubscriptionsOut(Out):
    """Every template of the mini-program. Ask for at most 5 at once, and never for lasting and one-time ones together."""

    items: list[SubscriptionOut]


routes = APIRouter(tags=["Notices"])


@routes.get(
    "/me/notices",
    operation_id="myNotices",
    summary="What I may not have heard",
    description=f"Notices that no channel could carry, newest first, at most {MOST}. They are counted in the chat's next "
    "answer too. Show them, then say so by `POST /me/notices/seen`.",
    responses=problems(),
)
async def get_notices(actor: CitizenOrOfficer, runtime: Stores, response: Response) -> WaitingListOut:
    """List what waits."""
    response.headers["Cache-Control"] = "no-store"
    async with runtime.database.moves() as db:
        found = await unseen_of(db, actor.person_id)
    items = [
        WaitingOut(
            id=n.id,
            kind=n.kind,
            case_id=n.case_id,
            at=n.at,
            words=words_shown(n.kind, actor.language, n.facts),
        )
        for n in found
    ]
    return WaitingListOut(items=items)


@routes.post(
    "/me/notices/seen",
    operation_id="noticesSeen",
    summary="This phone showed these",
    description="Say it within 3 s of a `notice` frame, and no other channel is used for it. Ids of others are ignored.",
    responses=problems(),
)
async def post_seen(body: SeenIn, actor: CitizenOrOfficer, runtime: Stores) -> SeenOut:
    """Mark as seen; again changes nothing."""
    async with transaction(runtime) as db:
        return SeenOut(seen=await mark_seen(db, actor.person_id, body.ids))


@routes.get(
    "/me/subscriptions",
    operation_id="mySubscriptions",
    summary="What WeChat may send me",
    description="The mini-program's templates, for `wx.requestSubscribeMessage`, and what is left of my consent.",
    responses=problems(),
)
async def get_subscriptions(actor: CitizenOrOfficer, runtime: Stores) -> SubscriptionsOut:
    """Every template and what is left."""
    async with runtime.database.moves() as db:
        return SubscriptionsOut(
            items=[SubscriptionOut.of(o) for o in await offered_to(db, runtime, actor.person_id)]
        )


@routes.post(
    "/me/subscriptions",
    operation_id="subscribe",
    summary="What I answered to WeChat's question",
    description="Post the result of `wx.requestSubscribeMessage`. Each `accept` is one more send, or any number of a "
    "long-term template; `reject` and `ban` empty it; `filter` and templates that are not ours change nothing.",
    responses=problems(),
)
async def post_subscriptions(
    body: SubscriptionsIn, actor: CitizenOrOfficer, runtime: Stores
) -> SubscriptionsOut:
    """Note the answers."""
    answers = {template_id: _ANSWERS[said] for template_id, said in body.results.items() if said in _ANSWERS}
    async with transaction(runtime) as db:
        await note_answers(db, runtime, actor.person_id, answers)
        return SubscriptionsOut(
            items=[SubscriptionOut.of(o) for o in await offered_to(db, runtime, actor.person_id)]
        )


_ANSWERS = {Said.ACCEPT: Answer.YES, Said.REJECT: Answer.NO, Said.BAN: Answer.NO}
