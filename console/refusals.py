"""What the console refuses on its own, and which roles a route is for."""

from __future__ import annotations

from typing import Any

from app.kit.errors import AppError, Forbidden
from app.people.sessions import Role


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


UNSAFE: tuple[type[AppError], ...] = (OriginRefused, CsrfRefused)
"""What any route that changes something may answer."""


def roles(*allowed: Role) -> dict[str, Any]:  # FastAPI's own type
    """`openapi_extra` of a route: the roles it is for; none named: every signed-in person."""
    return {"x-roles": sorted(str(role) for role in (allowed or Role))}
