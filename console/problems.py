"""Errors as the console's clients see them (RFC 9457), for the OpenAPI document, and who may call what."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.kit.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    LimitReached,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from app.people.sessions import Role

MEDIA_TYPE = "application/problem+json"


class Unreadable(Invalid):
    """The framework's own refusal: a body that is not text."""

    code = "unreadable"
    message = "请求无法读取"
    message_en = "The request cannot be read: send JSON in UTF-8"


STATUSES: tuple[tuple[type[AppError], HTTPStatus, str], ...] = (
    (Unreadable, HTTPStatus.BAD_REQUEST, "Not HTTP with JSON in UTF-8"),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED, "Nobody, or somebody whose session ended"),
    (Forbidden, HTTPStatus.FORBIDDEN, "Not this person's to do; the code says why"),
    (NotFound, HTTPStatus.NOT_FOUND, "No such thing, or another station's"),
    (Conflict, HTTPStatus.CONFLICT, "The world has moved on; the code says how"),
    (LimitReached, HTTPStatus.TOO_MANY_REQUESTS, "A named limit was reached; `Retry-After` says when to come back"),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY, "What was sent cannot be used; the detail says what and where"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "A part we need is down; nothing was done, trying again is safe"),
)
"""Kind of error, its status, what it says; the first kind that fits."""


class Problem(BaseModel):
    """Why a request was refused. `code` is stable; further fields are facts, never personal data."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None


class CsrfRefused(Forbidden):
    """No `X-CSRF-Token`, or another session's: `GET /me` tells the right one."""

    code = "csrf_refused"
    message = "页面已过期，请刷新"
    message_en = "The X-CSRF-Token header is missing or of another session: read it anew from GET /me"


class OriginRefused(Forbidden):
    """The request comes from a page that is not the console's."""

    code = "origin_refused"
    message = "请从值班台页面操作"
    message_en = "The Origin header must be the console's own, as DIDI_CONSOLE_ORIGIN has it"


class RoleNeeded(Forbidden):
    """Signed in, in a role that does not do this."""

    code = "role_needed"
    message = "您的岗位没有此权限"
    message_en = "Your roles do not allow this"


def problems(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:  # FastAPI's own type
    """The `responses` of a route: what any route may answer, and these errors with an example each."""
    by_status: dict[HTTPStatus, list[type[AppError]]] = {}
    every: list[type[AppError]] = [Unreadable, Unauthenticated, *errors, Invalid, Unavailable]
    for error in every:
        by_status.setdefault(status_of(error), []).append(error)
    return {int(status): _response(status, known) for status, known in by_status.items()}


UNSAFE: tuple[type[AppError], ...] = (OriginRefused, CsrfRefused)
"""What any route that changes something may answer."""


def roles(*allowed: Role) -> dict[str, Any]:  # FastAPI's own type
    """`openapi_extra` of a route: the roles it is for; none named: every signed-in person."""
    return {"x-roles": sorted(str(role) for role in (allowed or Role))}


def status_of(error: type[AppError]) -> HTTPStatus:
    """The status that an error of the core becomes."""
    return next(status for kind, status, _ in STATUSES if issubclass(error, kind))


def _response(status: HTTPStatus, errors: list[type[AppError]]) -> dict[str, Any]:
    examples = {error.code: {"value": _example(status, error)} for error in errors}
    said = next(words for _, known, words in STATUSES if known is status)
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "examples": examples}}
    answer: dict[str, Any] = {"description": said, "content": content}
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return answer


def _example(status: HTTPStatus, error: type[AppError]) -> dict[str, object]:
    return {
        "type": f"urn:didi:problem:{error.code}", "title": error.message, "status": int(status),
        "detail": error.message_en, "code": error.code, "instance": "/console/v1/...",
    }  # fmt: skip
