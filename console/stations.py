"""Stations: everybody reads them; administrators make and change them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import shapely.geometry
from fastapi import APIRouter, Response
from pydantic import Field

from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.errors import Forbidden, Invalid, NotFound
from app.kit.problems import problems
from app.people.policy import may_administer, require
from app.people.sessions import Role
from app.stations import admin
from app.stations.admin import CodeTaken
from app.stations.categories import Category
from app.stations.hours import Hours
from app.stations.registry import Registry, Station, registry
from app.stations.settings import Limits, Ring, StationSettings
from console.auth import Administrator, Stores, Watcher
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import In, Out, text_of

NEIGHBOURS_MAX = 20
PARTS_MAX, RINGS_MAX, CORNERS_MAX = 100, 100, 20_000

_ADMINISTRATOR = roles(Role.ADMINISTRATOR)

Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Position = Annotated[
    list[Degrees], Field(min_length=2, max_length=2, description="[longitude, latitude], WGS-84")
]
Corners = Annotated[list[Position], Field(min_length=4, max_length=CORNERS_MAX)]
Area = Annotated[list[Corners], Field(min_length=1, max_length=RINGS_MAX)]

_SQUARE = [[[118.77, 32.02], [118.87, 32.02], [118.87, 32.10], [118.77, 32.10], [118.77, 32.02]]]


class PolygonIn(In):
    """One area, as GeoJSON."""

    type: Literal["Polygon"]
    coordinates: Area = Field(examples=[_SQUARE])


class MultiPolygonIn(In):
    """Several areas, as GeoJSON."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Area], Field(min_length=1, max_length=PARTS_MAX)]


Boundary = Annotated[PolygonIn | MultiPolygonIn, Field(discriminator="type")]


class SettingsIn(In):
    """What changes; null returns a setting to its default, what is left out stays. The whole must fit together."""

    claim_window_s: int | None = Field(None, examples=[60])
    rings: list[Ring] | None = None
    nudge_s: int | None = None
    alarm_s: int | None = None
    take_back_s: int | None = None
    stall_s: int | None = None
    ack_s: int | None = None
    urgent_ack_s: int | None = None
    offer_cap: int | None = None
    auxiliaries_for: list[str] | None = None
    arrive_within_m: int | None = None
    desk_hours: list[Hours] | None = None
    timezone: str | None = Field(None, examples=["Asia/Shanghai"])
    categories: list[Category] | None = None
    limits: Limits | None = None


class StationIn(In):
    """A new station."""

    code: Annotated[str, text_of(20)] = Field(examples=["XW01"])
    name: Annotated[str, text_of(60)] = Field(examples=["玄武门派出所"])
    name_en: Annotated[str, text_of(80, 0)] = Field("", examples=["Xuanwumen Station"])
    phone: Annotated[str, text_of(30, 0)] = Field(
        "", description="Of its desk, public", examples=["025-83363110"]
    )
    parent_id: UUID | None = Field(None, description="Who rings when no neighbour's desk is on")
    is_command: bool = Field(False, description="The command centre: where every ladder ends; one at most")
    boundary: Boundary | None = None
    settings: SettingsIn | None = Field(None, description="Only what differs from the defaults")


class FactsIn(In):
    """How it is called and reached; what is left out stays."""

    name: Annotated[str, text_of(60)] | None = None
    name_en: Annotated[str, text_of(80, 0)] | None = None
    phone: Annotated[str, text_of(30, 0)] | None = None


class BoundaryIn(In):
    """Its area; null: none."""

    boundary: Boundary | None


class ParentIn(In):
    """Who stands above; null: nobody."""

    parent_id: UUID | None


class NeighboursIn(In):
    """Who rings when this desk does not answer, the first to ring first."""

    neighbours: list[UUID] = Field(max_length=NEIGHBOURS_MAX)


class CreatedOut(Out):
    """The new station."""

    station_id: UUID


class StationOut(Out):
    """A station."""

    station_id: UUID
    code: str = Field(examples=["XW01"])
    name: str = Field(examples=["玄武门派出所"])
    name_en: str = Field(examples=["Xuanwumen Station"])
    phone: str = Field(examples=["025-83363110"])
    parent_id: UUID | None
    is_command: bool
    neighbours: list[UUID]
    desk_on: bool = Field(description="Its desk's hours hold now")
    boundary: dict[str, Any] | None = Field(description="GeoJSON, WGS-84, [longitude, latitude]")


class StationsOut(Out):
    """By code."""

    items: list[StationOut]


class StationWholeOut(StationOut):
    """A station with its settings, defaults filled in."""

    settings: StationSettings


routes = APIRouter(tags=["Console: stations"])


@routes.get(
    "/stations",
    operation_id="consoleStations",
    summary="All stations",
    description="At most about a second old.",
    responses=problems(),
    openapi_extra=roles(),
)
async def get_stations(_: Watcher, runtime: Stores) -> StationsOut:
    """Every station."""
    stations = await registry(runtime)
    return StationsOut(items=[StationOut(**_facts(stations, s)) for s in stations.all()])


@routes.get(
    "/stations/{station_id}",
    operation_id="consoleStation",
    summary="A station and its settings",
    responses=problems(NotFound),
    openapi_extra=roles(),
)
async def get_station(station_id: UUID, _: Watcher, runtime: Stores) -> StationWholeOut:
    """One station."""
    stations = await registry(runtime)
    station = stations.get(station_id)
    return StationWholeOut(**_facts(stations, station), settings=station.settings)


@routes.post(
    "/stations",
    status_code=201,
    operation_id="consoleCreateStation",
    summary="Add a station",
    description="For administrators of all stations.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, CodeTaken, NotFound, Invalid),
    openapi_extra=_ADMINISTRATOR,
)
async def post_station(body: StationIn, actor: Administrator, runtime: Stores) -> CreatedOut:
    """Create a station."""
    require(may_administer(actor, None))
    async with transaction(runtime) as db:
        station_id = await admin.create(
            db, code=body.code, name=body.name, name_en=body.name_en, phone=body.phone, parent_id=body.parent_id,
            is_command=body.is_command, boundary=body.boundary.model_dump() if body.boundary else None,
            settings={k: v for k, v in _changes(body.settings).items() if v is not None}, by=actor.person_id,
        )  # fmt: skip
    return CreatedOut(station_id=station_id)


@routes.patch(
    "/stations/{station_id}",
    status_code=204,
    operation_id="consoleChangeStation",
    summary="How it is called and reached",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def patch_station(station_id: UUID, body: FactsIn, actor: Administrator, runtime: Stores) -> Response:
    """Change a station's facts."""
    require(may_administer(actor, station_id))
    async with transaction(runtime) as db:
        await admin.change_facts(
            db, station_id, name=body.name, name_en=body.name_en, phone=body.phone, by=actor.person_id
        )
    return Response(status_code=204)


@routes.patch(
    "/stations/{station_id}/settings",
    status_code=204,
    operation_id="consoleChangeSettings",
    summary="Its numbers and choices",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def patch_settings(
    station_id: UUID, body: SettingsIn, actor: Administrator, runtime: Stores
) -> Response:
    """Change a station's settings."""
    require(may_administer(actor, station_id))
    async with transaction(runtime) as db:
        await admin.change_settings(db, station_id, _changes(body), by=actor.person_id)
    return Response(status_code=204)


@routes.put(
    "/stations/{station_id}/boundary",
    status_code=204,
    operation_id="consoleChangeBoundary",
    summary="Its area",
    description="For administrators of all stations: a border has two sides.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def put_boundary(station_id: UUID, body: BoundaryIn, actor: Administrator, runtime: Stores) -> Response:
    """Change a station's boundary."""
    require(may_administer(actor, None))
    area = body.boundary.model_dump() if body.boundary else None
    async with transaction(runtime) as db:
        await admin.change_boundary(db, station_id, area, by=actor.person_id)
    return Response(status_code=204)


@routes.put(
    "/stations/{station_id}/parent",
    status_code=204,
    operation_id="consoleChangeParent",
    summary="Who stands above it",
    description="For administrators of all stations.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def put_parent(station_id: UUID, body: ParentIn, actor: Administrator, runtime: Stores) -> Response:
    """Change a station's parent."""
    require(may_administer(actor, None))
    async with transaction(runtime) as db:
        await admin.change_parent(db, station_id, body.parent_id, by=actor.person_id)
    return Response(status_code=204)


@routes.put(
    "/stations/{station_id}/neighbours",
    status_code=204,
    operation_id="consoleChangeNeighbours",
    summary="Who rings when its desk does not answer",
    description="For administrators of all stations.",
    responses=problems(*UNSAFE, RoleNeeded, Forbidden, NotFound),
    openapi_extra=_ADMINISTRATOR,
)
async def put_neighbours(
    station_id: UUID, body: NeighboursIn, actor: Administrator, runtime: Stores
) -> Response:
    """Change a station's neighbours."""
    require(may_administer(actor, None))
    async with transaction(runtime) as db:
        await admin.change_neighbours(db, station_id, body.neighbours, by=actor.person_id)
    return Response(status_code=204)


def _changes(settings: SettingsIn | None) -> dict[str, Any]:  # as the core's settings read them
    return settings.model_dump(mode="json", exclude_unset=True) if settings else {}


def _facts(stations: Registry, s: Station) -> dict[str, Any]:  # the fields of StationOut
    return {
        "station_id": s.id, "code": s.code, "name": s.name, "name_en": s.name_en, "phone": s.phone,
        "parent_id": s.parent_id, "is_command": s.is_command, "neighbours": list(s.neighbours),
        "desk_on": stations.desk_is_on(s.id, utc_now()),
        "boundary": shapely.geometry.mapping(s.boundary) if s.boundary is not None else None,
    }  # fmt: skip
