"""What a person does on the phone: it opens windows, shows in the chat, and is pushed to the account."""

from __future__ import annotations

import base64
import time
from typing import Any

from simulator.callbacks import Outcome, deliver
from simulator.chat import Channel
from simulator.files import File, keep
from simulator.geo import gcj02_to_wgs84
from simulator.messages import Value, event, message
from simulator.windows import Action, close_windows, open_window
from simulator.world import User, World, next_msg_id

# Grey, 1x1 pixel: the still that WeChat makes of a video.
_THUMB = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8Q"
    "EBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)


class NotFollowing(Exception):
    """Who does not follow the account cannot write to it."""


async def send_text(world: World, user: User, text: str, *, menu_id: str | None = None) -> Outcome:
    """Type words; with `menu_id` they come from tapping an item of a menu message."""
    action = Action.MESSAGE if menu_id is None else Action.CLICK
    fields: dict[str, Value] = {"Content": text}
    if menu_id is not None:
        fields["bizmsgmenuid"] = menu_id
    return await _say(world, user, "text", fields, {"text": text}, action)


async def send_file(world: World, user: User, kind: str, content: bytes, content_type: str) -> Outcome:
    """Send a picture, voice, video or shortvideo."""
    stored = _keep(world, kind, content, content_type)
    fields: dict[str, Value] = {"MediaId": stored.media_id}
    if kind == "image":
        fields = {"PicUrl": f"{world.config.public_url}/__wechat__/files/{stored.media_id}", **fields}
    elif kind == "voice":
        fields["Format"] = "amr"
    else:
        fields["ThumbMediaId"] = _keep(world, "thumb", _THUMB, "image/jpeg").media_id
    body = {"url": f"__wechat__/files/{stored.media_id}", "media_id": stored.media_id}
    return await _say(world, user, kind, fields, body)


async def send_location(
    world: World, user: User, lat: float, lng: float, *, label: str = "", scale: int = 16
) -> Outcome:
    """Send a place, GCJ-02 degrees, as WeChat's own map gives it."""
    fields: dict[str, Value] = {"Location_X": lat, "Location_Y": lng, "Scale": scale, "Label": label}
    wgs84 = gcj02_to_wgs84(lat, lng)
    body = {"lat": lat, "lng": lng, "label": label, "wgs84": {"lat": wgs84[0], "lng": wgs84[1]}}
    return await _say(world, user, "location", fields, body)


async def send_link(world: World, user: User, title: str, description: str, url: str) -> Outcome:
    """Share a link into the chat."""
    fields: dict[str, Value] = {"Title": title, "Description": description, "Url": url}
    body = {"title": title, "description": description, "url": url}
    return await _say(world, user, "link", fields, body)


async def follow(world: World, user: User, *, scene: str | None = None) -> Outcome:
    """Follow the account, by scanning its code when there is a `scene`."""
    user.following = True
    fields: dict[str, Value] = {"EventKey": ""}
    if scene is not None:
        fields = {"EventKey": f"qrscene_{scene}", "Ticket": f"ticket-{scene}"}
    user.chat.add(Channel.SYSTEM, "followed", {})
    open_window(user.windows_of(world.official), Action.FOLLOW, world.clock.now())
    return await _event(world, user, "subscribe", fields)


async def unfollow(world: World, user: User) -> Outcome:
    """Unfollow: nothing can be sent any more, and no answer is shown."""
    user.following = False
    close_windows(user.windows_of(world.official))
    user.chat.add(Channel.SYSTEM, "unfollowed", {})
    return await _event(world, user, "unsubscribe", {"EventKey": ""}, answerable=False)


async def scan(world: World, user: User, scene: str) -> Outcome:
    """Scan the account's code: a SCAN for a follower, a follow for anybody else."""
    if not user.following:
        return await follow(world, user, scene=scene)
    open_window(user.windows_of(world.official), Action.SCAN, world.clock.now())
    return await _event(world, user, "SCAN", {"EventKey": scene, "Ticket": f"ticket-{scene}"})


async def click(world: World, user: User, key: str) -> Outcome:
    """Tap a menu button of type click."""
    _must_follow(user)
    open_window(user.windows_of(world.official), Action.CLICK, world.clock.now())
    return await _event(world, user, "CLICK", {"EventKey": key})


async def view(world: World, user: User, target: str, *, mini_program: bool = False) -> Outcome:
    """Tap a menu button that opens a page, or a page of the mini-program; opens no window."""
    _must_follow(user)
    name = "view_miniprogram" if mini_program else "VIEW"
    return await _event(world, user, name, {"EventKey": target, "MenuId": "1"}, answerable=False)


async def report_position(world: World, user: User, lat: float, lng: float, precision_m: float) -> Outcome:
    """The position WeChat tells by itself while the chat is open; may only be acknowledged."""
    _must_follow(user)
    fields: dict[str, Value] = {"Latitude": lat, "Longitude": lng, "Precision": precision_m}
    return await _event(world, user, "LOCATION", fields, answerable=False)


async def tell_template_end(world: World, user: User, msg_id: int, status: str) -> Outcome:
    """WeChat's word of what became of a template message."""
    fields: dict[str, Value] = {"MsgID": msg_id, "Status": status}
    return await _event(world, user, "TEMPLATESENDJOBFINISH", fields, answerable=False)


async def _say(
    world: World,
    user: User,
    kind: str,
    fields: dict[str, Value],
    body: dict[str, Any],  # Any: whatever JSON can carry
    action: Action = Action.MESSAGE,
) -> Outcome:
    _must_follow(user)
    open_window(user.windows_of(world.official), action, world.clock.now())
    msg_id = next_msg_id(world)
    push = message(
        kind,
        sender=user.openids[world.config.app_id],
        account=world.config.original_id,
        at_s=int(time.time()),
        msg_id=msg_id,
        fields=fields,
    )
    user.chat.add(Channel.OWN, kind, body, str(msg_id))
    return await deliver(world, user, push)


async def _event(
    world: World, user: User, name: str, fields: dict[str, Value], *, answerable: bool = True
) -> Outcome:
    push = event(
        name,
        sender=user.openids[world.config.app_id],
        account=world.config.original_id,
        at_s=int(time.time()),
        fields=fields,
        answerable=answerable,
    )
    return await deliver(world, user, push)


def _must_follow(user: User) -> None:
    if not user.following:
        raise NotFollowing(f"user {user.id} does not follow the account; POST .../follow first")


def _keep(world: World, kind: str, content: bytes, content_type: str) -> File:
    now = world.clock.now()
    files, app_id = world.files, world.config.app_id
    return keep(files, content, app_id=app_id, kind=kind, content_type=content_type, now=now)
