"""Sign-in to the mini-program: `/sns/jscode2session`, with app id and secret instead of a token."""

from __future__ import annotations

import base64
import secrets

from fastapi import FastAPI

from simulator.api.token import identify
from simulator.api.wire import ANYONE, Answer, Call, endpoint
from simulator.errors import refusal
from simulator.world import Kind, User

PER_MINUTE = 100


def mount(app: FastAPI) -> None:
    """Add it."""
    endpoint(app, "GET", "/sns/jscode2session", get_session, accounts=ANYONE)


async def get_session(call: Call) -> Answer:
    """Who holds this code: openid, session key, unionid when the accounts are joined."""
    account = identify(call.world, call.request.query_params, grant="authorization_code")
    if account.kind is not Kind.MINI_PROGRAM:
        raise refusal(40013)
    value = call.query("js_code")
    if not value:
        raise refusal(41008)
    now = call.world.clock.now()
    code = call.world.codes.get(value)
    if code is None or code.ends_at <= now:
        raise refusal(40029)
    if code.used:
        raise refusal(40163)
    if code.user.risky_sign_in:
        raise refusal(40226)
    _count(code.user, now)
    code.used = True
    session = {
        "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "openid": code.user.openids[account.app_id],
    }
    return session | ({"unionid": code.user.unionid} if code.user.unionid else {})


def _count(user: User, now: float) -> None:
    user.sign_ins = [at for at in user.sign_ins if at > now - 60]
    if len(user.sign_ins) >= PER_MINUTE:
        raise refusal(45011)
    user.sign_ins.append(now)
