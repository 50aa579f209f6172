"""Places that people call by name, a list for each station: what words in the chat are matched with."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.events.edge import transaction
from app.kit.errors import Forbidden, Invalid, NotFound
from app.kit.problems import problems
from app.people.policy import may_administer, require
from app.people.sessions import Role
from app.stations.places import CSV_MAX, places_of, read_csv, replace_places
from console.auth import Administrator, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import In, Out, PointOut

_ADMINISTRATOR = roles(Role.ADMINISTRATOR)
_EXAMPLE = "name,aliases,lat,lng\n玄武湖公园北门,北门|Xuanwu Lake North Gate,32.0841,118.7936\n"


class PlacesIn(In):
    """The whole list as CSV: what is not in it goes."""

    csv: Annotated[str, Field(max_length=CSV_MAX)] = Field(
        description="Head `name,aliases,lat,lng`; aliases parted by `|`; WGS-84 degrees", examples=[_EXAMPLE]
    )


class KnownPlaceOut(Out):
    """A place."""

    name: str = Field(examples=["玄武湖公园北门"])
    aliases: list[str] = Field(examples=[["北门"]])
    point: PointOut


class PlacesOut(Out):
    """By name."""

    items: list[KnownPlaceOut]


class ImportedOut(Out):
    """How many places the station has now."""

    count: int = Field(examples=[120])


routes = APIRouter(tags=["Console: stations"])


@routes.get(
    "/stations/{station_id}/places",
    operation_id="consolePlaces",
    summary="Its places by name",
    responses=problems(RoleNeeded, Forbidden),
    openapi_extra=_ADMINISTRATOR,
)
async def get_places(station_id: UUID, actor: Administrator, runtime: Stores) -> PlacesOut:
    """The places of a station."""
    require(may_administer(actor, station_id))
    async with runtime.database.transaction() as db:
        found = await places_of(db, station_id)
    return PlacesOut(
        items=[
            KnownPlaceOut(
                name=place.name,
                aliases=list(place.aliases),
                point=PointOut(lat=place.at.lat, lng=place.at.lng),
            )
            for place in found
        ]
    )


@routes.put(
    "/stations/{station_id}/places",
    operation_id="consoleImportPlaces",
    summary="Import its places",
    description="The list replaces the one before. Reporters who write such a name are asked whether they mean it.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound, Invalid),
    openapi_extra=_ADMINISTRATOR,
)
async def put_places(station_id: UUID, body: PlacesIn, actor: Administrator, runtime: Stores) -> ImportedOut:
    """Import the places of a station."""
    require(may_administer(actor, station_id))
    given = read_csv(body.csv)
    async with transaction(runtime) as db:
        await replace_places(db, station_id, given, by=actor.person_id)
    return ImportedOut(count=len(given))
