"""Area cases: one event that many will report, said once by the desk for an area and a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from app.cases.errors import CaseNotFound
from app.cases.policy import Reader, reader_of
from app.cases.queries import get_case
from app.dispatch.area import HOURS_MAX, RADIUS_M, WORDS_MAX_EN, WORDS_MAX_ZH, AreaCase, end_area, open_area
from app.dispatch.area import area_of as running
from app.dispatch.errors import AreaNotShared, AreaOpenAlready, NoAreaOpen
from app.events.edge import transaction
from app.kit.database import Db
from app.kit.geo import Point
from app.kit.problems import problems
from app.kit.runtime import Runtime
from app.people.sessions import Actor, Role
from console.auth import Board, Desk, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import In, Out, PointOut, text_of

_DESK = roles(Role.DESK, Role.COMMANDER)


class AreaIn(In):
    """Where, until when, and what citizens read. The words are published: no name, no address, no plate."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False, description="WGS-84", examples=[32.0611])
    lng: float = Field(ge=-180, le=180, allow_inf_nan=False, description="WGS-84", examples=[118.8216])
    radius_m: int = Field(ge=RADIUS_M[0], le=RADIUS_M[1], examples=[400])
    words_zh: Annotated[str, text_of(WORDS_MAX_ZH)] = Field(
        examples=["玄武湖东侧音乐节，22点结束，已有民警在场"]
    )
    words_en: Annotated[str, text_of(WORDS_MAX_EN)] = Field(
        examples=["Music festival east of Xuanwu Lake, until 22:00; police are on site"]
    )
    until: AwareDatetime = Field(
        description=f"Nobody is asked after it; {HOURS_MAX} h ahead at most",
        examples=["2026-05-01T22:00:00+08:00"],
    )


class AreaOut(Out):
    """An area case that runs."""

    case_id: UUID
    category: str = Field(description="The case's: only reports of it are asked", examples=["noise"])
    centre: PointOut
    radius_m: int
    words_zh: str
    words_en: str
    until: datetime
    opened_at: datetime

    @classmethod
    def of(cls, area: AreaCase) -> AreaOut:
        """An area case of the core."""
        return cls(
            case_id=area.case_id, category=area.category, centre=PointOut(lat=area.centre.lat, lng=area.centre.lng),
            radius_m=area.radius_m, words_zh=area.words_zh, words_en=area.words_en, until=area.until,
            opened_at=area.opened_at,
        )  # fmt: skip


routes = APIRouter(tags=["Console: desk"], prefix="/cases/{case_id}/area")


@routes.get(
    "",
    operation_id="consoleArea",
    summary="The area case of a case",
    responses=problems(RoleNeeded, CaseNotFound, NoAreaOpen),
    openapi_extra=_DESK,
)
async def get_area(case_id: UUID, actor: Board, runtime: Stores) -> AreaOut:
    """The one that runs."""
    async with runtime.database.transaction() as db:
        await _at_my_desk(db, runtime, case_id, actor)
        area = await running(db, case_id)
    if area is None:
        raise NoAreaOpen(case_id=str(case_id))
    return AreaOut.of(area)


@routes.post(
    "",
    status_code=201,
    operation_id="consoleOpenArea",
    summary="Open an area case",
    description="Who reports the same category inside by chat is asked, in these words, whether it is this; who says so "
    "is counted and told of the end, and opens no case of their own. Danger, silent reports and missing persons are never "
    "asked. On record.",
    responses=problems(*UNSAFE, RoleNeeded, CaseNotFound, AreaNotShared, AreaOpenAlready),
    openapi_extra=_DESK,
)
async def post_area(case_id: UUID, body: AreaIn, actor: Desk, runtime: Stores) -> AreaOut:
    """Open."""
    async with transaction(runtime) as db:
        await _at_my_desk(db, runtime, case_id, actor)
        area = await open_area(
            db, case_id, centre=Point(body.lat, body.lng), radius_m=body.radius_m, words_zh=body.words_zh,
            words_en=body.words_en, until=body.until, by=actor.person_id,
        )  # fmt: skip
    return AreaOut.of(area)


@routes.post(
    "/end",
    status_code=204,
    operation_id="consoleEndArea",
    summary="End an area case",
    description="All who said that it is this are told once that it has ended. The case itself stays as it is. On record.",
    responses=problems(*UNSAFE, RoleNeeded, CaseNotFound, NoAreaOpen),
    openapi_extra=_DESK,
)
async def post_end(case_id: UUID, actor: Desk, runtime: Stores) -> Response:
    """End."""
    async with transaction(runtime) as db:
        await _at_my_desk(db, runtime, case_id, actor)
        await end_area(db, case_id, by=actor.person_id)
    return Response(status_code=204)


async def _at_my_desk(db: Db, runtime: Runtime, case_id: UUID, actor: Actor) -> None:
    case = await get_case(db, runtime, case_id)
    if await reader_of(db, case, actor) is not Reader.DESK:
        raise CaseNotFound(case_id=str(case_id))
