"""Subscription messages of the mini-program: one grant, one notice; values checked by their key's type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.wire import MINI_PROGRAM, Answer, Call, endpoint, read_json
from simulator.chat import Channel
from simulator.errors import refusal
from simulator.world import Grants, next_msg_id, user_by_openid

_TIME = r"\d{1,2}:\d{2}(:\d{2})?"
_DAY = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
# By the type a key begins with: what a whole value looks like.
_FORMS = {
    "thing": r".{1,20}",
    "short_thing": r".{1,5}",
    "character_string": r"[\x21-\x7e]{1,32}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
    "const": r".{1,20}",
    "enum": r".{1,20}",
    "time": rf"({_DAY} )?{_TIME}(~({_DAY} )?{_TIME})?|{_DAY}(~{_DAY})?",
    "date": rf"{_DAY}( {_TIME})?(~{_DAY}( {_TIME})?)?",
    "name": r"[\u4e00-\u9fff]{1,10}|[A-Za-z .·'-]{1,20}",
    "phone_number": r"[0-9+\-() #*]{1,17}",
    "number": r"(?=.{1,32}$)-?\d+(\.\d+)?",
    "amount": r"[^\d\s]{0,3}\d{1,10}(\.\d{1,2})?元?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "car_number": r".{1,8}",
}
_STATES = ("developer", "trial", "formal")
_UNSAYABLE = re.compile(r"[\x00-\x1f\x7f]")


def mount(app: FastAPI) -> None:
    """Add sending."""
    endpoint(app, "POST", "/cgi-bin/message/subscribe/send", post_send, accounts=MINI_PROGRAM)


async def post_send(call: Call) -> Answer:
    """Send one notice and use up one grant."""
    posted = read_json(call)
    user = user_by_openid(call.world, call.owner, posted.get("touser"))
    if user is None:
        raise refusal(40003)
    if posted.get("miniprogram_state", "formal") not in _STATES:
        raise refusal(40035, "key: miniprogram_state")
    template = str(posted.get("template_id", ""))
    data = _checked(call.world.config.templates, template, posted.get("data"))
    grants = user.grants.get(template, Grants())
    if not grants.long_term and grants.once < 1:
        raise refusal(43101)
    grants.once -= 0 if grants.long_term else 1
    msg_id = next_msg_id(call.world)
    body = {"template_id": template, "page": str(posted.get("page", "")), "data": data}
    entry = user.chat.add(Channel.SUBSCRIPTION, "notice", body)
    call.facts |= {"user": user.id, "entry": entry.seq}
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


def _checked(templates: Mapping[str, tuple[str, ...]], template: str, data: Any) -> dict[str, str]:
    # Any: whatever was posted as `data`.
    if not template or (templates and template not in templates):
        raise refusal(40037)
    if not isinstance(data, Mapping) or not data:
        raise refusal(47003, "data is empty")
    for key in templates.get(template, ()):
        if key not in data:
            raise refusal(47003, f"data.{key}.value is empty")
    values = {key: _value(key, given) for key, given in data.items()}
    if strangers := set(values) - set(templates.get(template, values)):
        raise refusal(47003, f"data.{min(strangers)} is not in the template")
    return values


def _value(key: str, given: Any) -> str:
    # Any: whatever stood under the key.
    value = given.get("value") if isinstance(given, Mapping) else None
    if not isinstance(value, str) or not value:
        raise refusal(47003, f"data.{key}.value is empty")
    form = _FORMS.get(key.rstrip("0123456789"))
    if form is None or _UNSAYABLE.search(value) or not re.fullmatch(form, value):
        raise refusal(47003, f"data.{key}.value invalid")
    return value
