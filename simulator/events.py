"""What a person does besides writing, and what WeChat tells by itself: events, which carry no MsgId."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence

from simulator.callbacks import Outcome, deliver
from simulator.chat import Channel
from simulator.menus import menu_of
from simulator.messages import Value, event
from simulator.windows import Action, close_windows, open_window
from simulator.world import Account, Grants, User, World


class NotFollowing(Exception):
    """Who does not follow the account cannot write to it."""


class CodeExpired(Exception):
    """A code that was for a while, which is over, or that never was."""


def must_follow(user: User) -> None:
    """Nothing, for a follower.

    Raises:
        NotFollowing: anybody else.
    """
    if not user.following:
        raise NotFollowing(f"user {user.id} does not follow the account; POST .../follow first")


async def follow(world: World, user: User, *, scene: str | None = None, ticket: str = "") -> Outcome:
    """Follow the account, by scanning its code when there is a `scene`."""
    user.following, user.subscribed_at = True, world.clock.now()
    user.came_by = "ADD_SCENE_SEARCH" if scene is None else "ADD_SCENE_QR_CODE"
    user.came_with = scene or ""
    fields: dict[str, Value] = {"EventKey": ""}
    if scene is not None:
        fields = {"EventKey": f"qrscene_{scene}", "Ticket": ticket or _ticket(world, scene)}
    user.chat.add(Channel.SYSTEM, "followed", {})
    open_window(user.windows_of(world.official), Action.FOLLOW, world.clock.now())
    return await tell(world, user, "subscribe", fields)


async def unfollow(world: World, user: User) -> Outcome:
    """Unfollow: nothing can be sent any more, no answer is shown, tags and grants of the account are gone."""
    user.following = False
    close_windows(user.windows_of(world.official))
    for tag in world.official.tags.values():
        tag.users.discard(user.id)
    user.chat.add(Channel.SYSTEM, "unfollowed", {})
    return await tell(world, user, "unsubscribe", {"EventKey": ""}, answerable=False)


async def scan(world: World, user: User, scene: str) -> Outcome:
    """Scan a code with this scene: a SCAN for a follower, a follow for anybody else."""
    return await _scanned(world, user, scene, _ticket(world, scene))


async def scan_ticket(world: World, user: User, ticket: str) -> Outcome:
    """Scan the code of a ticket.

    Raises:
        CodeExpired: it is not one of the account's, or was for a while.
    """
    found = world.official.scenes.get(ticket)
    if found is None or (found.ends_at is not None and found.ends_at <= world.clock.now()):
        raise CodeExpired(
            "no code of the account has this ticket, or its time is over; make one by qrcode/create"
        )
    return await _scanned(world, user, found.scene, ticket)


async def click(world: World, user: User, key: str) -> Outcome:
    """Tap a menu button of type click."""
    must_follow(user)
    open_window(user.windows_of(world.official), Action.CLICK, world.clock.now())
    return await tell(world, user, "CLICK", {"EventKey": key})


async def view(world: World, user: User, target: str, *, mini_program: bool = False) -> Outcome:
    """Tap a menu button that opens a page, or a page of the mini-program; opens no window."""
    must_follow(user)
    name = "view_miniprogram" if mini_program else "VIEW"
    menu_id = str((menu_of(world.official, user) or {}).get("menuid", 1))
    return await tell(world, user, name, {"EventKey": target, "MenuId": menu_id}, answerable=False)


async def scan_something(world: World, user: User, key: str, result: str, *, waits: bool) -> Outcome:
    """Tap a button that scans any code; with `waits` WeChat shows that the account works on it."""
    must_follow(user)
    open_window(user.windows_of(world.official), Action.CLICK, world.clock.now())
    found: dict[str, Value] = {"ScanType": "qrcode", "ScanResult": result}
    name = "scancode_waitmsg" if waits else "scancode_push"
    return await tell(world, user, name, {"EventKey": key, "ScanCodeInfo": found}, answerable=waits)


async def choose_pictures(
    world: World, user: User, button: str, key: str, pictures: Sequence[bytes]
) -> Outcome:
    """Tap a button for pictures; they follow as messages of their own."""
    must_follow(user)
    open_window(user.windows_of(world.official), Action.CLICK, world.clock.now())
    sums = [hashlib.md5(one, usedforsecurity=False).hexdigest() for one in pictures]
    items: list[Mapping[str, Value]] = [{"PicMd5Sum": one} for one in sums]
    info: dict[str, Value] = {"Count": len(items), "PicList": {"item": items}}
    return await tell(world, user, button, {"EventKey": key, "SendPicsInfo": info}, answerable=False)


async def choose_place(world: World, user: User, key: str, lat: float, lng: float, label: str) -> Outcome:
    """Tap a button for a place, GCJ-02; it follows as a message of its own. Strings, as WeChat writes them."""
    must_follow(user)
    open_window(user.windows_of(world.official), Action.CLICK, world.clock.now())
    info: dict[str, Value] = {
        "Location_X": f"{lat:.6f}",
        "Location_Y": f"{lng:.6f}",
        "Scale": "16",
        "Label": label,
        "Poiname": "",
    }
    return await tell(
        world, user, "location_select", {"EventKey": key, "SendLocationInfo": info}, answerable=False
    )


async def report_position(world: World, user: User, lat: float, lng: float, precision_m: float) -> Outcome:
    """The position WeChat tells by itself while the chat is open; may only be acknowledged."""
    must_follow(user)
    fields: dict[str, Value] = {"Latitude": lat, "Longitude": lng, "Precision": precision_m}
    return await tell(world, user, "LOCATION", fields, answerable=False)


async def revoke(world: World, user: User, account: Account, info: str) -> Outcome:
    """Take back what the account may know; `info` is WeChat's number of what was taken back."""
    fields: dict[str, Value] = {
        "OpenID": user.openids[account.app_id],
        "AppID": account.app_id,
        "RevokeInfo": info,
        "PluginID": "",
        "OpenPID": "",
    }
    return await tell(world, user, "user_authorization_revoke", fields, answerable=False, account=account)


async def answer_popup(
    world: World, user: User, account: Account, choices: Mapping[str, bool], *, long_term: bool = False
) -> Outcome:
    """Accept or reject notices of these templates where the account asked for it."""
    for template_id, accepted in choices.items():
        grants = user.grants.setdefault(template_id, Grants())
        if not accepted:
            user.grants[template_id] = Grants()
        elif long_term:
            grants.long_term = True
        else:
            grants.once += 1
    scene = "0" if account is world.mini_program else "1"
    items: list[Mapping[str, Value]] = [
        {"TemplateId": one, "SubscribeStatusString": _word(accepted), "PopupScene": scene}
        for one, accepted in choices.items()
    ]
    return await _tell_list(
        world, user, account, "subscribe_msg_popup_event", "SubscribeMsgPopupEvent", items
    )


async def turn_off(world: World, user: User, account: Account, template_ids: Sequence[str]) -> Outcome:
    """Refuse notices later, in the settings; accepting there is not told."""
    for template_id in template_ids:
        user.grants[template_id] = Grants()
    items: list[Mapping[str, Value]] = [
        {"TemplateId": one, "SubscribeStatusString": "reject"} for one in template_ids
    ]
    return await _tell_list(
        world, user, account, "subscribe_msg_change_event", "SubscribeMsgChangeEvent", items
    )


async def tell_sent(
    world: World, user: User, account: Account, template_id: str, msg_id: int, code: int, status: str
) -> Outcome:
    """WeChat's word of what became of a subscription message."""
    item: dict[str, Value] = {
        "TemplateId": template_id,
        "MsgID": str(msg_id),
        "ErrorCode": str(code),
        "ErrorStatus": status,
    }
    return await _tell_list(world, user, account, "subscribe_msg_sent_event", "SubscribeMsgSentEvent", [item])


async def tell_template_end(world: World, user: User, msg_id: int, status: str) -> Outcome:
    """WeChat's word of what became of a template message."""
    fields: dict[str, Value] = {"MsgID": msg_id, "Status": status}
    return await tell(world, user, "TEMPLATESENDJOBFINISH", fields, answerable=False)


async def tell(
    world: World,
    user: User,
    name: str,
    fields: Mapping[str, Value],
    *,
    answerable: bool = True,
    account: Account | None = None,
    in_json: Mapping[str, Value] | None = None,
) -> Outcome:
    """Push any event of this person, by default to the Official Account."""
    account = account or world.official
    push = event(
        name,
        sender=user.openids[account.app_id],
        account=account.original_id,
        at_s=int(time.time()),
        fields=fields,
        answerable=answerable,
        in_json=in_json,
    )
    return await deliver(world, user, push, account)


async def _tell_list(
    world: World, user: User, account: Account, name: str, within: str, items: Sequence[Mapping[str, Value]]
) -> Outcome:
    # XML has the repeated element inside one of its own, JSON an array at the top.
    fields: dict[str, Value] = {within: {"List": items}}
    return await tell(world, user, name, fields, answerable=False, account=account, in_json={"List": items})


async def _scanned(world: World, user: User, scene: str, ticket: str) -> Outcome:
    if not user.following:
        return await follow(world, user, scene=scene, ticket=ticket)
    open_window(user.windows_of(world.official), Action.SCAN, world.clock.now())
    return await tell(world, user, "SCAN", {"EventKey": scene, "Ticket": ticket})


def _ticket(world: World, scene: str) -> str:
    found = (one.ticket for one in world.official.scenes.values() if one.scene == scene)
    return next(found, f"gQ{secrets.token_urlsafe(12)}")


def _word(accepted: bool) -> str:
    return "accept" if accepted else "reject"
