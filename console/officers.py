"""Officers' accounts: invitations, station and skills, suspension. For administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.audit.service import record_act
from app.events.edge import transaction
from app.kit.errors import Forbidden
from app.kit.problems import problems
from app.people.errors import BadgeTaken, OfficerNotFound, PersonNotFound, UnfitField
from app.people.identity import names_of
from app.people.invitations import INVITATION_S, invite
from app.people.officers import change_officer, resume, set_lead, suspend
from app.people.queries import OfficerListed, officers_of, scope_of
from app.people.second_factor import enrol_totp
from app.people.sessions import PersonKind, Role
from app.stations.queries import StationNotFound, require_station
from console.auth import Administrator, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import PAGE_DEFAULT, Cursor, Cursors, In, Limit, Out, text_of

SKILLS_MAX = 20

_ADMINISTRATOR = roles(Role.ADMINISTRATOR)
_CURSOR = Cursors(str)

Skill = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,29}$", examples=["english"])]


class InviteIn(In):
    """Whom to invite. A badge that is known at this station is invited anew, for another phone."""

    name: Annotated[str, text_of(60)] = Field(examples=["王小明"])
    badge: Annotated[str, text_of(20)] = Field(examples=["017342"])
    station_id: UUID
    kind: PersonKind = Field(PersonKind.OFFICER, description="`officer` or `auxiliary`", examples=["officer"])
    phone: Annotated[str, text_of(20, 5)] | None = Field(None, examples=["13800000000"])


class InvitedOut(Out):
    """The code, told once: hand it over in person."""

    person_id: UUID
    code: str = Field(description="8 digits; one phone, five may try", examples=["4827 1930"])
    expires_in_s: int = Field(examples=[INVITATION_S])


class OfficerOut(Out):
    """An officer's account."""

    person_id: UUID
    name: str | None = Field(examples=["王小明"])
    badge: str = Field(examples=["017342"])
    kind: PersonKind
    station_id: UUID
    skills: list[str]
    lead_id: UUID | None = Field(description="In a crew: who claims for it")
    on_duty: bool
    active: bool = Field(description="false: suspended")
    bound: bool = Field(description="A phone is bound to the account")
    invited: bool = Field(description="A code is out")


class OfficersOut(Out):
    """A page, by badge."""

    items: list[OfficerOut]
    next: str | None


class OfficerChangeIn(In):
    """What changes; what is left out stays."""

    station_id: UUID | None = None
    skills: list[Skill] | None = Field(None, max_length=SKILLS_MAX)


class LeadIn(In):
    """Whose crew; null: none."""

    lead_id: UUID | None


class TotpOut(Out):
    """Show it once, as a QR code."""

    totp_address: str = Field(
        examples=["otpauth://totp/Didi%20Police:017342?secret=JBSWY3DPEHPK3PXP&issuer=Didi%20Police"]
    )


routes = APIRouter(tags=["Console: officers"])


@routes.post(
    "/officers",
    status_code=201,
    operation_id="consoleInviteOfficer",
    summary="Invite an officer",
    description="A one-time code for 10 minutes binds their phone to the account; an earlier code of theirs ends.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, StationNotFound, BadgeTaken, UnfitField),
    openapi_extra=_ADMINISTRATOR,
)
async def post_officer(body: InviteIn, actor: Administrator, runtime: Stores) -> InvitedOut:
    """Invite."""
    async with transaction(runtime) as db:
        await require_station(db, body.station_id)
        invited = await invite(
            db, runtime, name=body.name, badge=body.badge, station_id=body.station_id, kind=body.kind,
            phone=body.phone, by=actor,
        )  # fmt: skip
    return InvitedOut(person_id=invited.person_id, code=invited.code, expires_in_s=INVITATION_S)


@routes.get(
    "/officers",
    operation_id="consoleOfficers",
    summary="Officers of my stations",
    description="Names are personal data: reading the list is recorded.",
    responses=problems(RoleNeeded),
    openapi_extra=_ADMINISTRATOR,
)
async def get_officers(
    actor: Administrator, runtime: Stores, cursor: Cursor = None, limit: Limit = PAGE_DEFAULT
) -> OfficersOut:
    """A page of officers."""
    parts = _CURSOR.parts(cursor)
    async with transaction(runtime) as db:
        scope = scope_of(actor, Role.ADMINISTRATOR)
        found = await officers_of(db, scope, after_badge=parts[0] if parts else "", limit=limit + 1)
        names = await names_of(db, runtime, [o.person_id for o in found[:limit]])
        await record_act(
            db, actor_id=actor.person_id, action="officers_listed", object_kind="officers", object_id="page",
            facts={"count": len(found[:limit])},
        )  # fmt: skip
    items = [_out(o, names) for o in found[:limit]]
    return OfficersOut(items=items, next=_CURSOR.of(items[-1].badge) if len(found) > limit else None)


@routes.patch(
    "/officers/{person_id}",
    status_code=204,
    operation_id="consoleChangeOfficer",
    summary="Another station, other skills",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, OfficerNotFound, StationNotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def patch_officer(
    person_id: UUID, body: OfficerChangeIn, actor: Administrator, runtime: Stores
) -> Response:
    """Change an officer."""
    async with transaction(runtime) as db:
        await require_station(db, body.station_id)
        await change_officer(db, person_id, by=actor, station_id=body.station_id, skills=body.skills)
    return Response(status_code=204)


@routes.put(
    "/officers/{person_id}/lead",
    status_code=204,
    operation_id="consoleSetLead",
    summary="Into a crew, or out of it",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, OfficerNotFound, UnfitField),
    openapi_extra=_ADMINISTRATOR,
)
async def put_lead(person_id: UUID, body: LeadIn, actor: Administrator, runtime: Stores) -> Response:
    """Set an officer's lead."""
    async with transaction(runtime) as db:
        await set_lead(db, person_id, body.lead_id, by=actor)
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/suspend",
    status_code=204,
    operation_id="consoleSuspend",
    summary="Shut a person out",
    description="An officer of my stations, or (administrators of all stations) anyone else: sessions and duty end within 1 s.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, PersonNotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def post_suspension(person_id: UUID, actor: Administrator, runtime: Stores) -> Response:
    """Suspend."""
    async with transaction(runtime) as db:
        await suspend(db, person_id, by=actor)
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/resume",
    status_code=204,
    operation_id="consoleResume",
    summary="Let a suspended person in again",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, PersonNotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def post_resumption(person_id: UUID, actor: Administrator, runtime: Stores) -> Response:
    """Resume."""
    async with transaction(runtime) as db:
        await resume(db, person_id, by=actor)
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/totp",
    operation_id="consoleEnrolTotp",
    summary="A new TOTP secret for a person",
    description="The old codes end. For an officer without a desk to approve, or somebody whose phone is lost.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, PersonNotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def post_totp(person_id: UUID, actor: Administrator, runtime: Stores) -> TotpOut:
    """Enrol TOTP."""
    async with transaction(runtime) as db:
        return TotpOut(totp_address=await enrol_totp(db, runtime, person_id, by=actor))


def _out(o: OfficerListed, names: dict[UUID, str]) -> OfficerOut:
    return OfficerOut(
        person_id=o.person_id, name=names.get(o.person_id), badge=o.badge, kind=o.kind, station_id=o.station_id,
        skills=list(o.skills), lead_id=o.lead_id, on_duty=o.on_duty, active=o.active, bound=o.bound, invited=o.invited,
    )  # fmt: skip
