"""What an account has used of its quotas, and starting them anew; what a failed call was about."""

from __future__ import annotations

from fastapi import FastAPI

from simulator.api.token import identify_by_secret
from simulator.api.wire import ANYONE, BOTH, Answer, Call, endpoint, read_json
from simulator.errors import refusal
from simulator.quotas import clear, limit_of, used_today

OK: Answer = {"errcode": 0, "errmsg": "ok"}


def mount(app: FastAPI) -> None:
    """Add the four."""
    endpoint(app, "POST", "/cgi-bin/clear_quota", post_clear, accounts=BOTH)
    endpoint(app, "POST", "/cgi-bin/clear_quota/v2", post_clear_by_secret, accounts=ANYONE)
    endpoint(app, "POST", "/cgi-bin/openapi/quota/get", post_quota, accounts=BOTH)
    endpoint(app, "POST", "/cgi-bin/openapi/rid/get", post_rid, accounts=BOTH)


async def post_clear(call: Call) -> Answer:
    """Start every count of this account anew, 10 times a month."""
    if read_json(call).get("appid") != call.owner.app_id:
        raise refusal(40013)
    clear(call.owner.quotas, call.world.clock)
    return OK


async def post_clear_by_secret(call: Call) -> Answer:
    """The same without a token, for who cannot get one any more."""
    given = {"appid": call.query("appid"), "secret": call.query("appsecret")}
    account = identify_by_secret(call.world, given)
    clear(account.quotas, call.world.clock)
    return OK


async def post_quota(call: Call) -> Answer:
    """The day's wall of one endpoint, and how much of it is left."""
    path = read_json(call).get("cgi_path")
    if not isinstance(path, str) or path not in call.world.paths:
        raise refusal(76021)
    quotas, clock = call.owner.quotas, call.world.clock
    limit = limit_of(quotas, path)
    used = used_today(quotas, path, clock)
    # Without a wall of its own an endpoint has a very high one.
    most = limit.per_day if limit.per_day is not None else 50_000_000
    quota = {"daily_limit": most, "used": used, "remain": max(0, most - used)}
    rates = {} if limit.per_minute is None else {"call_count": limit.per_minute, "refresh_second": 60}
    return {"errcode": 0, "errmsg": "ok", "quota": quota, "rate_limit": rates}


async def post_rid(call: Call) -> Answer:
    """What one refused call was: kept for 7 days, and only for whose it was."""
    rid = read_json(call).get("rid")
    if not isinstance(rid, str) or not rid:
        raise refusal(40035, "key: rid")
    known = call.world.refusals.get(rid)
    if known is None or known["app_id"] not in (None, call.owner.app_id):
        raise refusal(76022)
    if call.world.clock.now() - known["invoke_time"] > 7 * 86400:
        raise refusal(76023)
    told = {name: value for name, value in known.items() if name != "app_id"}
    return {"errcode": 0, "errmsg": "ok", "request": told}
