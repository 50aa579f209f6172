"""Accounts of the console and their roles. For administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.audit.service import record_act
from app.events.edge import transaction
from app.kit.errors import Forbidden
from app.kit.problems import problems
from app.people.console import create_staff
from app.people.errors import LastAdministrator, PersonNotFound, UnfitField, UsernameTaken
from app.people.identity import names_of
from app.people.queries import scope_of, staff_of
from app.people.roles import grant, revoke_role
from app.people.sessions import Role
from app.stations.queries import StationNotFound, require_station
from console.auth import Administrator, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import PAGE_DEFAULT, Cursor, Cursors, In, Limit, Out, text_of

_ADMINISTRATOR = roles(Role.ADMINISTRATOR)
_CURSOR = Cursors(str)


class StaffIn(In):
    """A new account, without roles."""

    username: str = Field(min_length=3, max_length=40, examples=["xuanwumen.desk"])
    password: str = Field(min_length=12, max_length=128, examples=["correct horse battery staple"])
    name: Annotated[str, text_of(60)] = Field(examples=["李值班"])
    station_id: UUID | None = Field(
        None, description="An administrator of one station names it; null: of all"
    )


class StaffCreatedOut(Out):
    """The TOTP address is shown once, as a QR code; without its codes nobody signs in."""

    person_id: UUID
    username: str = Field(examples=["xuanwumen.desk"])
    totp_address: str = Field(
        examples=["otpauth://totp/Didi%20Police:xuanwumen.desk?secret=JBSWY3DPEHPK3PXP&issuer=Didi%20Police"]
    )


class GrantIn(In):
    """A role at one station; station null: at all of them."""

    role: Role
    station_id: UUID | None


class GrantOut(Out):
    """A role somebody has."""

    role: Role
    station_id: UUID | None


class StaffOut(Out):
    """An account of the console."""

    person_id: UUID
    username: str = Field(examples=["xuanwumen.desk"])
    name: str | None = Field(examples=["李值班"])
    active: bool
    roles: list[GrantOut]


class StaffListOut(Out):
    """A page, by user name."""

    items: list[StaffOut]
    next: str | None


class ChangedOut(Out):
    """Whether anything changed: false when it was so already."""

    changed: bool


routes = APIRouter(tags=["Console: staff"])


@routes.post(
    "/staff",
    status_code=201,
    operation_id="consoleCreateStaff",
    summary="Make an account",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, StationNotFound, UsernameTaken, UnfitField),
    openapi_extra=_ADMINISTRATOR,
)
async def post_staff(body: StaffIn, actor: Administrator, runtime: Stores) -> StaffCreatedOut:
    """Create an account."""
    async with transaction(runtime) as db:
        await require_station(db, body.station_id)
        account = await create_staff(
            db, runtime, username=body.username, password=body.password, name=body.name, by=actor,
            station_id=body.station_id,
        )  # fmt: skip
    return StaffCreatedOut(
        person_id=account.person_id, username=account.username, totp_address=account.totp_address
    )


@routes.get(
    "/staff",
    operation_id="consoleStaff",
    summary="Accounts with a role at my stations",
    description="Names are personal data: reading the list is recorded.",
    responses=problems(RoleNeeded),
    openapi_extra=_ADMINISTRATOR,
)
async def get_staff(
    actor: Administrator, runtime: Stores, cursor: Cursor = None, limit: Limit = PAGE_DEFAULT
) -> StaffListOut:
    """A page of accounts."""
    parts = _CURSOR.parts(cursor)
    async with transaction(runtime) as db:
        scope = scope_of(actor, Role.ADMINISTRATOR)
        found = await staff_of(db, scope, after_username=parts[0] if parts else "", limit=limit + 1)
        names = await names_of(db, runtime, [s.person_id for s in found[:limit]])
        await record_act(
            db, actor_id=actor.person_id, action="staff_listed", object_kind="staff", object_id="page",
            facts={"count": len(found[:limit])},
        )  # fmt: skip
    items = [
        StaffOut(
            person_id=s.person_id, username=s.username, name=names.get(s.person_id), active=s.active,
            roles=[GrantOut(role=g.role, station_id=g.station_id) for g in s.roles],
        )
        for s in found[:limit]
    ]  # fmt: skip
    return StaffListOut(items=items, next=_CURSOR.of(items[-1].username) if len(found) > limit else None)


@routes.post(
    "/staff/{person_id}/roles",
    operation_id="consoleGrantRole",
    summary="Give a role",
    description="Nobody decides on their own roles. A station's administrator gives its desk and command; "
    "administrators and auditors are made by an administrator of all stations.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, PersonNotFound, StationNotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def post_role(person_id: UUID, body: GrantIn, actor: Administrator, runtime: Stores) -> ChangedOut:
    """Grant a role."""
    async with transaction(runtime) as db:
        await require_station(db, body.station_id)
        changed = await grant(db, person_id=person_id, role=body.role, station_id=body.station_id, by=actor)
    return ChangedOut(changed=changed)


@routes.delete(
    "/staff/{person_id}/roles/{role}",
    operation_id="consoleRevokeRole",
    summary="Take a role",
    description="It ends within 1 s. The last administrator of all stations stays.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, LastAdministrator),
    openapi_extra=_ADMINISTRATOR,
)
async def delete_role(
    person_id: UUID,
    role: Role,
    actor: Administrator,
    runtime: Stores,
    station_id: Annotated[UUID | None, Query(description="Left out: the role at all stations")] = None,
) -> ChangedOut:
    """Revoke a role."""
    async with transaction(runtime) as db:
        changed = await revoke_role(db, person_id=person_id, role=role, station_id=station_id, by=actor)
    return ChangedOut(changed=changed)
