"""The two routes that must be light, claim and fixes, as plain Starlette ones: no dependencies, no response model.

`offers.post_claim` and `duty.post_fixes` beside them are the contract: the OpenAPI document is made from their
signatures, schemas here are theirs, and they answer whatever does not come as JSON. Why, and how much it gives:
docs/decisions/0007-hot-routes.md.
"""

from __future__ import annotations

from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from app.dispatch.claim import claim
from app.kit.problems import Unreadable
from miniprogram.auth import as_officer, ingest_of, runtime_of, who
from miniprogram.duty import FixesIn, take_fixes
from miniprogram.offers import ClaimIn, ClaimOut

_JSON = b"application/json"
_BEARER = "bearer "
B = TypeVar("B", bound=BaseModel)


class HotRoute(Route):
    """Takes what comes as JSON; the rest is for the route that is declared beside it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Never a partial match: "method not allowed" is the declared route's to say."""
        match, child = super().matches(scope)
        if match is not Match.FULL or not _is_json(scope):
            return Match.NONE, {}
        return match, child


def routes() -> list[BaseRoute]:
    """Both, to stand before every other route."""
    return [
        HotRoute("/offers/{case_id:uuid}/claim", post_claim, methods=["POST"], include_in_schema=False),
        HotRoute("/fixes", post_fixes, methods=["POST"], include_in_schema=False),
    ]


async def post_claim(request: Request) -> Response:
    """As `offers.post_claim`."""
    runtime = runtime_of(request)
    officer = as_officer(await who(runtime, _token(request), acting=True))
    body = await _body(request, ClaimIn)
    claimed = await claim(runtime, request.path_params["case_id"], epoch=body.epoch, officer=officer)
    ingest_of(request).forget(officer.person_id)
    return _answer(ClaimOut.of(claimed), 201)


async def post_fixes(request: Request) -> Response:
    """As `duty.post_fixes`."""
    runtime = runtime_of(request)
    officer = as_officer(await who(runtime, _token(request), acting=False))
    body = await _body(request, FixesIn)
    fixes = [fix.fix() for fix in body.fixes]
    return _answer(
        await take_fixes(runtime, ingest_of(request), officer.person_id, officer.officer, fixes), 200
    )


def _is_json(scope: Scope) -> bool:
    return any(name == b"content-type" and value.startswith(_JSON) for name, value in scope["headers"])


def _token(request: Request) -> str | None:
    said = request.headers.get("authorization", "")
    return said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else None


async def _body(request: Request, kind: type[B]) -> B:
    said = await request.body()
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
