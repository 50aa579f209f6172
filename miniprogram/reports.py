"""Reporting a case, and what a report can be about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from app.cases.queries import Flag
from app.cases.states import CaseState, Cause
from app.dispatch.intake import WORDS_MAX, Report, take
from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.geo import Point
from app.kit.problems import problems
from app.stations.categories import DEFAULT_CATEGORIES, Category, open_now
from app.stations.registry import registry
from miniprogram.auth import CitizenOrOfficer, Stores
from miniprogram.schema import In, Out, PlaceIn, text_of

KEY_MIN, KEY_MAX = 8, 80

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=KEY_MIN,
        max_length=KEY_MAX,
        pattern=r"^[A-Za-z0-9._~-]+$",
        description="Made by the client once per report, a UUID for instance. The same key again is the same case.",
        examples=["0192c7a4-6f0e-7c1d-9a58-3b8b1f4c2d10"],
    ),
]


class CategoryOut(Out):
    """What a report can be about, at a place."""

    key: str = Field(examples=["noise"])
    zh: str = Field(examples=["噪音扰民"])
    en: str = Field(examples=["Noise"])
    open_now: bool = Field(description="Outside its hours the desk has a report at once, and it is said so")
    scene: bool = Field(description="There is somewhere to go; else the desk has it at once")


class CategoriesOut(Out):
    """The station's own list, or the default one where no place is given."""

    items: list[CategoryOut]


class ReportIn(In):
    """What happened. Without a point the desk asks where."""

    category: str = Field(pattern=r"^[a-z][a-z_]{1,29}$", examples=["noise"])
    words: Annotated[str, text_of(WORDS_MAX)] | None = Field(None, examples=["楼下烧烤店凌晨还在放音响"])
    place: PlaceIn | None = None
    text_only: bool = Field(
        False, description="Never call me; the cancel of such a report is checked by the desk"
    )
    flags: list[Flag] = Field(
        [], max_length=4, description="How I want to be met; known before arrival", examples=[["large_print"]]
    )
    danger: bool = Field(
        False, description="The danger button: the desk is alarmed at second 0. Call 110 first"
    )


class ReportedOut(Out):
    """Received: committed before it was said."""

    case_id: UUID
    number: str = Field(examples=["482-915-3067"])
    state: CaseState
    cause: Cause | None = Field(description="Why the desk has it and it is not broadcast")
    station: str = Field(examples=["玄武门派出所"])
    phone: str = Field(examples=["025-83363110"])
    reported_at: datetime
    deadline: datetime = Field(description="Nobody took it by then: the desk has it")
    call_110: bool = Field(description="Show the 110 button; never say that help is coming")


routes = APIRouter(tags=["My cases"])


@routes.get(
    "/categories",
    operation_id="categories",
    summary="What a report can be about",
    description="With a point: the categories and hours of the station there, outside of all those of the command centre.",
    responses=problems(),
)
async def get_categories(
    _: CitizenOrOfficer,
    runtime: Stores,
    lat: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False, examples=[32.06])] = None,
    lng: Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False, examples=[118.82])] = None,
) -> CategoriesOut:
    """The categories at a WGS-84 point."""
    stations = await registry(runtime)
    at = Point(lat, lng) if lat is not None and lng is not None else None
    station = (stations.station_at(at) or stations.command_centre()) if at else None
    known: tuple[Category, ...] = station.settings.known_categories() if station else DEFAULT_CATEGORIES
    timezone = station.settings.timezone if station else "Asia/Shanghai"
    now = utc_now()
    return CategoriesOut(
        items=[
            CategoryOut(key=c.key, zh=c.zh, en=c.en, open_now=open_now(c, now, timezone), scene=c.scene)
            for c in known
        ]
    )


@routes.post(
    "/reports",
    status_code=201,
    operation_id="report",
    summary="Report a case",
    description="201 when it is new; 200 with the same case when the key was used before, also ten times at once. "
    "Too many reports of one person are not refused: the desk has them, with cause `flood`.",
    responses={200: {"model": ReportedOut, "description": "This key had opened it before"}, **problems()},
)
async def post_report(
    body: ReportIn,
    actor: CitizenOrOfficer,
    runtime: Stores,
    response: Response,
    idempotency_key: IdempotencyKey,
) -> ReportedOut:
    """Take a report."""
    report = Report(
        reporter_id=actor.person_id, category=body.category, words=body.words,
        place=body.place.place() if body.place else None, text_only=body.text_only or Flag.TEXT_ONLY in body.flags,
        flags=frozenset(body.flags), urgent=body.danger,
        idempotency_key=idempotency_key,
    )  # fmt: skip
    async with transaction(runtime) as db:
        opened = await take(db, runtime, report)
    response.status_code = 201 if opened.fresh else 200
    station = (await registry(runtime)).get(opened.station_id)
    return ReportedOut(
        case_id=opened.case_id, number=opened.number, state=opened.state, cause=opened.cause, station=station.name,
        phone=station.phone, reported_at=opened.reported_at, deadline=opened.deadline, call_110=body.danger,
    )  # fmt: skip
