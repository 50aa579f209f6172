"""What of the account's menus differs between the repository and WeChat, and bringing WeChat up to date.

WeChat shows each person one menu: the newest conditional one whose tag they have, else the one for everybody.
Limits: wechat-menus of WeChat's documentation, checked here so that a push never stops half way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wechat.client import WeChatClient
from wechat.menu_table import EVERYBODY, OFFICERS, OFFICERS_TAG, Button
from wechat.tags import make_tag, tag_named

BUTTONS, SUB_BUTTONS = 3, 5
NAME_BYTES, SUB_NAME_BYTES, KEY_BYTES, URL_BYTES = 16, 60, 128, 1024
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "click": ("key",), "view": ("url",), "miniprogram": ("url", "appid", "pagepath"), "scancode_push": ("key",),
    "scancode_waitmsg": ("key",), "pic_sysphoto": ("key",), "pic_photo_or_album": ("key",), "pic_weixin": ("key",),
    "location_select": ("key",), "media_id": ("media_id",), "view_limited": ("media_id",), "article_id": ("article_id",),
}  # fmt: skip
_PARTS: Final = ("type", "name", "key", "url", "appid", "pagepath", "media_id", "article_id")


class MenuUnfit(ValueError):
    """A menu that WeChat would refuse; the message has one line a fault, each with its place."""


@dataclass(frozen=True, slots=True)
class Menus:
    """One state of all menus. `conditional`: buttons by the tag's name, or `menu <id>` where we know no tag for it."""

    everybody: list[Button] | None
    conditional: dict[str, list[Button]]


@dataclass(frozen=True, slots=True)
class Live:
    """What WeChat has. `menu_ids`: of the conditional menus, under the same names."""

    menus: Menus
    menu_ids: dict[str, list[str]]


WANTED: Final = Menus(EVERYBODY, {OFFICERS_TAG: OFFICERS})
"""The menus of the repository."""


def faults_of(menus: Menus) -> list[str]:
    """What WeChat would refuse, each as `place: what, what to do`; empty when nothing."""
    found = _faults(menus.everybody or [], "everybody")
    for name, buttons in menus.conditional.items():
        found += _faults(buttons, name)
    return found


def _faults(buttons: Sequence[Mapping[str, Any]], place: str) -> list[str]:
    found = []
    if not 1 <= len(buttons) <= BUTTONS:
        found.append(f"{place}: {len(buttons)} buttons, WeChat takes 1 to {BUTTONS}")
    for number, button in enumerate(buttons, 1):
        here = f"{place}, button {number}"
        below = button.get("sub_button") or []
        found += _name_faults(button, here, NAME_BYTES)
        if not below:
            found += _action_faults(button, here)
        if len(below) > SUB_BUTTONS:
            found.append(f"{here}: {len(below)} buttons below it, WeChat takes {SUB_BUTTONS}")
        for sub_number, sub in enumerate(below, 1):
            there = f"{here}.{sub_number}"
            found += _name_faults(sub, there, SUB_NAME_BYTES) + _action_faults(sub, there)
            if sub.get("sub_button"):
                found.append(f"{there}: a third level, WeChat has two")
    return found


def _name_faults(button: Mapping[str, Any], place: str, most: int) -> list[str]:
    size = len(str(button.get("name", "")).encode())
    return [] if 1 <= size <= most else [f"{place}: a name of {size} bytes, WeChat takes 1 to {most}"]


def _action_faults(button: Mapping[str, Any], place: str) -> list[str]:
    kind = button.get("type")
    if kind not in _NEEDS:
        return [f"{place}: no type {kind!r}, WeChat knows {', '.join(_NEEDS)}"]
    found = []
    for part in _NEEDS[kind]:
        most = URL_BYTES if part == "url" else KEY_BYTES
        size = len(str(button.get(part, "")).encode())
        if not 1 <= size <= most:
            found.append(f"{place}: {part} of {size} bytes, WeChat takes 1 to {most}")
    return found


async def live(client: WeChatClient) -> Live:
    """The menus as WeChat has them. Raises as the calls of `WeChatClient`."""
    found = await client.get_menu() or {}
    names = {str(tag.id): tag.name for tag in (await tag_named(client, OFFICERS_TAG),) if tag}
    everybody = _read(found.get("menu"))
    conditional: dict[str, list[Button]] = {}
    ids: dict[str, list[str]] = {}
    rules = found.get("conditionalmenu") or []
    for one in [rules] if isinstance(rules, dict) else rules:
        menu_id, tag_id = str(one.get("menuid", "")), str((one.get("matchrule") or {}).get("tag_id", ""))
        name = names.get(tag_id) or f"menu {menu_id}"
        conditional[name] = _read(one) or []
        ids.setdefault(name, []).append(menu_id)
    return Live(Menus(everybody, conditional), ids)


def _read(menu: object) -> list[Button] | None:
    """Buttons without what WeChat adds to them."""
    if not isinstance(menu, Mapping):
        return None
    return [_plain(button) for button in menu.get("button", [])]


def _plain(button: Mapping[str, Any]) -> Button:
    plain: Button = {part: button[part] for part in _PARTS if button.get(part)}
    below = button.get("sub_button") or []
    if isinstance(below, Mapping):  # WeChat's older form of it
        below = below.get("list") or []
    if below:
        plain = {"name": button.get("name", ""), "sub_button": [_plain(sub) for sub in below]}
    return plain


def difference(have: Menus, want: Menus) -> list[str]:
    """One line for each button that differs, `-` as WeChat has it, `+` as it should be; empty when none."""
    lines = _lines_of("everybody", have.everybody or [], want.everybody or [])
    for name in sorted({*have.conditional, *want.conditional}):
        lines += _lines_of(name, have.conditional.get(name, []), want.conditional.get(name, []))
    return lines


def _lines_of(menu: str, have: Sequence[Button], want: Sequence[Button]) -> list[str]:
    before, after = dict(_flat(have)), dict(_flat(want))
    lines = []
    for place in sorted({*before, *after}):
        if before.get(place) == after.get(place):
            continue
        lines += [
            f"{sign} {menu} {place}: {said}"
            for sign, said in (("-", before.get(place)), ("+", after.get(place)))
            if said
        ]
    return lines


def _flat(buttons: Sequence[Mapping[str, Any]], above: str = "") -> list[tuple[str, str]]:
    found = []
    for number, button in enumerate(buttons, 1):
        place = f"{above}{number}"
        rest = " ".join(f"{part}={button[part]}" for part in _PARTS if part != "name" and button.get(part))
        found.append((place, f"{button.get('name', '')} {rest}".strip()))
        found += _flat(button.get("sub_button") or [], f"{place}.")
    return found


async def push(client: WeChatClient, want: Menus = WANTED) -> list[str]:
    """Bring WeChat's menus to these; returns what differed before, empty when nothing was to do.

    A new conditional menu is added before its old one goes, so that nobody is without. Phones show a change within
    a day. Menus of other tags are taken away: the repository says what there is.

    Raises:
        MenuUnfit: WeChat would refuse one; nothing was sent. Others as the calls of `WeChatClient`.
    """
    if faults := faults_of(want):
        raise MenuUnfit("\n".join(faults))
    have = await live(client)
    lines = difference(have.menus, want)
    if (have.menus.everybody or []) != (want.everybody or []):
        await client.create_menu({"button": want.everybody})
    for name, buttons in want.conditional.items():
        if have.menus.conditional.get(name) == buttons:
            continue
        tag = await tag_named(client, name) or await make_tag(client, name)
        rule = {"button": buttons, "matchrule": {"tag_id": str(tag.id)}}
        await client.call("menu_addconditional", "POST", "/cgi-bin/menu/addconditional", json=rule)
        await _take_away(client, have.menu_ids.get(name, []))
    for name, ids in have.menu_ids.items():
        if name not in want.conditional:
            await _take_away(client, ids)
    return lines


async def _take_away(client: WeChatClient, menu_ids: Sequence[str]) -> None:
    path = "/cgi-bin/menu/delconditional"
    for menu_id in menu_ids:
        await client.call("menu_delconditional", "POST", path, json={"menuid": menu_id})
