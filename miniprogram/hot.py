"""The two requests that must be light, claim and fixes, answered before any framework: no dependencies, no response models.

`offers.post_claim` and `duty.post_fixes` are the contract: the OpenAPI document is made from their signatures,
schemas here are theirs, and they answer whatever does not come as JSON. Why, and how much it gives:
docs/decisions/0007-hot-routes.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.dispatch.claim import claim
from app.kit.problems import Unreadable
from miniprogram.auth import as_officer, who
from miniprogram.duty import FixesIn, take_fixes
from miniprogram.offers import ClaimIn, ClaimOut

BODY_MAX = 64 * 1024
"""Bytes of a request here; 200 fixes, the most that are taken, have half of that."""
_JSON = b"application/json"
_BEARER = b"bearer "
_UUID_CHARS = 36
B = TypeVar("B", bound=BaseModel)


class HotFirst:
    """Middleware: takes POST .../offers/{case_id}/claim and .../fixes when they come as JSON; the rest goes its way."""

    def __init__(
        self, app: ASGIApp, prefix: str, answer: Callable[[Exception, str], Response | None]
    ) -> None:
        """`answer` makes of an error what clients see."""
        self._app, self._answer = app, answer
        self._fixes, self._offers, self._claim = f"{prefix}/fixes", f"{prefix}/offers/", "/claim"
        self._claim_chars = len(self._offers) + _UUID_CHARS + len(self._claim)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """No coroutine of its own for what is not hot."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            if path == self._fixes or (
                len(path) == self._claim_chars
                and path.startswith(self._offers)
                and path.endswith(self._claim)
            ):
                token, is_json = _headers(scope)
                if is_json:
                    return self._hot(scope, receive, send, path, token)
        return self._app(scope, receive, send)

    async def _hot(self, scope: Scope, receive: Receive, send: Send, path: str, token: str | None) -> None:
        try:
            said = await self._act(scope["app"].state, receive, path, token)
        except Exception as error:
            if (refusal := self._answer(error, path)) is None:
                raise
            said = refusal
        await said(scope, receive, send)

    async def _act(self, state: State, receive: Receive, path: str, token: str | None) -> Response:
        if path == self._fixes:
            return await post_fixes(state, await _read(receive), token)
        try:
            case_id = UUID(path[len(self._offers) : -len(self._claim)])
        except ValueError:
            raise RequestValidationError(
                [{"loc": ("path", "case_id"), "msg": "Input should be a valid UUID", "type": "uuid_parsing"}]
            ) from None
        return await post_claim(state, case_id, await _read(receive), token)


async def post_claim(state: State, case_id: UUID, said: bytes, token: str | None) -> Response:
    """As `offers.post_claim`."""
    officer = as_officer(await who(state.runtime, token, acting=True))
    body = _body(said, ClaimIn)
    claimed = await claim(state.runtime, case_id, epoch=body.epoch, officer=officer)
    state.ingest.forget(officer.person_id)
    return _answer(ClaimOut.of(claimed), 201)


async def post_fixes(state: State, said: bytes, token: str | None) -> Response:
    """As `duty.post_fixes`."""
    officer = as_officer(await who(state.runtime, token, acting=False))
    body = _body(said, FixesIn)
    return _answer(
        await take_fixes(state.runtime, state.ingest, officer.person_id, officer.officer, body.fixes), 200
    )


def _headers(scope: Scope) -> tuple[str | None, bool]:
    """The bearer token, and whether the body is called JSON."""
    token, is_json = None, False
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            token = value[len(_BEARER) :].strip().decode("latin-1")
        elif name == b"content-type":
            is_json = value.startswith(_JSON)
    return token, is_json


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the body broke off")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > BODY_MAX:
            raise HTTPException(413, f"a body may have {BODY_MAX} bytes")
        if not message.get("more_body", False):
            return body


def _body(said: bytes, kind: type[B]) -> B:
    try:
        return kind.model_validate_json(said)
    except ValidationError as error:
        if not _is_text(said):
            raise Unreadable("the body is not UTF-8") from None
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in found]) from None


def _is_text(said: bytes) -> bool:
    try:
        said.decode()
    except UnicodeDecodeError:
        return False
    return True


def _answer(out: BaseModel, status: int) -> Response:
    return Response(out.model_dump_json(), status, media_type="application/json")
