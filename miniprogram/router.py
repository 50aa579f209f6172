"""Every route of the mini-program, for `app.main` to mount at /miniprogram/v1."""

from __future__ import annotations

from fastapi import APIRouter

from miniprogram import (
    cases,
    duty,
    live,
    media,
    my_case,
    my_data,
    notices,
    offers,
    questions,
    reports,
    sessions,
    work,
)

PREFIX = "/miniprogram/v1"

TAGS: list[dict[str, str]] = [
    {"name": "Sessions", "description": "Signing in, the second factor, what is kept of oneself."},
    {"name": "My data", "description": "For citizens: all that is held about me, and its erasure."},
    {"name": "Notices", "description": "What waits to be shown, and what WeChat may send me."},
    {"name": "My cases", "description": "For whoever reports: anyone signed in, their own cases only."},
    {"name": "Duty", "description": "For officers: on and off duty, where I am."},
    {"name": "Offers", "description": "For officers: open cases near me."},
    {"name": "Case in hand", "description": "For the officer who holds a case. Acts carry its epoch."},
    {
        "name": "Media",
        "description": "Pictures, voices and videos of a case, for its reporter and its officers.",
    },
    {"name": "Questions", "description": "For community officers: what residents ask."},
    {"name": "Live", "description": "The socket."},
]
"""For the OpenAPI document."""


def router() -> APIRouter:
    """A new router with all routes; the caller gives the prefix."""
    whole = APIRouter()
    for part in (
        sessions,
        my_data,
        notices,
        reports,
        cases,
        duty,
        offers,
        my_case,
        media,
        work,
        questions,
        live,
    ):
        whole.include_router(part.routes)
    return whole
