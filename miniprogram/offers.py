"""Open cases that this officer may take: a rough place and the seconds left, no words, no reporter."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.cases.errors import (
    CaseAlreadyTaken,
    CaseEnded,
    CaseHandedOver,
    CaseNotFound,
    CaseReopened,
    OfficerHasACase,
)
from app.dispatch.claim import Claimed, claim, decline, seen
from app.dispatch.errors import OffDuty
from app.dispatch.queries import Offer, open_offers
from app.kit.problems import problems
from miniprogram.auth import Fixes, Officer, OfficersOnly, OnDutyOfficer, SecondFactorNeeded, Stores
from miniprogram.schema import Epoch, In, Out, PointOut, Reason

_OFFICERS = (OfficersOnly, SecondFactorNeeded)


class OfferOut(Out):
    """One open case, before the claim."""

    case_id: UUID
    epoch: int = Field(description="Of this opening: send it with the claim")
    category: str = Field(examples=["noise"])
    distance_m: int | None = Field(examples=[640])
    rough: PointOut | None = Field(description="Centre of a 300 m square, WGS-84")
    age_s: float = Field(examples=[12.4])
    seconds_left: float = Field(examples=[47.6])

    @classmethod
    def of(cls, offer: Offer) -> OfferOut:
        """An offer of the core."""
        return cls(
            case_id=offer.case_id, epoch=offer.epoch, category=offer.category, distance_m=offer.distance_m,
            rough=PointOut.of(offer.rough), age_s=offer.age_s, seconds_left=offer.seconds_left,
        )  # fmt: skip


class OffersOut(Out):
    """Urgent ones first, then by seconds left."""

    items: list[OfferOut]


class ClaimIn(In):
    """The opening that is claimed."""

    epoch: Epoch


class ClaimOut(Out):
    """The case is yours; `epoch` fences every later act on it."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    epoch: int = Field(examples=[1])

    @classmethod
    def of(cls, claimed: Claimed) -> ClaimOut:
        """The same answer for the claim and for its repeats."""
        return cls(case_id=claimed.case_id, number=claimed.number, epoch=claimed.epoch)


class DeclineIn(In):
    """Why not; it is not offered again."""

    epoch: Epoch
    reason: Reason


routes = APIRouter(tags=["Offers"])


@routes.get(
    "/offers",
    operation_id="offers",
    summary="What I may take now",
    responses=problems(*_OFFICERS, OffDuty),
)
async def get_offers(officer: OnDutyOfficer, runtime: Stores) -> OffersOut:
    """The officer's open offers."""
    async with runtime.database.moves() as db:
        return OffersOut(items=[OfferOut.of(offer) for offer in await open_offers(db, officer.person_id)])


@routes.post(
    "/offers/{case_id}/claim",
    status_code=201,
    operation_id="claim",
    summary="Take it",
    description="The first officer who asks has the case, whatever is repeated or cut off: the winner's repeat gets "
    "the same answer. Losers learn who took it (`officer_id`) and after how long (`after_s`).",
    responses=problems(
        *_OFFICERS,
        CaseNotFound,
        CaseAlreadyTaken,
        CaseHandedOver,
        CaseEnded,
        CaseReopened,
        OfficerHasACase,
        OffDuty,
    ),
)
async def post_claim(
    case_id: UUID, body: ClaimIn, officer: Officer, runtime: Stores, ingest: Fixes
) -> ClaimOut:
    """Claim a case; the statement decides, duty included."""
    claimed = await claim(runtime, case_id, epoch=body.epoch, officer=officer)
    ingest.forget(officer.person_id)
    return ClaimOut.of(claimed)


@routes.post(
    "/offers/{case_id}/decline",
    status_code=204,
    operation_id="decline",
    summary="Can't",
    responses=problems(*_OFFICERS, CaseNotFound),
)
async def post_decline(case_id: UUID, body: DeclineIn, officer: Officer, runtime: Stores) -> Response:
    """Decline an offer."""
    await decline(runtime, case_id, epoch=body.epoch, officer=officer, reason=body.reason)
    return Response(status_code=204)


@routes.post(
    "/offers/{case_id}/seen",
    status_code=204,
    operation_id="offerSeen",
    summary="My phone showed it",
    description="Response rates are counted from it. Of an offer never made it says nothing.",
    responses=problems(*_OFFICERS),
)
async def post_seen(case_id: UUID, body: ClaimIn, officer: Officer, runtime: Stores) -> Response:
    """Note that an offer was shown."""
    await seen(runtime, case_id, epoch=body.epoch, officer=officer)
    return Response(status_code=204)
