"""What went wrong, as clients see it: every error becomes problem+json (RFC 9457) with a stable code."""

from __future__ import annotations

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.kit.errors import AppError, Invalid, LimitReached, Unavailable
from app.kit.problems import MEDIA_TYPE, Unreadable, status_of

log = structlog.get_logger()

KINDS: tuple[type[Exception], ...] = (
    AppError, RequestValidationError, HTTPException, DBAPIError, PoolTimeout, OSError, TimeoutError,
)  # fmt: skip
"""Errors that have an answer; any other is a fault of ours and ends as 500."""

_STORE_STATES = ("53", "57", "08", "25", "40")
"""Classes of SQLSTATE that are the store's trouble, a full disk (53100) and a deadlock (40P01) among them: answered
503, so that nothing is ever called received that is not written."""


def answer(error: Exception, path: str) -> JSONResponse | None:
    """The refusal of a request to `path`; None when the error is none of those that have one."""
    if isinstance(error, AppError):
        return _refused(error, path)
    if isinstance(error, RequestValidationError):
        faults = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        return _refused(Invalid("; ".join(faults)[:1000]), path)
    if isinstance(error, HTTPException):
        return _http(error, path)
    if isinstance(error, KINDS) and _is_the_stores(error):
        log.warning("store_down", error=type(error).__name__, path=path)
        return _refused(Unavailable("the database does not answer; nothing was done, try again"), path)
    return None


def _refused(error: AppError, path: str) -> JSONResponse:
    status = status_of(type(error))
    body = {
        "type": f"urn:didi:problem:{error.code}", "title": error.message, "status": int(status),
        "detail": error.detail, "code": error.code, "instance": path,
        **{name: _plain(fact) for name, fact in error.facts.items()},
    }  # fmt: skip
    limited = isinstance(error, LimitReached)
    headers = {"Retry-After": str(error.facts.get("retry_after_s", 60))} if limited else None
    return JSONResponse(body, int(status), headers=headers, media_type=MEDIA_TYPE)


def _http(error: HTTPException, path: str) -> JSONResponse:
    if error.status_code == 400:
        return _refused(Unreadable(str(error.detail)), path)
    body = {
        "type": "about:blank", "title": str(error.detail), "status": error.status_code, "detail": str(error.detail),
        "code": f"http_{error.status_code}", "instance": path,
    }  # fmt: skip
    return JSONResponse(body, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)


def _is_the_stores(error: Exception) -> bool:
    if not isinstance(error, DBAPIError) or isinstance(error, OperationalError | InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state[:2] in _STORE_STATES


def _plain(fact: object) -> object:
    return fact if isinstance(fact, str | int | float | bool | None) else str(fact)
