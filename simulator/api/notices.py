"""What notices by template have in common: their values, the page they open, one at a time to one person."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from simulator.api.wire import Call
from simulator.errors import refusal
from simulator.world import Account, User

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
_UNSAYABLE = re.compile(r"[\x00-\x1f\x7f]")


def checked_values(account: Account, template_id: str, data: Any) -> dict[str, str]:
    """The values of a notice, by key. Any: whatever was posted as `data`.

    Raises:
        Refusal: 40037 no such template, 47003 with the key that is missing, strange or of the wrong form.
    """
    if not template_id or (account.templates and template_id not in account.templates):
        raise refusal(40037)
    if not isinstance(data, Mapping) or not data:
        raise refusal(47003, "data is empty")
    template = account.templates.get(template_id)
    wanted = template.labels if template else {}
    for key in wanted:
        if key not in data:
            raise refusal(47003, f"data.{key}.value is empty")
    values = {str(key): _value(str(key), given) for key, given in data.items()}
    if template and (strangers := set(values) - set(wanted)):
        raise refusal(47003, f"data.{min(strangers)} is not in the template")
    return values


def shown(account: Account, template_id: str, values: Mapping[str, str]) -> dict[str, Any]:
    """What the card shows: title, and lines in the template's order."""
    template = account.templates.get(template_id)
    labels = template.labels if template else {}
    order = [*labels, *(key for key in values if key not in labels)]
    return {
        "template_id": template_id,
        "title": template.title if template else "",
        "rows": [{"label": labels.get(key, key), "value": values[key]} for key in order],
        "data": dict(values),
    }


def check_page(call: Call, posted: Mapping[str, Any]) -> dict[str, Any]:
    """The mini-program's page that a notice of the account opens.

    Raises:
        Refusal: 40013 a mini-program that is not linked, 41030 a page that is not released.
    """
    given = posted.get("miniprogram")
    if not given:
        return {"page": ""}
    if not isinstance(given, Mapping) or given.get("appid") != call.world.config.mp_app_id:
        raise refusal(40013)
    page = str(given.get("pagepath", ""))
    must_be_released(call, page)
    return {"page": page}


def must_be_released(call: Call, page: str) -> None:
    """Nothing, when the mini-program has this page or nobody said which it has.

    Raises:
        Refusal: 41030.
    """
    known = call.world.config.mp_pages
    if page and known and page.partition("?")[0].lstrip("/") not in known:
        raise refusal(41030)


@asynccontextmanager
async def one_at_a_time(call: Call, user: User) -> AsyncIterator[None]:
    """The while a notice to this person takes, an injected latency included.

    Raises:
        Refusal: 43108 another one is under way.
    """
    if user.sends_under_way:
        raise refusal(43108)
    user.sends_under_way += 1
    try:
        if call.latency_s:
            await asyncio.sleep(call.latency_s)
        yield
    finally:
        user.sends_under_way -= 1


def _value(key: str, given: Any) -> str:
    # Any: whatever stood under the key.
    value = given.get("value") if isinstance(given, Mapping) else None
    if not isinstance(value, str) or not value:
        raise refusal(47003, f"data.{key}.value is empty")
    form = _FORMS.get(key.rstrip("0123456789"))
    if form is None or _UNSAYABLE.search(value) or not re.fullmatch(form, value):
        raise refusal(47003, f"data.{key}.value invalid")
    return value
