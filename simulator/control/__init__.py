"""The control API under `/__wechat__`: what WeChat has no API for, because there people do it."""

from __future__ import annotations

from fastapi import APIRouter

from simulator.control import account, consents, pocket, send, state, stream, users

PREFIX = "/__wechat__"


def router() -> APIRouter:
    """Everything under the prefix."""
    control = APIRouter(prefix=PREFIX)
    for subject in (state, account, users, consents, pocket, send, stream):
        control.include_router(subject.router)
    return control
