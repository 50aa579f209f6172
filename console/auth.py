"""Who is asking: the session cookie becomes an Actor; Origin and CSRF token stand before whatever changes something."""

from __future__ import annotations

import base64
import hmac
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyCookie, APIKeyHeader
from starlette.requests import HTTPConnection

from app.kit.errors import Unauthenticated
from app.kit.runtime import Runtime
from app.people.devices import Source, network_of
from app.people.sessions import Actor, Audience, Role, actor_of
from app.settings import Settings
from console.refusals import CsrfRefused, OriginRefused, RoleNeeded

COOKIE = "__Host-didi_console"
"""The browser itself holds a cookie of this name to HTTPS, this very host and the path /."""
PLAIN_COOKIE = "didi_console"
"""Its name on http://localhost in development, where the prefix would need HTTPS."""
DEVICE_COOKIE = "__Host-didi_device"
PLAIN_DEVICE_COOKIE = "didi_device"
"""The browser's own token, by which it is known at its next sign-in; nothing is signed in by it."""
CSRF_HEADER = "X-CSRF-Token"
TOKEN_MAX = 200
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_cookie = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    auto_error=False,
    description=f"Set by POST /sessions, HttpOnly. On http://localhost in development it is called {PLAIN_COOKIE}.",
)
_csrf = APIKeyHeader(
    name=CSRF_HEADER,
    scheme_name="csrf",
    auto_error=False,
    description="With every method but GET, beside the exact `Origin`; told by POST /sessions and GET /me.",
)


def runtime_of(connection: HTTPConnection) -> Runtime:
    """The stores and keys of this process."""
    runtime: Runtime = connection.app.state.runtime
    return runtime


Stores = Annotated[Runtime, Depends(runtime_of)]


def is_plain(settings: Settings) -> bool:
    """Whether the cookie goes without Secure: on http://localhost in development, and nowhere else."""
    origin = urlsplit(settings.console_origin)
    return settings.env == "development" and origin.scheme == "http" and origin.hostname == "localhost"


def cookie_name(settings: Settings) -> str:
    """What the session cookie is called here."""
    return PLAIN_COOKIE if is_plain(settings) else COOKIE


def device_cookie_name(settings: Settings) -> str:
    """What the cookie of a known browser is called here."""
    return PLAIN_DEVICE_COOKIE if is_plain(settings) else DEVICE_COOKIE


def source_of(request: Request) -> Source:
    """Where a sign-in comes from: its network, cut short, and the browser, when we know it.

    The network is that of the peer, or what a proxy that the server trusts (`FORWARDED_ALLOW_IPS`) says of it.
    """
    peer = request.client.host if request.client else None
    device = request.cookies.get(device_cookie_name(runtime_of(request).settings))
    return Source(network_of(peer), device)


def csrf_token(runtime: Runtime, session_id: UUID) -> str:
    """The token of a session: an HMAC under the key of that purpose; nothing is stored."""
    digest = hmac.digest(runtime.keys.purpose("csrf"), session_id.bytes, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_own_origin(connection: HTTPConnection) -> bool:
    """Whether the request names the console's origin, exactly."""
    expected = runtime_of(connection).settings.console_origin.rstrip("/")
    return hmac.compare_digest(connection.headers.get("origin", "").encode(), expected.encode())


async def own_origin(request: Request) -> None:
    """For what no session stands behind yet.

    Raises:
        OriginRefused: another page's request, or none at all.
    """
    if not is_own_origin(request):
        raise OriginRefused()


async def signed_in(
    request: Request,
    runtime: Stores,
    _: Annotated[str | None, Security(_cookie)],
    csrf: Annotated[str | None, Security(_csrf)],
) -> Actor:
    """Whoever holds the session, by an act of their own."""
    return await _actor(request, runtime, csrf, acting=True)


async def watching(
    request: Request,
    runtime: Stores,
    _: Annotated[str | None, Security(_cookie)],
    csrf: Annotated[str | None, Security(_csrf)],
) -> Actor:
    """Whoever holds the session; a board that refreshes itself does not keep it from its idle lock."""
    return await _actor(request, runtime, csrf, acting=False)


async def _actor(request: Request, runtime: Runtime, csrf: str | None, *, acting: bool) -> Actor:
    token = request.cookies.get(cookie_name(runtime.settings), "")
    if not 0 < len(token) <= TOKEN_MAX:
        raise Unauthenticated()
    actor = await actor_of(runtime, token, Audience.CONSOLE, acting=acting)
    if request.method in _SAFE:
        return actor
    if not is_own_origin(request):
        raise OriginRefused()
    expected = csrf_token(runtime, actor.session_id)
    if not hmac.compare_digest((csrf or "").encode(), expected.encode()):
        raise CsrfRefused()
    return actor


def _with_role(actor: Actor, *allowed: Role) -> Actor:
    if not any(actor.has_anywhere(role) for role in allowed):
        raise RoleNeeded(roles=sorted(str(role) for role in allowed))
    return actor


async def desk(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """Desk or commander of one station at least; which cases are theirs the core decides."""
    return _with_role(actor, Role.DESK, Role.COMMANDER)


async def board(actor: Annotated[Actor, Depends(watching)]) -> Actor:
    """The same, for what the board reads by itself."""
    return _with_role(actor, Role.DESK, Role.COMMANDER)


async def administrator(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """Administrator of one station at least; of which one the core asks."""
    return _with_role(actor, Role.ADMINISTRATOR)


async def auditor(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """Auditor of all stations: the log is one."""
    if not actor.has(Role.AUDITOR):
        raise RoleNeeded(roles=[str(Role.AUDITOR)])
    return actor


async def looking(actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """Desk or commander of one station at least, or auditor of all; which cases are theirs the core decides."""
    if actor.has(Role.AUDITOR):
        return actor
    return _with_role(actor, Role.DESK, Role.COMMANDER)


async def no_store(response: Response) -> None:
    """Nothing of the console stays in a browser's cache."""
    response.headers["Cache-Control"] = "no-store"


OwnOrigin = Depends(own_origin)
From = Annotated[Source, Depends(source_of)]
Staff = Annotated[Actor, Depends(signed_in)]
Watcher = Annotated[Actor, Depends(watching)]
Desk = Annotated[Actor, Depends(desk)]
Board = Annotated[Actor, Depends(board)]
Administrator = Annotated[Actor, Depends(administrator)]
Auditor = Annotated[Actor, Depends(auditor)]
Looking = Annotated[Actor, Depends(looking)]
