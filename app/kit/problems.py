"""Errors as clients see them (RFC 9457): the shape, the status of each kind, and what a route says it may answer.

`app.main` answers in this shape; the doors describe their routes with it. It knows statuses, no framework.
"""

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

MEDIA_TYPE = "application/problem+json"


class Unreadable(Invalid):
    """The framework's own refusal: a body that is not text."""

    code = "unreadable"
    message = "请求无法读取"
    message_en = "The request cannot be read: send JSON in UTF-8"


STATUSES: tuple[tuple[type[AppError], HTTPStatus], ...] = (
    (Unreadable, HTTPStatus.BAD_REQUEST),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (LimitReached, HTTPStatus.TOO_MANY_REQUESTS),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""Kind of error to status, the first that fits."""

_SAID = {
    HTTPStatus.BAD_REQUEST: "Not HTTP with JSON in UTF-8",
    HTTPStatus.UNAUTHORIZED: "Nobody, or somebody whose session ended",
    HTTPStatus.FORBIDDEN: "Not this person's to do",
    HTTPStatus.NOT_FOUND: "No such thing, or not this person's",
    HTTPStatus.CONFLICT: "The world has moved on; the code says how",
    HTTPStatus.TOO_MANY_REQUESTS: "A named limit was reached; `Retry-After` says when to come back",
    HTTPStatus.UNPROCESSABLE_ENTITY: "What was sent cannot be used; the detail says what and where",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part we need is down; nothing was done, trying again is safe",
}


class Problem(BaseModel):
    """Why a request was refused. `code` is stable; further fields are facts, never personal data."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None


def problems(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:  # FastAPI's own type
    """The `responses` of a route: what any route may answer, and these errors with an example each."""
    by_status: dict[HTTPStatus, list[type[AppError]]] = {}
    every: list[type[AppError]] = [Unreadable, Unauthenticated, *errors, Invalid, Unavailable]
    for error in every:
        by_status.setdefault(status_of(error), []).append(error)
    return {int(status): _response(status, known) for status, known in by_status.items()}


_known: dict[type[AppError], HTTPStatus] = {}


def status_of(error: type[AppError]) -> HTTPStatus:
    """The status that an error of the core becomes."""
    if error not in _known:
        _known[error] = next(status for kind, status in STATUSES if issubclass(error, kind))
    return _known[error]


def _response(status: HTTPStatus, errors: list[type[AppError]]) -> dict[str, Any]:
    examples = {error.code: {"value": _example(status, error)} for error in errors}
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "examples": examples}}
    answer: dict[str, Any] = {"description": _SAID[status], "content": content}
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return answer


def _example(status: HTTPStatus, error: type[AppError]) -> dict[str, object]:
    return {
        "type": f"urn:didi:problem:{error.code}", "title": error.message, "status": int(status),
        "detail": error.message_en, "code": error.code, "instance": "/...",
    }  # fmt: skip
