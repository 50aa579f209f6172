"""What was sent with a case: pictures, voices, videos; for its desk, for commanders and auditors, each look on record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.audit.errors import PurposeMissing
from app.cases.errors import CaseNotFound
from app.events.edge import transaction
from app.kit.problems import problems
from app.media.errors import MediaNotFound, MediaUnreadable
from app.media.links import LINK_S, Link
from app.media.serving import serve
from app.media.showing import Shown, ask_original, follow, show
from app.media.states import MediaKind, MediaState, Reason, Variant
from app.people.errors import PersonalDataLocked
from app.people.sessions import Role
from console.auth import Looking, Stores
from console.cases import PurposeIn
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import Out

_LOOKING = roles(Role.DESK, Role.COMMANDER, Role.AUDITOR)
_BYTES: dict[int | str, dict[str, Any]] = {  # FastAPI's own type
    200: {
        "description": "The file, or with `Range` a part of it (206)",
        "content": {kind: {} for kind in ("image/jpeg", "audio/mpeg", "video/mp4", "application/octet-stream")},
    },
    206: {"description": "The part that was asked for"},
}  # fmt: skip


class LinkOut(Out):
    """Where the bytes are: for who asked, while they may see the case, for five minutes."""

    link: str = Field(
        description="A path of this very origin",
        examples=["/console/v1/cases/.../served?until=...&proof=..."],
    )
    until: int = Field(description="Unix seconds", examples=[1767225900])

    @classmethod
    def of(cls, link: Link, path: str) -> LinkOut:
        """A link of the core, at this path."""
        return cls(link=f"{path}?until={link.until}&proof={link.proof}", until=link.until)


class MediumOut(Out):
    """One medium. `served` is made anew from what came: a picture is JPEG, a voice MP3, a video MP4, nothing beside them."""

    medium_id: UUID
    kind: MediaKind
    state: MediaState = Field(
        description="`refused`: not to be shown, kept all the same; `lost`: there is nothing"
    )
    reason: Reason | None = Field(description="Why it is refused or lost")
    received_at: datetime
    fetched_at: datetime | None
    served: LinkOut | None = Field(description="null: not there (yet)")
    original: bool = Field(description="`POST .../original` gives a link to it as it came")
    size: int | None = Field(description="Bytes as it came", examples=[183204])
    sha256: str | None = Field(description="Of it as it came, 64 hex digits")
    width: int | None = Field(examples=[1440])
    height: int | None = Field(examples=[1080])
    duration_ms: int | None = Field(examples=[12400])

    @classmethod
    def of(cls, shown: Shown, path: str) -> MediumOut:
        """One of the core; `path` is the list's."""
        m = shown.medium
        return cls(
            medium_id=m.id, kind=m.kind, state=m.state, reason=m.reason, received_at=m.received_at,
            fetched_at=m.fetched_at, original=shown.original, size=m.original_bytes, sha256=m.sha256, width=m.width,
            height=m.height, duration_ms=m.duration_ms,
            served=LinkOut.of(shown.link, f"{path}/{m.id}/{Variant.SERVED}") if shown.link else None,
        )  # fmt: skip


class MediaOut(Out):
    """Oldest first; a case has 20 at most."""

    items: list[MediumOut]


routes = APIRouter(tags=["Console: cases"])


@routes.get(
    "/cases/{case_id}/media",
    operation_id="consoleMedia",
    summary="Pictures, voices and videos of a case",
    description=f"With a link to each, good for {LINK_S // 60} minutes and for nobody else. Asking is recorded.",
    responses=problems(RoleNeeded, PersonalDataLocked, CaseNotFound),
    openapi_extra=_LOOKING,
)
async def get_media(case_id: UUID, actor: Looking, runtime: Stores, request: Request) -> MediaOut:
    """The media of a case."""
    async with transaction(runtime) as db:
        shown = await show(db, runtime, actor, case_id)
    return MediaOut(items=[MediumOut.of(one, request.url.path) for one in shown])


@routes.post(
    "/cases/{case_id}/media/{medium_id}/original",
    operation_id="consoleAskOriginal",
    summary="A link to a medium as it came",
    description="Byte for byte, with whatever it says of place and device: evidence. The purpose stands in the audit chain.",
    responses=problems(*UNSAFE, RoleNeeded, PersonalDataLocked, CaseNotFound, MediaNotFound, PurposeMissing),
    openapi_extra=_LOOKING,
)
async def post_original(
    case_id: UUID, medium_id: UUID, body: PurposeIn, actor: Looking, runtime: Stores, request: Request
) -> LinkOut:
    """Ask for an original."""
    async with transaction(runtime) as db:
        link = await ask_original(db, runtime, actor, case_id, medium_id, body.purpose)
    return LinkOut.of(link, request.url.path)


@routes.get(
    "/cases/{case_id}/media/{medium_id}/{variant}",
    operation_id="consoleMediumBytes",
    summary="The bytes behind a link",
    description="`served` is shown where it stands; an `original` is only saved. The link, the viewer and the case are "
    "judged anew; the look is recorded.",
    responses=problems(RoleNeeded, PersonalDataLocked, CaseNotFound, MediaNotFound, MediaUnreadable) | _BYTES,
    openapi_extra=_LOOKING,
    response_class=StreamingResponse,
)
async def get_bytes(
    case_id: UUID, medium_id: UUID, variant: Variant, actor: Looking, runtime: Stores,
    until: Annotated[int, Query(ge=0, le=2**40)],
    proof: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{43}$")],
    part: Annotated[str | None, Header(alias="Range", max_length=100, description="One part: `bytes=0-65535`")] = None,
) -> StreamingResponse:  # fmt: skip
    """Serve one medium."""
    async with transaction(runtime) as db:
        found = await follow(db, runtime, actor, case_id, medium_id, variant, Link(until, proof))
    served = await serve(runtime, found, variant, part)
    return StreamingResponse(served.body, served.status, headers=served.headers)
