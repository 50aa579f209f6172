"""Template messages of the Official Account: to a follower, told later whether they arrived."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator import events
from simulator.api.notices import check_page, checked_values, one_at_a_time, shown
from simulator.api.wire import OFFICIAL, Answer, Call, endpoint, read_json
from simulator.chat import Channel
from simulator.errors import refusal
from simulator.later import later
from simulator.world import Account, User, next_msg_id, user_by_openid

REMEMBERED_S = 600
# Coloured words before and after, which templates by category no longer have.
_DROPPED = ("first", "remark")


def mount(app: FastAPI) -> None:
    """Add sending, and the list of templates."""
    endpoint(app, "POST", "/cgi-bin/message/template/send", post_send, accounts=OFFICIAL, takes_latency=True)
    endpoint(app, "GET", "/cgi-bin/template/get_all_private_template", get_templates, accounts=OFFICIAL)


async def post_send(call: Call) -> Answer:
    """Send one message; a `client_msg_id` of the last 10 minutes is a repeat and is not sent again."""
    posted = read_json(call)
    user = user_by_openid(call.world, call.owner, posted.get("touser"))
    if user is None:
        raise refusal(40003)
    client_id = _client_id(posted)
    if (repeat := _repeat(call, client_id)) is not None:
        return repeat
    if not user.following:
        raise refusal(43004)
    template_id = str(posted.get("template_id", ""))
    data = checked_values(call.owner, template_id, _without_dropped(call, posted.get("data")))
    page = check_page(call, posted)
    msg_id = next_msg_id(call.world)
    async with one_at_a_time(call, user):
        if client_id:
            call.owner.client_msg_ids[client_id] = (call.world.clock.now(), msg_id)
    body = shown(call.owner, template_id, data) | {"url": str(posted.get("url") or ""), **page}
    if user.template_failure is None:
        entry = user.chat.add(Channel.TEMPLATE, "notice", body)
        call.facts |= {"user": user.id, "entry": entry.seq}
    status = "success" if user.template_failure is None else user.template_failure
    later(call.world, _finish(call, user, msg_id, status), after_s=call.world.config.finish_after_s)
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


async def get_templates(call: Call) -> Answer:
    """Every template of the account, its keys in the form in which WeChat writes them."""
    return {
        "template_list": [
            {
                "template_id": one.template_id,
                "title": one.title,
                "primary_industry": "",
                "deputy_industry": "",
                "content": "\n".join(f"{name}:{{{{{key}.DATA}}}}" for key, name in one.labels.items()),
                "example": "",
            }
            for one in call.owner.templates.values()
        ]
    }


async def _finish(call: Call, user: User, msg_id: int, status: str) -> None:
    await events.tell_template_end(call.world, user, msg_id, status)


def _client_id(posted: Mapping[str, Any]) -> str:
    value = posted.get("client_msg_id", "")
    if not isinstance(value, str) or len(value) > 32:
        raise refusal(40035, "key: client_msg_id")
    return value


def _repeat(call: Call, client_id: str) -> Answer | None:
    _forget(call.owner, call.world.clock.now())
    known = call.owner.client_msg_ids.get(client_id)
    if known is None:
        return None
    call.world.journal.flag("client_msg_id_repeated", path=call.request.url.path)
    return {**call.refused(refusal(45065)), "msgid": known[1]}


def _forget(owner: Account, now: float) -> None:
    """The oldest stand first."""
    for client_id, (at, _) in list(owner.client_msg_ids.items()):
        if at > now - REMEMBERED_S:
            break
        del owner.client_msg_ids[client_id]


def _without_dropped(call: Call, data: Any) -> Any:
    # Any: whatever was posted as `data`.
    if not isinstance(data, Mapping) or not any(re.fullmatch("first|remark", str(key)) for key in data):
        return data
    call.world.journal.flag("template_words_dropped", path=call.request.url.path)
    return {key: value for key, value in data.items() if key not in _DROPPED}
