"""Who is on duty and where; whose sign-in waits for the desk."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.dispatch.desk import stations_of
from app.dispatch.queries import on_duty
from app.dispatch.reach import ReachChannel
from app.dispatch.reachable import Reach, reach_of
from app.events.edge import transaction
from app.kit.database import Db, MovesDb
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.errors import ApprovalNotFound
from app.people.second_factor import decide_approval, pending_approvals
from app.people.sessions import Actor, Role
from console.auth import Board, Desk, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import In, Out, PointOut

_DESK = roles(Role.DESK, Role.COMMANDER)


class ReachOut(Out):
    """How an officer is reached though the mini-program sleeps. Nothing in `channels`: call by radio."""

    channels: list[ReachChannel] = Field(
        description="In the order they are tried; `socket` while the phone is heard",
        examples=[["official_account", "police_app"]],
    )
    messages_left: int = Field(description="Messages of the Official Account, at most 5", examples=[4])
    notices_left: int | None = Field(description="Subscription messages; null: no end", examples=[2])
    renew: bool = Field(
        description="Fewer than two messages are left; the officer has been asked to write a line"
    )
    tested_at: datetime | None = Field(description="The test on going on duty")
    test_channel: str | None = Field(examples=["official_account"])
    test_outcome: str | None = Field(
        description="`sent`, `under_way`, `nothing_left`, or why not", examples=["sent"]
    )

    @classmethod
    def of(cls, reach: Reach) -> ReachOut:
        """Reach as the core has it."""
        probe = reach.probe
        return cls(
            channels=list(reach.channels), messages_left=reach.messages_left, notices_left=reach.notices_left,
            renew=reach.renew, tested_at=probe.at if probe else None, test_channel=probe.channel if probe else None,
            test_outcome=probe.outcome if probe else None,
        )  # fmt: skip


class OnDutyOut(Out):
    """An officer on duty: the 300 m square last seen in, never a track."""

    officer_id: UUID
    badge: str = Field(examples=["017342"])
    kind: str = Field(examples=["officer"])
    station_id: UUID
    duty_since: datetime | None
    last_seen_at: datetime | None
    square: PointOut | None = Field(description="Centre of the 300 m square")
    case_id: UUID | None = Field(description="The case in hand")
    reach: ReachOut


class OnDutyListOut(Out):
    """By badge, at most 2,000."""

    items: list[OnDutyOut]


class ApprovalOut(Out):
    """An officer's sign-in that waits, for 10 minutes."""

    id: UUID
    person_id: UUID
    station_id: UUID
    badge: str = Field(examples=["017342"])
    asked_at: datetime


class ApprovalsOut(Out):
    """Oldest first."""

    items: list[ApprovalOut]


class DecisionIn(In):
    """Let the officer in, or end that session. Ask them by radio first."""

    approve: bool = Field(strict=True, examples=[True])


routes = APIRouter(tags=["Console: duty"])


@routes.get(
    "/officers/on-duty",
    operation_id="consoleOnDuty",
    summary="Who is on duty, and where",
    responses=problems(RoleNeeded),
    openapi_extra=_DESK,
)
async def get_on_duty(actor: Board, runtime: Stores) -> OnDutyListOut:
    """Officers on duty at my stations."""
    async with runtime.database.moves() as db:
        return OnDutyListOut(items=await duty_of(db, runtime, actor))


async def duty_of(db: Db | MovesDb, runtime: Runtime, actor: Actor) -> list[OnDutyOut]:
    """Who is on duty at this actor's stations."""
    everywhere, stations = stations_of(actor)
    found = await on_duty(db, everywhere=everywhere, stations=stations)
    reach = await reach_of(db, runtime, [o.officer_id for o in found])
    return [
        OnDutyOut(
            officer_id=o.officer_id, badge=o.badge, kind=o.kind, station_id=o.station_id, duty_since=o.duty_since,
            last_seen_at=o.last_seen_at, square=PointOut.of(o.square), case_id=o.case_id,
            reach=ReachOut.of(reach[o.officer_id]),
        )
        for o in found
    ]  # fmt: skip


@routes.get(
    "/approvals",
    operation_id="consoleApprovals",
    summary="Sign-ins that wait for my desk",
    responses=problems(RoleNeeded),
    openapi_extra=_DESK,
)
async def get_approvals(actor: Board, runtime: Stores) -> ApprovalsOut:
    """What waits."""
    async with runtime.database.moves() as db:
        return ApprovalsOut(items=await approvals_of(db, actor))


async def approvals_of(db: Db | MovesDb, actor: Actor) -> list[ApprovalOut]:
    """What waits at this actor's desks."""
    everywhere, stations = stations_of(actor)
    return [
        ApprovalOut(
            id=a.id, person_id=a.person_id, station_id=a.station_id, badge=a.badge, asked_at=a.asked_at
        )
        for a in await pending_approvals(db, stations=stations, everywhere=everywhere)
    ]


@routes.post(
    "/approvals/{approval_id}",
    status_code=204,
    operation_id="consoleDecideApproval",
    summary="Let an officer in, or not",
    description="The first who decides has decided.",
    responses=problems(*UNSAFE, RoleNeeded, ApprovalNotFound),
    openapi_extra=_DESK,
)
async def post_decision(approval_id: UUID, body: DecisionIn, actor: Desk, runtime: Stores) -> Response:
    """Decide."""
    async with transaction(runtime) as db:
        await decide_approval(db, approval_id, by=actor, approve=body.approve)
    return Response(status_code=204)
