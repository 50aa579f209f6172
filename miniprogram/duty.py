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
from app.dispatch.reach import ReachChannel
from app.dispatch.reachable import Reach, reach_of
from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.errors import CaseInHand, OfficerNotFound
from app.people.officers import Duty, duty_of, duty_off, duty_on
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


class DutyTestOut(Out):
    """The test on going on duty, or the last one before."""

    at: datetime
    channel: str | None = Field(description="null: there was nothing to test", examples=["official_account"])
    outcome: str = Field(description="`sent`, `under_way`, `nothing_left`, or why not", examples=["sent"])


class ReachOut(Out):
    """How I am reached though the mini-program sleeps."""

    channels: list[ReachChannel] = Field(
        description="What reaches me now, in the order it is tried; `socket` while this phone is heard",
        examples=[["socket", "official_account", "police_app"]],
    )
    messages_left: int = Field(description="Messages of the Official Account, at most 5", examples=[4])
    notices_left: int | None = Field(description="Subscription messages; null: no end", examples=[2])
    renew: bool = Field(description="Fewer than two messages are left: write a line to the Official Account")
    tested: DutyTestOut | None

    @classmethod
    def of(cls, reach: Reach) -> ReachOut:
        """Reach as the core has it."""
        probe = reach.probe
        return cls(
            channels=list(reach.channels), messages_left=reach.messages_left, notices_left=reach.notices_left,
            renew=reach.renew,
            tested=DutyTestOut(at=probe.at, channel=probe.channel, outcome=probe.outcome) if probe else None,
        )  # fmt: skip


class DutyReachOut(DutyOut):
    """Whether I am on duty, and how I am reached."""

    reach: ReachOut


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


@routes.get(
    "/duty",
    operation_id="duty",
    summary="Whether I am on duty, and how I am reached",
    description="Going on duty sends one test by the first way that has something left; what came of it stands in `tested`, and "
    "comes live as `reach_tested`. With fewer than two messages left (`renew`, live as `renew_reach`) open the Official "
    "Account and write a line, such as 在岗: WeChat then allows five more within 48 h. A tap is not enough for that.",
    responses=problems(*_OFFICERS, OfficerNotFound),
)
async def get_duty(officer: Officer, runtime: Stores) -> DutyReachOut:
    """Duty and reach."""
    async with runtime.database.moves() as db:
        duty = await duty_of(db, officer.person_id)
        reach = (await reach_of(db, runtime, [officer.person_id])).get(officer.person_id)
    if duty is None or reach is None:
        raise OfficerNotFound(person_id=officer.person_id)
    return DutyReachOut(on_duty=duty.on_duty, since=duty.since, reach=ReachOut.of(reach))


@routes.post(
    "/duty/on",
    operation_id="dutyOn",
    summary="Go on duty",
    description="A test follows: see `GET /duty`.",
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
