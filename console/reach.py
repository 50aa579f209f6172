"""Whom a case was offered to, and by which way each was reached."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.cases.errors import CaseNotFound
from app.cases.policy import Reader, reader_of
from app.cases.queries import get_case
from app.dispatch.queries import reached_of
from app.kit.problems import problems
from app.people.sessions import Role
from console.auth import Desk, Stores
from console.refusals import RoleNeeded, roles
from console.schema import Out


class StepOut(Out):
    """One way that was tried."""

    channel: str = Field(examples=["official_account"])
    outcome: str = Field(
        description="`sent`; `seen`: the phone showed it by itself; else why not", examples=["no_budget"]
    )
    at: datetime


class OfferedOut(Out):
    """One officer asked. No step: the case was over before one was due."""

    officer_id: UUID
    badge: str = Field(examples=["017342"])
    epoch: int = Field(description="Of the opening")
    offered_at: datetime
    reached_s: float | None = Field(description="Until a way had it; null: none had", examples=[2.4])
    steps: list[StepOut]


class OfferedListOut(Out):
    """In the order they were asked, at most 1,000."""

    items: list[OfferedOut]


routes = APIRouter(tags=["Console: cases"])


@routes.get(
    "/cases/{case_id}/reach",
    operation_id="consoleReach",
    summary="Whom a case was offered to, and how each was reached",
    responses=problems(RoleNeeded, CaseNotFound),
    openapi_extra=roles(Role.DESK, Role.COMMANDER),
)
async def get_reach(case_id: UUID, actor: Desk, runtime: Stores) -> OfferedListOut:
    """Every offer with its steps."""
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, case_id)
        if await reader_of(db, case, actor) is not Reader.DESK:
            raise CaseNotFound(case_id=str(case_id))
        found = await reached_of(db, case_id)
    return OfferedListOut(
        items=[
            OfferedOut(
                officer_id=o.officer_id, badge=o.badge, epoch=o.epoch, offered_at=o.offered_at, reached_s=o.reached_s,
                steps=[StepOut(channel=s.channel, outcome=s.outcome, at=s.at) for s in o.steps],
            )
            for o in found
        ]
    )  # fmt: skip
