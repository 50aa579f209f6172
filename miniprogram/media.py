"""What was sent with a case: for its reporter, for the officer who holds it and those who help."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.cases.errors import CaseNotFound
from app.events.edge import transaction
from app.kit.problems import problems
from app.media.errors import MediaNotFound, MediaUnreadable
from app.media.links import LINK_S, Link
from app.media.serving import serve
from app.media.showing import Shown, follow, show
from app.media.states import MediaKind, MediaState, Reason, Variant
from app.people.errors import PersonalDataLocked
from miniprogram.auth import CitizenOrOfficer, Stores
from miniprogram.schema import Out

_BYTES: dict[int | str, dict[str, Any]] = {  # FastAPI's own type
    200: {
        "description": "The file, or with `Range` a part of it (206)",
        "content": {kind: {} for kind in ("image/jpeg", "audio/mpeg", "video/mp4")},
    },
    206: {"description": "The part that was asked for"},
}


class MediumOut(Out):
    """One medium, made anew from what was sent: a picture is JPEG, a voice MP3, a video MP4, nothing beside them."""

    medium_id: UUID
    kind: MediaKind
    state: MediaState = Field(description="`refused` cannot be shown, `lost` never came: send it again")
    reason: Reason | None = Field(description="Why it is refused or lost")
    received_at: datetime
    link: str | None = Field(
        description=f"A path for `wx.downloadFile` with the bearer token, good for {LINK_S // 60} minutes; null: not there (yet)",
        examples=["/miniprogram/v1/cases/.../served?until=...&proof=..."],
    )
    size: int | None = Field(description="Bytes behind the link", examples=[90210])
    width: int | None = Field(examples=[1440])
    height: int | None = Field(examples=[1080])
    duration_ms: int | None = Field(examples=[12400])

    @classmethod
    def of(cls, shown: Shown, path: str) -> MediumOut:
        """One of the core; `path` is the list's."""
        m, link = shown.medium, shown.link
        return cls(
            medium_id=m.id, kind=m.kind, state=m.state, reason=m.reason, received_at=m.received_at,
            size=m.served_bytes, width=m.width, height=m.height, duration_ms=m.duration_ms,
            link=f"{path}/{m.id}/{Variant.SERVED}?until={link.until}&proof={link.proof}" if link else None,
        )  # fmt: skip


class MediaOut(Out):
    """Oldest first; a case has 20 at most."""

    items: list[MediumOut]


routes = APIRouter(tags=["Media"])


@routes.get(
    "/cases/{case_id}/media",
    operation_id="caseMedia",
    summary="Pictures, voices and videos of a case",
    description="For its reporter, its holder and who helps; each link is for who asked and nobody else. Ends with release.",
    responses=problems(PersonalDataLocked, CaseNotFound),
)
async def get_media(
    case_id: UUID, actor: CitizenOrOfficer, runtime: Stores, request: Request, response: Response
) -> MediaOut:
    """The media of a case."""
    response.headers["Cache-Control"] = "no-store"
    async with transaction(runtime) as db:
        shown = await show(db, runtime, actor, case_id)
    return MediaOut(items=[MediumOut.of(one, request.url.path) for one in shown])


@routes.get(
    "/cases/{case_id}/media/{medium_id}/served",
    operation_id="mediumBytes",
    summary="The bytes behind a link",
    description="The link, its viewer and the case are judged anew.",
    responses=problems(PersonalDataLocked, CaseNotFound, MediaNotFound, MediaUnreadable) | _BYTES,
    response_class=StreamingResponse,
)
async def get_bytes(
    case_id: UUID, medium_id: UUID, actor: CitizenOrOfficer, runtime: Stores,
    until: Annotated[int, Query(ge=0, le=2**40)],
    proof: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{43}$")],
    part: Annotated[str | None, Header(alias="Range", max_length=100, description="One part: `bytes=0-65535`")] = None,
) -> StreamingResponse:  # fmt: skip
    """Serve one medium."""
    async with transaction(runtime) as db:
        found = await follow(db, runtime, actor, case_id, medium_id, Variant.SERVED, Link(until, proof))
    served = await serve(runtime, found, Variant.SERVED, part)
    return StreamingResponse(served.body, served.status, headers=served.headers)
