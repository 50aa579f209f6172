"""Codes to print: scanning one follows the account and says which station, or whose resident."""

from __future__ import annotations

from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.kit import qr
from app.kit.errors import Forbidden, NotFound, Unavailable
from app.kit.problems import problems
from app.people.errors import OfficerNotFound
from app.people.officers import facts_of
from app.people.policy import may_administer, require
from app.people.sessions import Role
from app.stations.registry import registry
from console.auth import Administrator, Stores
from console.refusals import RoleNeeded, roles


class Codes(Protocol):
    """Who gives the address that a code stands for; a door implements it."""

    async def address_of(self, kind: str, name: str) -> str:
        """The address of a lasting code of this kind (`station`, `officer`). Raises: Unavailable."""
        ...


def _codes(request: Request) -> Codes:
    codes: Codes = request.app.state.codes
    return codes


_Codes = Annotated[Codes, Depends(_codes)]
_PICTURE: dict[int | str, dict[str, object]] = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The code, 10 pixels a module",
    }
}
_ADMINISTRATOR = roles(Role.ADMINISTRATOR)
_REFUSALS = (RoleNeeded, Forbidden, NotFound, Unavailable)

routes = APIRouter(tags=["Console: codes"])


@routes.get(
    "/stations/{station_id}/code",
    operation_id="consoleStationCode",
    summary="A station's code as PNG",
    description="Whoever scans it follows the account and is greeted with the station's name and phone; a report without "
    "a place goes to its desk for 30 days.",
    response_class=Response,
    openapi_extra=_ADMINISTRATOR,
    responses={**_PICTURE, **problems(*_REFUSALS)},
)
async def get_station_code(
    station_id: UUID, actor: Administrator, runtime: Stores, codes: _Codes
) -> Response:
    """Draw a station's code."""
    station = (await registry(runtime)).get(station_id)
    require(may_administer(actor, station.id))
    return _picture(await codes.address_of("station", station.code))


@routes.get(
    "/officers/{person_id}/code",
    operation_id="consoleOfficerCode",
    summary="A community officer's code as PNG",
    description="Whoever scans it becomes this officer's resident and may ask them by chat; undone by a word.",
    response_class=Response,
    openapi_extra=_ADMINISTRATOR,
    responses={**_PICTURE, **problems(*_REFUSALS, OfficerNotFound)},
)
async def get_officer_code(person_id: UUID, actor: Administrator, runtime: Stores, codes: _Codes) -> Response:
    """Draw an officer's code."""
    async with runtime.database.moves() as db:
        facts = (await facts_of(db, [person_id])).get(person_id)
    if facts is None:
        raise OfficerNotFound(person_id=person_id)
    require(may_administer(actor, facts.station_id))
    return _picture(await codes.address_of("officer", str(person_id)))


def _picture(address: str) -> Response:
    return Response(qr.png(address), media_type="image/png", headers={"Cache-Control": "no-store"})
