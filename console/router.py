"""Every route of the console, for `app.main` to mount at /console/v1."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from console import (
    area,
    audit,
    cases,
    codes,
    complaints,
    desk,
    duty,
    live,
    media,
    officers,
    places,
    questions,
    queue,
    reach,
    sessions,
    staff,
    stations,
)
from console.auth import no_store

PREFIX = "/console/v1"

TAGS: list[dict[str, str]] = [
    {"name": "Console: sessions", "description": "Password and TOTP; a cookie, and a CSRF token beside it."},
    {
        "name": "Console: cases",
        "description": "For desk and command: the queue, what runs, one case in full.",
    },
    {
        "name": "Console: desk",
        "description": "For desk and command: what is done with a case. Acts carry its epoch.",
    },
    {"name": "Console: duty", "description": "For desk and command: who is on duty; whose sign-in waits."},
    {
        "name": "Console: officers",
        "description": "For administrators: invitations, stations, crews, suspension.",
    },
    {"name": "Console: staff", "description": "For administrators: accounts of the console and their roles."},
    {"name": "Console: stations", "description": "Everybody reads them; administrators change them."},
    {"name": "Console: codes", "description": "For administrators: codes to print."},
    {"name": "Console: audit", "description": "For auditors: the log, and its signed export."},
    {"name": "Console: complaints", "description": "For auditors alone: complaints about police."},
    {"name": "Console: live", "description": "For desk and command: the board's socket."},
]
"""For the OpenAPI document."""


def router() -> APIRouter:
    """A new router with all routes; the caller gives the prefix."""
    whole = APIRouter(dependencies=[Depends(no_store)])
    # `queue` first: /cases/running would be taken for the id of a case.
    for part in (
        sessions,
        queue,
        cases,
        reach,
        media,
        desk,
        area,
        duty,
        questions,
        officers,
        staff,
        stations,
        places,
        codes,
        audit,
        complaints,
    ):
        whole.include_router(part.routes)
    sockets = APIRouter()
    sockets.include_router(whole)
    sockets.include_router(live.routes)
    return sockets
