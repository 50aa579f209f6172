"""Pagers: the police app's webhook, WeCom, an SMS gateway, a loudspeaker. By HTTP status, WeCom by errcode."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from simulator import pagers
from simulator.api.wire import ANYONE, Answer, Call, endpoint, read_json
from simulator.errors import Refusal
from simulator.pockets import Pager

WECOM = "/wecom"
"""WeCom's API stands under this prefix, as its base address would."""
_OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


def mount(app: FastAPI) -> None:
    """Add every pager."""
    endpoint(app, "POST", "/pagers/police-app", post_police_app, accounts=ANYONE)
    endpoint(app, "POST", "/pagers/sms", post_sms, accounts=ANYONE)
    endpoint(app, "POST", "/pagers/loudspeaker", post_loudspeaker, accounts=ANYONE)
    endpoint(app, "GET", f"{WECOM}/cgi-bin/gettoken", get_token, accounts=ANYONE)
    endpoint(app, "POST", f"{WECOM}/cgi-bin/message/send", post_message, accounts=ANYONE)


async def post_police_app(call: Call) -> Answer:
    """Signed by HMAC, at most 5 minutes ago; 401 otherwise."""
    stamp = call.request.headers.get("x-didi-timestamp", "")
    given = call.request.headers.get("x-didi-signature", "")
    wanted = hmac.new(pagers.POLICE_APP_KEY.encode(), stamp.encode() + b"." + call.body, hashlib.sha256)
    fresh = stamp.isdecimal() and abs(time.time() - int(stamp)) <= pagers.SIGNATURE_AGE_S
    if not fresh or not hmac.compare_digest(given, f"v1={wanted.hexdigest()}"):
        return JSONResponse({"error": "not signed by the key, or more than 5 minutes ago"}, 401)
    return _paged(call, Pager.POLICE_APP, words="words")


async def post_sms(call: Call) -> Answer:
    """With the gateway's token; 401 otherwise."""
    if not _bears(call, pagers.SMS_TOKEN):
        return JSONResponse({"error": "another token"}, 401)
    return _paged(call, Pager.SMS, words="text")


async def post_loudspeaker(call: Call) -> Answer:
    """Says it at the station; knows every badge."""
    if not _bears(call, pagers.LOUDSPEAKER_TOKEN):
        return JSONResponse({"error": "another token"}, 401)
    return _paged(call, Pager.LOUDSPEAKER, words="say")


async def get_token(call: Call) -> Answer:
    """WeCom's token of one application."""
    if call.query("corpid") != pagers.CORP_ID:
        raise Refusal(40013, "invalid corpid")
    if call.query("corpsecret") != pagers.CORP_SECRET:
        raise Refusal(40001, "invalid credential")
    return _OK | {"access_token": pagers.new_token(call.world), "expires_in": int(pagers.TOKEN_S)}


async def post_message(call: Call) -> Answer:
    """WeCom's message to one member, whose userid is the badge."""
    token = call.query("access_token")
    if not token:
        raise Refusal(41001, "access_token missing")
    if token != call.world.pockets.token:
        raise Refusal(40014, "invalid access_token")
    if call.world.pockets.token_until <= call.world.clock.now():
        raise Refusal(42001, "access_token expired")
    posted = read_json(call)
    if posted.get("msgtype") != "text" or not isinstance(posted.get("text"), dict):
        raise Refusal(40008, "invalid message type")
    if posted.get("agentid") != pagers.AGENT_ID:
        raise Refusal(40056, "invalid agentid")
    badge, words = str(posted.get("touser", "")), str(posted["text"].get("content", ""))
    taken = pagers.call(call.world, Pager.WECOM, badge=badge, station="", words=words, page_id=None)
    if taken is None:
        raise Refusal(81013, "user & party & tag all invalid")
    return _OK | {"invaliduser": "", "msgid": f"msg-{call.world.journal.last}"}


def _bears(call: Call, token: str) -> bool:
    return hmac.compare_digest(call.request.headers.get("authorization", ""), f"Bearer {token}")


def _paged(call: Call, pager: Pager, *, words: str) -> Response:
    """The answer by status: 200 taken, 409 taken before, 404 nobody of this badge, 422 another form."""
    posted = read_json(call)
    if set(posted) != {"id", "badge", "station", words} or not all(
        isinstance(v, str) for v in posted.values()
    ):
        return JSONResponse({"error": f"give id, badge, station and {words}, and nothing else"}, 422)
    taken = pagers.call(
        call.world, pager, badge=posted["badge"], station=posted["station"], words=posted[words], page_id=posted["id"]
    )  # fmt: skip
    if taken is None:
        return JSONResponse({"error": "nobody of this badge"}, 404)
    return JSONResponse({"taken": taken}, 200 if taken else 409)
