"""The queue of the desk and what runs beside it: many cases in brief, nothing of words, reporters or exact places."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.cases.queries import Case, Flag
from app.cases.states import CaseState, Cause
from app.dispatch.desk import stations_of
from app.dispatch.queries import After, desk_queue, running
from app.kit.database import Db
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.notices.queries import stops
from app.notices.walls import used_today
from app.people.sessions import Actor, Role
from console.auth import Board, Stores
from console.refusals import RoleNeeded, roles
from console.schema import PAGE_DEFAULT, Cursor, Cursors, Limit, Out, PointOut

RUNNING_MOST = 200

_DESK = roles(Role.DESK, Role.COMMANDER)
_QUEUE_CURSOR = Cursors(bool, datetime, UUID)


class CaseBriefOut(Out):
    """A case on the board: nothing of its words, its reporter or its exact place."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    epoch: int
    category: str = Field(examples=["noise"])
    urgent: bool
    text_only: bool
    flags: list[Flag] = Field(
        description="How the reporter wants to be met: in writing only or large, a child, for another person",
        examples=[["text_only"]],
    )
    station_id: UUID
    rough: PointOut | None = Field(description="Centre of a 300 m square")
    reported_at: datetime
    age_s: float = Field(description="Since the report", examples=[64.2])
    seconds_left: float | None = Field(description="While open: until the desk has it", examples=[41.3])
    officer_id: UUID | None
    act_in_s: float | None = Field(description="Until the silent holder is looked at next", examples=[38.0])
    silence: int = Field(
        description="0: fine; 1: the holder was nudged; 2: the desk is alarmed", examples=[0]
    )

    @classmethod
    def of(cls, case: Case) -> CaseBriefOut:
        """A case of the core."""
        return cls(**brief(case))


class QueuedOut(CaseBriefOut):
    """A case with the desk, or an alarm about one that is not, and its clocks."""

    cause: Cause | None = Field(description="Why the desk has it")
    handed_over_at: datetime | None
    waits_s: float | None = Field(description="With the desk", examples=[12.5])
    acknowledged_at: datetime | None
    ack_by: datetime | None = Field(description="When the next desk on the ladder rings; null: acknowledged")
    ack_in_s: float | None = Field(description="Seconds until then; negative: overdue", examples=[47.5])
    ack_step: int = Field(description="0: own desk; 1: neighbour or parent; 2: command centre", examples=[0])
    ringing_id: UUID | None = Field(description="The station whose desk rings now")
    desk_person_id: UUID | None = Field(description="Who of the desk has taken it")
    mine: bool = Field(description="I have taken it")
    forwards: int = Field(examples=[0])
    cancel_asked: bool

    @classmethod
    def queued(cls, case: Case, actor_id: UUID) -> QueuedOut:
        """A case of the core, for this reader."""
        return cls(**brief(case), **clocks(case, actor_id))


class StoppedOut(Out):
    """A channel by which nobody can be written to: citizens are not told, so the desk calls them."""

    channel: str = Field(examples=["official_account"])
    until: datetime = Field(description="It is tried again then, for quotas at midnight in Beijing")
    reading: str = Field(
        description="`wait_quota`: the day's messages are spent; `operator`: a setting is wrong",
        examples=["wait_quota"],
    )


class NearOut(Out):
    """A channel that has used up 80 % of its day: the least important notices wait already."""

    channel: str = Field(examples=["official_account"])
    taken: int = Field(description="Calls made today", examples=[401233])
    wall: int = Field(description="Calls a day", examples=[500000])


class QueueOut(Out):
    """A page: urgent on top, then oldest first."""

    items: list[QueuedOut]
    next: str | None = Field(description="The cursor of the next page; null: this is the last one")
    stopped: list[StoppedOut] = Field(description="Alarms about the channels to citizens; usually empty")
    near: list[NearOut] = Field(description="Channels whose day is nearly used up; usually empty")


class RunningOut(Out):
    """Open cases and those in an officer's hands, urgent on top, then oldest first; at most 200."""

    items: list[CaseBriefOut]


routes = APIRouter(tags=["Console: cases"])


@routes.get(
    "/queue",
    operation_id="consoleQueue",
    summary="The queue of my stations",
    description="Cases with the desk of my stations, or ringing at them; also alarms about cases that are open or in "
    "an officer's hands, until a human answers.",
    responses=problems(RoleNeeded),
    openapi_extra=_DESK,
)
async def get_queue(
    actor: Board, runtime: Stores, cursor: Cursor = None, limit: Limit = PAGE_DEFAULT
) -> QueueOut:
    """A page of the queue."""
    after = _QUEUE_CURSOR.parts(cursor)
    async with runtime.database.transaction() as db:
        return await queue_page(db, runtime, actor, after=After(*after) if after else None, limit=limit)


async def queue_page(db: Db, runtime: Runtime, actor: Actor, *, after: After | None, limit: int) -> QueueOut:
    """A page of the queue of this actor's stations."""
    everywhere, stations = stations_of(actor)
    found = await desk_queue(
        db, runtime, everywhere=everywhere, stations=stations, after=after, limit=limit + 1
    )
    page, last = found[:limit], found[limit - 1] if len(found) > limit else None
    stopped = [StoppedOut(channel=s.channel, until=s.until, reading=s.reading) for s in await stops(db)]
    return QueueOut(
        items=[QueuedOut.queued(case, actor.person_id) for case in page],
        stopped=stopped,
        near=[
            NearOut(channel=u.channel, taken=u.taken, wall=u.wall)
            for u in await used_today(db, runtime)
            if u.near
        ],
        next=_QUEUE_CURSOR.of(not last.urgent, last.reported_at, last.id) if last else None,
    )


@routes.get(
    "/cases/running",
    operation_id="consoleRunningCases",
    summary="Open cases, and those in officers' hands",
    responses=problems(RoleNeeded),
    openapi_extra=_DESK,
)
async def get_running(actor: Board, runtime: Stores) -> RunningOut:
    """What runs."""
    async with runtime.database.transaction() as db:
        return RunningOut(items=await running_briefs(db, runtime, actor))


async def running_briefs(db: Db, runtime: Runtime, actor: Actor) -> list[CaseBriefOut]:
    """What runs at this actor's stations."""
    everywhere, stations = stations_of(actor)
    found = await running(db, runtime, everywhere=everywhere, stations=stations, limit=RUNNING_MOST)
    return [CaseBriefOut.of(case) for case in found]


def brief(case: Case) -> dict[str, Any]:  # the fields of CaseBriefOut
    return {
        "case_id": case.id, "number": case.number, "state": case.state, "epoch": case.epoch, "category": case.category,
        "urgent": case.urgent, "text_only": case.text_only, "flags": list(case.flags), "station_id": case.station_id,
        "rough": PointOut.of(case.rough), "reported_at": case.reported_at, "age_s": _seconds(case.reported_at, case.now),
        "seconds_left": _seconds(case.now, case.deadline) if case.state is CaseState.OPEN else None,
        "officer_id": case.officer_id, "act_in_s": _seconds(case.now, case.act_by), "silence": case.act_step,
    }  # fmt: skip


def clocks(case: Case, actor_id: UUID) -> dict[str, Any]:  # the fields of QueuedOut
    at_desk = case.state is CaseState.HANDED_OVER
    return {
        "cause": case.cause, "handed_over_at": case.handed_over_at,
        "waits_s": _seconds(case.handed_over_at, case.now) if at_desk else None, "acknowledged_at": case.acknowledged_at,
        "ack_by": case.ack_by, "ack_in_s": _seconds(case.now, case.ack_by),
        "ack_step": case.ack_step, "ringing_id": case.ringing_id if at_desk or case.ack_by else None,
        "desk_person_id": case.desk_person_id, "mine": case.desk_person_id == actor_id, "forwards": case.forwards,
        "cancel_asked": bool(case.facts.get("cancel_asked")),
    }  # fmt: skip


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    return round((until - since).total_seconds(), 1) if since and until else None
