"""Menus for some followers only, by tag or by the phone they hold; the newest that fits is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.menu import checked_buttons
from simulator.api.wire import OFFICIAL, Answer, Call, endpoint, read_json, refuse_escapes
from simulator.errors import refusal
from simulator.menus import menu_of
from simulator.world import user_by_openid

_PLATFORMS = ("1", "2", "3")  # iOS, Android, others
# What rules could once go by; they no longer have effect.
_WITHOUT_EFFECT = ("sex", "country", "province", "city", "language")


def mount(app: FastAPI) -> None:
    """Add the three."""
    endpoint(app, "POST", "/cgi-bin/menu/addconditional", post_add, accounts=OFFICIAL)
    endpoint(app, "POST", "/cgi-bin/menu/delconditional", post_delete, accounts=OFFICIAL)
    endpoint(app, "POST", "/cgi-bin/menu/trymatch", post_try, accounts=OFFICIAL)


async def post_add(call: Call) -> Answer:
    """Add one; there must be a menu for the rest."""
    refuse_escapes(call)
    posted = read_json(call)
    if call.owner.menu is None:
        raise refusal(65303)
    buttons = checked_buttons(call, posted)
    rule = _rule(call, posted.get("matchrule"))
    call.owner.last_menu_id += 1
    menu_id = call.owner.last_menu_id
    call.owner.conditional_menus[menu_id] = {"button": buttons, "matchrule": rule, "menuid": menu_id}
    return {"menuid": str(menu_id)}


async def post_delete(call: Call) -> Answer:
    """Take one away."""
    menu_id = str(read_json(call).get("menuid", ""))
    if not menu_id.isdecimal() or int(menu_id) not in call.owner.conditional_menus:
        raise refusal(65301)
    del call.owner.conditional_menus[int(menu_id)]
    return {"errcode": 0, "errmsg": "ok"}


async def post_try(call: Call) -> Answer:
    """Which menu one person sees."""
    user = user_by_openid(call.world, call.owner, read_json(call).get("user_id"))
    if user is None:
        raise refusal(65309)
    menu = menu_of(call.owner, user)
    if menu is None:
        raise refusal(46003)
    return {"menu": {"button": menu["button"]}}


def _rule(call: Call, given: Any) -> dict[str, str]:
    # Any: whatever was posted as `matchrule`.
    if not isinstance(given, Mapping):
        raise refusal(65305)
    rule = {str(name): str(value) for name, value in given.items() if value not in ("", None)}
    if any(name in rule for name in _WITHOUT_EFFECT):
        call.world.journal.flag("menu_rule_without_effect", path=call.request.url.path)
    if not rule:
        raise refusal(65305)
    tag, platform = rule.get("tag_id"), rule.get("client_platform_type")
    if tag is not None and (not tag.isdecimal() or int(tag) not in call.owner.tags):
        raise refusal(65317)
    if platform is not None and platform not in _PLATFORMS:
        raise refusal(65316)
    return rule
