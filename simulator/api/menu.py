"""The menu of the Official Account: create, get, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.wire import OFFICIAL, Answer, Call, endpoint, read_json, refuse_escapes
from simulator.errors import refusal

MOST_BUTTONS, MOST_SUB_BUTTONS = 3, 5
_NAME_BYTES, _SUB_NAME_BYTES, _KEY_BYTES, _URL_BYTES = 16, 60, 128, 1024
_NEEDS = {
    "click": ("key",),
    "view": ("url",),
    "miniprogram": ("url", "appid", "pagepath"),
    "scancode_push": ("key",),
    "scancode_waitmsg": ("key",),
    "pic_sysphoto": ("key",),
    "pic_photo_or_album": ("key",),
    "pic_weixin": ("key",),
    "location_select": ("key",),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "article_id": ("article_id",),
}


def mount(app: FastAPI) -> None:
    """Add them."""
    endpoint(app, "POST", "/cgi-bin/menu/create", post_create, accounts=OFFICIAL)
    endpoint(app, "GET", "/cgi-bin/menu/get", get_menu, accounts=OFFICIAL)
    endpoint(app, "GET", "/cgi-bin/menu/delete", get_delete, accounts=OFFICIAL)
    endpoint(app, "GET", "/cgi-bin/get_current_selfmenu_info", get_selfmenu, accounts=OFFICIAL)


async def post_create(call: Call) -> Answer:
    """Replace the menu; phones here see it at once."""
    refuse_escapes(call)
    call.owner.menu = {"button": checked_buttons(call, read_json(call))}
    return {"errcode": 0, "errmsg": "ok"}


async def get_menu(call: Call) -> Answer:
    """The menu as it was created."""
    if call.owner.menu is None:
        raise refusal(46003)
    if not call.owner.conditional_menus:
        return {"menu": call.owner.menu}
    conditional = list(reversed(call.owner.conditional_menus.values()))
    return {"menu": call.owner.menu, "conditionalmenu": conditional}


async def get_selfmenu(call: Call) -> Answer:
    """The menu as it is shown, also one made in the console; without one only `is_menu_open` 0."""
    if call.owner.menu is None:
        return {"is_menu_open": 0}
    return {"is_menu_open": 1, "selfmenu_info": {"button": [_told(one) for one in call.owner.menu["button"]]}}


async def get_delete(call: Call) -> Answer:
    """Take every menu away, the conditional ones too; without one there is nothing to do."""
    call.owner.menu = None
    call.owner.conditional_menus.clear()
    return {"errcode": 0, "errmsg": "ok"}


def checked_buttons(call: Call, posted: Mapping[str, Any]) -> list[Any]:
    """The buttons of a posted menu. Any: as they were posted, JSON.

    Raises:
        Refusal: 40016 to 40027, which says of which part what is wrong.
    """
    buttons = posted.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MOST_BUTTONS:
        raise refusal(40016)
    for button in buttons:
        _check(call, button, sub=False)
    return buttons


def _told(button: Mapping[str, Any]) -> dict[str, Any]:
    below = button.get("sub_button")
    if not below:
        return {name: value for name, value in button.items() if name != "sub_button"}
    return {"name": button["name"], "sub_button": {"list": [_told(one) for one in below]}}


def _check(call: Call, button: Any, *, sub: bool) -> None:
    # Any: whatever stood in the posted list.
    if not isinstance(button, Mapping):
        raise refusal(40024 if sub else 40017)
    name = button.get("name")
    most = _SUB_NAME_BYTES if sub else _NAME_BYTES
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= most:
        raise refusal(40025 if sub else 40018)
    below = button.get("sub_button")
    if below and not sub:
        if not isinstance(below, list) or len(below) > MOST_SUB_BUTTONS:
            raise refusal(40023)
        for one in below:
            _check(call, one, sub=True)
        return
    if below:
        raise refusal(40023)
    _check_action(call, button, sub=sub)


def _check_action(call: Call, button: Mapping[str, Any], *, sub: bool) -> None:
    kind = button.get("type")
    if kind not in _NEEDS:
        raise refusal(40024 if sub else 40017)
    for key in _NEEDS[kind]:
        value = button.get(key)
        most = _URL_BYTES if key == "url" else _KEY_BYTES
        if not isinstance(value, str) or not 1 <= len(value.encode()) <= most:
            url, other = (40027, 40026) if sub else (40020, 40019)
            raise refusal(url if key == "url" else other, f"key: {key}")
    if kind == "miniprogram" and button.get("appid") != call.world.config.mp_app_id:
        raise refusal(40013)  # only a mini-program linked to the account
