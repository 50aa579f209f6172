"""Subscription messages: one grant, one notice, or one grant for good; of the mini-program and of the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator import events
from simulator.api.notices import check_page, checked_values, must_be_released, one_at_a_time, shown
from simulator.api.wire import MINI_PROGRAM, OFFICIAL, Answer, Call, endpoint, read_json
from simulator.chat import Channel
from simulator.errors import refusal
from simulator.later import later
from simulator.world import Grants, User, next_msg_id, user_by_openid

_STATES = ("developer", "trial", "formal")


def mount(app: FastAPI) -> None:
    """Add sending by both accounts."""
    path = "/cgi-bin/message/subscribe"
    endpoint(app, "POST", f"{path}/send", post_send, accounts=MINI_PROGRAM, takes_latency=True)
    endpoint(app, "POST", f"{path}/bizsend", post_bizsend, accounts=OFFICIAL, takes_latency=True)


async def post_send(call: Call) -> Answer:
    """The mini-program's: send one notice and use up one grant."""
    posted = read_json(call)
    if posted.get("miniprogram_state", "formal") not in _STATES:
        raise refusal(40035, "key: miniprogram_state")
    page = str(posted.get("page", ""))
    must_be_released(call, page)
    return await _send(call, posted, {"page": page})


async def post_bizsend(call: Call) -> Answer:
    """The account's: the same, and it may open a page of the web."""
    posted = read_json(call)
    page = check_page(call, posted)
    return await _send(call, posted, page | {"url": str(posted.get("page") or "")})


async def _send(call: Call, posted: Mapping[str, Any], opens: Mapping[str, Any]) -> Answer:
    user = user_by_openid(call.world, call.owner, posted.get("touser"))
    if user is None:
        raise refusal(40003)
    template = str(posted.get("template_id", ""))
    data = checked_values(call.owner, template, posted.get("data"))
    if call.owner.may_not_notify:
        raise refusal(43107)
    async with one_at_a_time(call, user):
        grants = user.grants.get(template, Grants())
        if not grants.long_term and grants.once < 1:
            raise refusal(43101)
        grants.once -= 0 if grants.long_term else 1
    msg_id = next_msg_id(call.world)
    sent = _tell_sent(call, user, template, msg_id)
    later(call.world, sent, after_s=call.world.config.finish_after_s)
    entry = user.chat.add(Channel.SUBSCRIPTION, "notice", shown(call.owner, template, data) | dict(opens))
    call.facts |= {"user": user.id, "entry": entry.seq}
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


async def _tell_sent(call: Call, user: User, template: str, msg_id: int) -> None:
    await events.tell_sent(call.world, user, call.owner, template, msg_id, 0, "success")
