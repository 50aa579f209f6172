"""Checks of content and of risk: by a list of words, and results that come later."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator import events
from simulator.api.wire import MINI_PROGRAM, Answer, Call, endpoint, read_json
from simulator.errors import refusal
from simulator.later import later
from simulator.messages import Value
from simulator.world import User, user_by_openid

ACTIVE_S = 2 * 3600
MOST_LETTERS = 2500
_RISKY = {"违禁": 20006, "诈骗广告": 20008}
_REVIEW = {"广告": 10001}
_SCENES = (1, 2, 3, 4)


def mount(app: FastAPI) -> None:
    """Add the three."""
    endpoint(app, "POST", "/wxa/msg_sec_check", post_text, accounts=MINI_PROGRAM)
    endpoint(app, "POST", "/wxa/media_check_async", post_media, accounts=MINI_PROGRAM)
    endpoint(app, "POST", "/wxa/getuserriskrank", post_risk, accounts=MINI_PROGRAM)


async def post_text(call: Call) -> Answer:
    """Words, judged at once: pass, review or risky."""
    posted = read_json(call)
    _common(call, posted)
    words = posted.get("content")
    if not isinstance(words, str) or not words:
        raise refusal(44004)
    if len(words) > MOST_LETTERS:
        raise refusal(45002)
    suggest, label, keyword = _judge(words)
    strategy = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    found = [{"strategy": "keyword", "errcode": 0, "suggest": suggest, "label": label, "keyword": keyword}]
    return {
        "errcode": 0,
        "errmsg": "ok",
        "detail": [strategy, *(found if keyword else [])],
        "trace_id": _trace(),
        "result": {"suggest": suggest, "label": label},
    }


async def post_media(call: Call) -> Answer:
    """A file, judged later: `wxa_media_check`; one that cannot be fetched is -1008."""
    posted = read_json(call)
    user = _common(call, posted)
    url = posted.get("media_url")
    if posted.get("media_type") not in (1, 2) or not isinstance(url, str):
        raise refusal(40097, "key: media_type")
    trace, known = _trace(), url.startswith(f"{call.world.config.public_url}/__wechat__/files/")
    later(call.world, _result(call, user, trace, known), after_s=call.world.config.finish_after_s)
    return {"errcode": 0, "errmsg": "ok", "trace_id": trace}


async def post_risk(call: Call) -> Answer:
    """How risky a person is, 0 to 4; the id of the question is spelled as WeChat spells it."""
    posted = read_json(call)
    if posted.get("scene") not in (0, 1):
        raise refusal(40129)
    user = user_by_openid(call.world, call.owner, posted.get("openid"))
    if user is None or posted.get("appid") != call.owner.app_id:
        raise refusal(43104)
    _must_be_active(call, user)
    return {
        "errcode": 0,
        "errmsg": "getuserriskrank succ",
        "risk_rank": user.risk,
        "unoin_id": call.world.last_msg_id,
    }


async def _result(call: Call, user: User, trace: str, fetched: bool) -> None:
    told: dict[str, Value] = {
        "appid": call.owner.app_id,
        "trace_id": trace,
        "version": 2,
        "detail": [{"strategy": "content_model", "errcode": 0, "suggest": "pass", "label": 100, "prob": 90}],
        "errcode": 0,
        "errmsg": "ok",
        "result": {"suggest": "pass", "label": 100},
    }
    if not fetched:
        del told["result"]
        told |= {"detail": [], "errcode": -1008, "errmsg": "download media failed"}
    await events.tell(call.world, user, "wxa_media_check", told, answerable=False, account=call.owner)


def _common(call: Call, posted: Mapping[str, Any]) -> User:
    if posted.get("version") != 2 or posted.get("scene") not in _SCENES:
        raise refusal(40097, "key: version or scene")
    user = user_by_openid(call.world, call.owner, posted.get("openid"))
    if user is None:
        raise refusal(40003)
    _must_be_active(call, user)
    return user


def _must_be_active(call: Call, user: User) -> None:
    # Signing in is how this simulator knows that somebody used the mini-program.
    if not any(at > call.world.clock.now() - ACTIVE_S for at in user.sign_ins):
        raise refusal(61010)


def _judge(words: str) -> tuple[str, int, str]:
    for suggest, listed in (("risky", _RISKY), ("review", _REVIEW)):
        for word, label in listed.items():
            if word in words:
                return suggest, label, word
    return "pass", 100, ""


def _trace() -> str:
    return secrets.token_hex(16)
