"""What a person does on the phone: it opens windows, shows in the chat, and is pushed to the account."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator import samples
from simulator.callbacks import Outcome, deliver
from simulator.chat import Channel
from simulator.events import must_follow, tell
from simulator.files import File, keep
from simulator.geo import gcj02_to_wgs84
from simulator.messages import Value, message
from simulator.windows import Action, open_window
from simulator.world import User, World, next_msg_id


async def send_text(world: World, user: User, text: str, *, menu_id: str | None = None) -> Outcome:
    """Type words; with `menu_id` they come from tapping an item of a menu message."""
    action = Action.MESSAGE if menu_id is None else Action.CLICK
    fields: dict[str, Value] = {"Content": text}
    if menu_id is not None:
        fields["bizmsgmenuid"] = menu_id
    return await _say(world, user, "text", fields, {"text": text}, action)


async def send_file(world: World, user: User, kind: str, content: bytes, content_type: str) -> Outcome:
    """Send a picture, voice, video or shortvideo."""
    stored, seconds = _keep(world, kind, content, content_type), None
    fields: dict[str, Value] = {"MediaId": stored.media_id}
    if kind == "image":
        fields = {"PicUrl": f"{world.config.public_url}/__wechat__/files/{stored.media_id}", **fields}
    elif kind == "voice":
        fields["Format"] = "amr"
        seconds = samples.seconds_of(content)
    else:
        fields["ThumbMediaId"] = _keep(world, "thumb", samples.THUMB, "image/jpeg").media_id
    body: dict[str, Any] = {"url": f"__wechat__/files/{stored.media_id}", "media_id": stored.media_id}
    if seconds is not None:
        body["seconds"] = seconds
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


async def send_card(world: World, user: User, title: str, page: str) -> Outcome:
    """Share a page of the mini-program into the chat."""
    thumb = _keep(world, "thumb", samples.THUMB, "image/jpeg").media_id
    app_id = world.config.mp_app_id
    fields: dict[str, Value] = {
        "Title": title,
        "AppId": app_id,
        "PagePath": page,
        "ThumbUrl": f"{world.config.public_url}/__wechat__/files/{thumb}",
        "ThumbMediaId": thumb,
    }
    body = {"title": title, "appid": app_id, "pagepath": page, "thumb_url": f"__wechat__/files/{thumb}"}
    return await _say(world, user, "miniprogrampage", fields, body)


async def send_anything(world: World, user: User, kind: str, fields: Mapping[str, Value]) -> Outcome:
    """Send a message of a kind that nobody knows yet, or one of a known kind in a strange form."""
    return await _say(world, user, kind, fields, {"text": f"[{kind}]"})


async def write_to_mini_program(world: World, user: User, text: str) -> Outcome:
    """Write in the mini-program's customer chat; it answers by customer messages only."""
    account = world.mini_program
    open_window(user.windows_of(account), Action.MESSAGE, world.clock.now())
    msg_id = next_msg_id(world)
    push = message(
        "text",
        sender=user.openids[account.app_id],
        account=account.original_id,
        at_s=int(time.time()),
        msg_id=msg_id,
        fields={"Content": text},
    )
    return await deliver(world, user, replace(push, answerable=False), account)


async def enter_mini_program_chat(world: World, user: User, session_from: str) -> Outcome:
    """Open the mini-program's customer chat."""
    account = world.mini_program
    open_window(user.windows_of(account), Action.ENTER, world.clock.now())
    fields: dict[str, Value] = {"SessionFrom": session_from}
    return await tell(world, user, "user_enter_tempsession", fields, answerable=False, account=account)


async def _say(
    world: World,
    user: User,
    kind: str,
    fields: Mapping[str, Value],
    body: dict[str, Any],  # Any: whatever JSON can carry
    action: Action = Action.MESSAGE,
) -> Outcome:
    must_follow(user)
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
    return await deliver(world, user, push, world.official)


def _keep(world: World, kind: str, content: bytes, content_type: str) -> File:
    now = world.clock.now()
    files, app_id = world.files, world.config.app_id
    return keep(files, content, app_id=app_id, kind=kind, content_type=content_type, now=now)
