"""Which menu a person sees: the newest conditional one whose rule fits, else the one for all."""

from __future__ import annotations

from typing import Any

from simulator.world import Account, User

PLATFORM = "2"  # the phones of this simulator are Androids


def menu_of(account: Account, user: User | None) -> dict[str, Any] | None:
    """The menu as it was created, with its `menuid` when it is conditional; None without any. Any: JSON."""
    if user is not None and account.menu is not None:
        for menu in reversed(account.conditional_menus.values()):
            if _fits(account, menu["matchrule"], user):
                return menu
    return account.menu


def _fits(account: Account, rule: dict[str, str], user: User) -> bool:
    if "tag_id" in rule:
        tag = account.tags.get(int(rule["tag_id"]))
        if tag is None or user.id not in tag.users:
            return False
    effective = {"tag_id", "client_platform_type"} & set(rule)
    return bool(effective) and rule.get("client_platform_type") in (None, PLATFORM)
