"""On and off duty, and the fixes of an officer's phone."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.dispatch.errors import OffDuty
from app.dispatch.late import offer_what_is_open
from app.dispatch.presence import FRESH_S, beat
from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.errors import CaseInHand, OfficerNotFound
from app.people.officers import Duty, duty_off, duty_on
from app.people.sessions import OfficerFacts
from app.tracking.service import FIXES_MAX, Fix, FixSource, Ingest
from miniprogram.auth import Fixes, Officer, OfficersOnly, OfficersPhone, SecondFactorNeeded, Stores
from miniprogram.schema import In, Moment, Out, PointIn

_OFFICERS = (OfficersOnly, SecondFactorNeeded)
ACCURACY_MAX_M = 10_000


class DutyOut(Out):
    """Whether I am on duty."""

    on_duty: bool
    since: datetime | None

    @classmethod
    def of(cls, duty: Duty) -> DutyOut:
        """Duty as the core has it."""
        return cls(on_duty=duty.on_duty, since=duty.since)


class FixIn(PointIn):
    """One position as the phone measured it."""

    accuracy_m: int = Field(ge=0, le=ACCURACY_MAX_M, examples=[12])
    at: Moment = Field(description="When it was measured", examples=["2025-11-03T08:15:30.250+08:00"])

    def fix(self) -> Fix:
        """The fix as the core keeps it."""
        return Fix(self.wgs84(), self.accuracy_m, self.at)


FixBatch = Annotated[list[FixIn], Field(min_length=1, max_length=FIXES_MAX)]


class FixesIn(In):
    """Since the last batch, in any order. Send one every 5 s on the way, every 15 s while free."""

    fixes: FixBatch


class FixesOut(Out):
    """Where the fixes went. Compare `server_time`: a fix of a wrong clock is dropped."""

    case_ids: list[UUID] = Field(description="Cases whose people see me now; none: I am free")
    present: bool = Field(description="Free and seen: cases near me will be offered")
    server_time: datetime


routes = APIRouter(tags=["Duty"])


@routes.post(
    "/duty/on",
    operation_id="dutyOn",
    summary="Go on duty",
    responses=problems(*_OFFICERS, OfficerNotFound),
)
async def post_duty_on(officer: Officer, runtime: Stores) -> DutyOut:
    """Go on duty; again is no change."""
    async with transaction(runtime) as db:
        return DutyOut.of(await duty_on(db, officer.person_id))


@routes.post(
    "/duty/off",
    operation_id="dutyOff",
    summary="Go off duty",
    description="Refused with a case in hand. From then on no position is kept.",
    responses=problems(*_OFFICERS, CaseInHand),
)
async def post_duty_off(officer: Officer, runtime: Stores) -> DutyOut:
    """Go off duty; again is no change."""
    async with transaction(runtime) as db:
        return DutyOut.of(await duty_off(db, officer.person_id))


@routes.post(
    "/fixes",
    operation_id="fixes",
    summary="Where I am",
    description=f"At most {FIXES_MAX} fixes, WGS-84 or GCJ-02 as each declares. With a case in hand they go to its "
    f"people. Free and on duty, the newest counts when it is at most {FRESH_S} s old, and open cases whose rings "
    "reach here are offered.",
    responses=problems(*_OFFICERS, OffDuty),
)
async def post_fixes(body: FixesIn, officer: OfficersPhone, runtime: Stores, ingest: Fixes) -> FixesOut:
    """Take a batch of fixes."""
    return await take_fixes(runtime, ingest, officer.person_id, officer.officer, body.fixes)


async def take_fixes(
    runtime: Runtime, ingest: Ingest, officer_id: UUID, facts: OfficerFacts | None, fixes: FixBatch
) -> FixesOut:
    """Fixes to the case in hand, else to the index of who is free. Nothing is kept of an officer off duty.

    Raises:
        OffDuty: only positions on duty are taken.
    """
    if facts is None or not facts.on_duty:
        raise OffDuty()
    held = await ingest.holdings(officer_id)
    if held:
        held = await ingest.record(officer_id, [fix.fix() for fix in fixes], FixSource.MINIPROGRAM)
    now = utc_now()
    newest = max(fixes, key=attrgetter("at")).fix()  # of who is free only the newest counts
    present = not held and abs((now - newest.at).total_seconds()) <= FRESH_S
    if present:
        await beat(runtime, officer_id, newest.point)
        await offer_what_is_open(runtime, officer_id, facts.station_id, newest.point)
    return FixesOut(case_ids=[holding.case_id for holding in held], present=present, server_time=now)
