"""Web pages inside WeChat: who opened one, by a code; a refresh token for 30 days."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, RedirectResponse

from simulator.api.token import identify
from simulator.api.wire import ANYONE, Answer, Call, endpoint
from simulator.errors import refusal
from simulator.world import CODE_LIFETIME_S, User, WebCode, WebToken

LIFETIME_S, REFRESH_S = 7200, 30 * 86400
_SCOPES = ("snsapi_base", "snsapi_userinfo")


@dataclass(frozen=True, slots=True)
class _Asked:
    to: str
    scope: str
    state: str


def mount(app: FastAPI) -> None:
    """Add the way in, the two tokens, and who it is."""
    endpoint(app, "GET", "/connect/oauth2/authorize", get_authorize, accounts=ANYONE)
    endpoint(app, "GET", "/sns/oauth2/access_token", get_access_token, accounts=ANYONE)
    endpoint(app, "GET", "/sns/oauth2/refresh_token", get_refresh, accounts=ANYONE)
    endpoint(app, "GET", "/sns/userinfo", get_user_info, accounts=ANYONE)


async def get_authorize(call: Call) -> Answer:
    """Send the browser back with a code. Whose browser it is, `as` says: WeChat knows it by itself."""
    asked = _asked(call)
    user = call.world.users.get(call.query("as"))
    if asked is None or user is None:
        return PlainTextResponse(
            "该链接无法访问: parameters, redirect_uri or `as` (a user's id) are wrong", 400
        )
    code = mint_web_code(call, user, asked.scope)
    joined = "&" if urlsplit(asked.to).query else "?"
    return RedirectResponse(f"{asked.to}{joined}{urlencode({'code': code, 'state': asked.state})}", 302)


async def get_access_token(call: Call) -> Answer:
    """A token of one person for one page, by a code that works once for 5 minutes."""
    account = identify(call.world, call.request.query_params, grant="authorization_code")
    value = call.query("code")
    if not value:
        raise refusal(41008)
    code = call.world.web_codes.get(value)
    if code is None or code.ends_at <= call.world.clock.now() or account is not call.world.official:
        raise refusal(40029)
    if code.used:
        raise refusal(40163)
    code.used = True
    return _issue(call, code.user, code.scope)


async def get_refresh(call: Call) -> Answer:
    """Another token by the refresh token."""
    if call.query("grant_type") != "refresh_token":
        raise refusal(40002)
    if call.query("appid") != call.world.official.app_id:
        raise refusal(40013)
    known = call.world.web_tokens.get(call.query("refresh_token"))
    if known is None or known.kind != "refresh":
        raise refusal(40030)
    if known.ends_at <= call.world.clock.now():
        raise refusal(42002)
    return _issue(call, known.user, known.scope)


async def get_user_info(call: Call) -> Answer:
    """Name and unionid, when the person agreed to it."""
    known = call.world.web_tokens.get(call.query("access_token"))
    if known is None or known.kind != "access":
        raise refusal(40001)
    if known.ends_at <= call.world.clock.now():
        raise refusal(42001)
    if known.scope != "snsapi_userinfo":
        raise refusal(48001)
    openid = known.user.openids[call.world.official.app_id]
    if call.query("openid") != openid:
        raise refusal(40003)
    joined = {"unionid": known.user.unionid} if known.user.unionid else {}
    return {
        "openid": openid,
        "nickname": known.user.name,
        "sex": 0,
        "language": "",
        "headimgurl": "",
        "privilege": [],
    } | joined


def mint_web_code(call: Call, user: User, scope: str) -> str:
    """What the browser comes back with."""
    value = f"0{secrets.token_urlsafe(23)}"
    call.world.web_codes[value] = WebCode(user, call.world.clock.now() + CODE_LIFETIME_S, scope)
    return value


def _asked(call: Call) -> _Asked | None:
    to, scope, state = call.query("redirect_uri"), call.query("scope"), call.query("state")
    right = (
        call.query("appid") == call.world.official.app_id
        and call.query("response_type") == "code"
        and scope in _SCOPES
        and urlsplit(to).scheme in ("http", "https")
        and re.fullmatch("[A-Za-z0-9]{0,128}", state) is not None
    )
    return _Asked(to, scope, state) if right else None


def _issue(call: Call, user: User, scope: str) -> Answer:
    now = call.world.clock.now()
    access, refresh = secrets.token_urlsafe(64), secrets.token_urlsafe(64)
    call.world.web_tokens[access] = WebToken(user, scope, "access", now + LIFETIME_S)
    call.world.web_tokens[refresh] = WebToken(user, scope, "refresh", now + REFRESH_S)
    told = {
        "access_token": access,
        "expires_in": LIFETIME_S,
        "refresh_token": refresh,
        "openid": user.openids[call.world.official.app_id],
        "scope": scope,
    }
    seen = {"unionid": user.unionid} if user.unionid and scope == "snsapi_userinfo" else {}
    return told | seen | ({"is_snapshotuser": 1} if user.snapshot else {})
