"""The audit log, for auditors of all stations. Reading it is an act in it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask

from app.audit.export import export
from app.audit.queries import entries
from app.audit.service import record_act
from app.events.edge import transaction
from app.kit.problems import problems
from app.people.sessions import Role
from console.auth import Auditor, Stores
from console.refusals import RoleNeeded, roles
from console.schema import PAGE_DEFAULT, Cursor, Cursors, Limit, Out

_AUDITOR = roles(Role.AUDITOR)
_CURSOR = Cursors(int)
_WORD = r"^[A-Za-z0-9_:.-]{1,60}$"


class EntryOut(Out):
    """One act: who did what to whom, and why."""

    id: int
    at: datetime
    actor_id: UUID | None = Field(description="null: the system, or an operator at the shell")
    action: str = Field(examples=["contact_revealed"])
    object_kind: str = Field(examples=["person"])
    object_id: str
    purpose: str | None = Field(examples=["联系报案人核实地点"])
    facts: dict[str, Any]
    seq: int | None = Field(description="Its place in the chain; null until sealed, about a second later")
    hash: str | None


class AuditOut(Out):
    """A page, newest first."""

    items: list[EntryOut]
    next: str | None


routes = APIRouter(tags=["Console: audit"])


@routes.get(
    "/audit",
    operation_id="consoleAudit",
    summary="Who looked at or changed what",
    responses=problems(RoleNeeded),
    openapi_extra=_AUDITOR,
)
async def get_audit(
    actor: Auditor,
    runtime: Stores,
    actor_id: Annotated[UUID | None, Query(description="Acts of this person")] = None,
    action: Annotated[str | None, Query(pattern=_WORD, examples=["contact_revealed"])] = None,
    object_id: Annotated[
        str | None, Query(pattern=_WORD, description="Acts on this case, person, ...")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = PAGE_DEFAULT,
) -> AuditOut:
    """A page of the log."""
    parts = _CURSOR.parts(cursor)
    async with transaction(runtime) as db:
        found = await entries(
            db, before=parts[0] if parts else None, actor_id=actor_id, action=action, object_id=object_id,
            limit=limit + 1,
        )  # fmt: skip
        await record_act(
            db, actor_id=actor.person_id, action="audit_read", object_kind="audit", object_id="page",
            facts={"count": len(found[:limit])},
        )  # fmt: skip
    items = [
        EntryOut(
            id=e.id, at=e.at, actor_id=e.actor_id, action=e.action, object_kind=e.object_kind, object_id=e.object_id,
            purpose=e.purpose, facts=e.facts, seq=e.seq, hash=e.hash,
        )
        for e in found[:limit]
    ]  # fmt: skip
    return AuditOut(items=items, next=_CURSOR.of(items[-1].id) if len(found) > limit else None)


@routes.get(
    "/audit/export",
    operation_id="consoleExportAudit",
    summary="The whole log, signed",
    description="JSON lines that `didi audit verify FILE` checks with nothing but this file.",
    responses=problems(RoleNeeded)
    | {200: {"description": "One entry a line, the signature last", "content": {"application/jsonl": {}}}},
    openapi_extra=_AUDITOR,
    response_class=FileResponse,
)
async def get_export(actor: Auditor, runtime: Stores) -> FileResponse:
    """Export the log."""
    async with transaction(runtime) as db:
        await record_act(
            db, actor_id=actor.person_id, action="audit_exported", object_kind="audit", object_id="all"
        )
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="didi-audit-"))
    try:
        exported = await export(runtime, folder / "audit.jsonl")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        exported.path, media_type="application/jsonl", filename="audit.jsonl", headers={"Cache-Control": "no-store"},
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )  # fmt: skip
