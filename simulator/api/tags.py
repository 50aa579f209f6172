"""Tags of followers: what conditional menus go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from simulator.api.wire import OFFICIAL, Answer, Call, endpoint, read_json
from simulator.belongings import Tag
from simulator.errors import refusal
from simulator.world import User, user_by_openid

MOST_TAGS, MOST_OF_A_PERSON, MOST_AT_ONCE = 100, 20, 50
_NAME_BYTES = 90  # thirty Chinese characters
_RESERVED = (0, 1, 2)
OK: Answer = {"errcode": 0, "errmsg": "ok"}


def mount(app: FastAPI) -> None:
    """Add them all."""
    tags = "/cgi-bin/tags"
    endpoint(app, "POST", f"{tags}/create", post_create, accounts=OFFICIAL)
    endpoint(app, "GET", f"{tags}/get", get_tags, accounts=OFFICIAL)
    endpoint(app, "POST", f"{tags}/update", post_update, accounts=OFFICIAL)
    endpoint(app, "POST", f"{tags}/delete", post_delete, accounts=OFFICIAL)
    endpoint(app, "POST", f"{tags}/members/batchtagging", post_tagging, accounts=OFFICIAL)
    endpoint(app, "POST", f"{tags}/members/batchuntagging", post_untagging, accounts=OFFICIAL)
    endpoint(app, "POST", f"{tags}/getidlist", post_ids, accounts=OFFICIAL)
    endpoint(app, "POST", "/cgi-bin/user/tag/get", post_members, accounts=OFFICIAL)


async def post_create(call: Call) -> Answer:
    """A new tag."""
    name = _name(call, read_json(call))
    if len(call.owner.tags) >= MOST_TAGS:
        raise refusal(45056)
    call.owner.last_tag_id += 1
    tag = Tag(call.owner.last_tag_id, name)
    call.owner.tags[tag.tag_id] = tag
    return {"tag": {"id": tag.tag_id, "name": tag.name}}


async def get_tags(call: Call) -> Answer:
    """Every tag, and how many have it."""
    tags = call.owner.tags.values()
    return {"tags": [{"id": tag.tag_id, "name": tag.name, "count": len(tag.users)} for tag in tags]}


async def post_update(call: Call) -> Answer:
    """Another name."""
    posted = read_json(call)
    tag = _tag(call, _given(posted).get("id"))
    tag.name = _name(call, posted)
    return OK


async def post_delete(call: Call) -> Answer:
    """Take a tag away from everybody."""
    tag = _tag(call, _given(read_json(call)).get("id"))
    del call.owner.tags[tag.tag_id]
    return OK


async def post_tagging(call: Call) -> Answer:
    """Give up to 50 followers a tag; all of them or none."""
    posted = read_json(call)
    tag, users = _tag(call, posted.get("tagid")), _users(call, posted)
    for user in users:
        if user.id not in tag.users and len(_tags_of(call, user)) >= MOST_OF_A_PERSON:
            raise refusal(45059)
    tag.users |= {user.id for user in users}
    return OK


async def post_untagging(call: Call) -> Answer:
    """Take a tag from up to 50 followers."""
    posted = read_json(call)
    tag, users = _tag(call, posted.get("tagid")), _users(call, posted)
    tag.users -= {user.id for user in users}
    return OK


async def post_ids(call: Call) -> Answer:
    """The tags of one person."""
    user = user_by_openid(call.world, call.owner, read_json(call).get("openid"))
    if user is None:
        raise refusal(40003)
    return {"tagid_list": _tags_of(call, user)}


async def post_members(call: Call) -> Answer:
    """Who has a tag; everybody at once."""
    tag = _tag(call, read_json(call).get("tagid"))
    openids = [call.world.users[user].openids[call.owner.app_id] for user in sorted(tag.users)]
    if not openids:
        return {"count": 0}
    return {"count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1]}


def _given(posted: Mapping[str, Any]) -> Mapping[str, Any]:
    tag = posted.get("tag")
    if not isinstance(tag, Mapping):
        raise refusal(47001)
    return tag


def _name(call: Call, posted: Mapping[str, Any]) -> str:
    given = _given(posted)
    name = given.get("name")
    if not isinstance(name, str) or not name or len(name.encode()) > _NAME_BYTES:
        raise refusal(45158)
    if any(tag.name == name and tag.tag_id != given.get("id") for tag in call.owner.tags.values()):
        raise refusal(45157)
    return name


def _tag(call: Call, tag_id: object) -> Tag:
    if tag_id in _RESERVED:
        raise refusal(45058)
    tag = call.owner.tags.get(tag_id) if isinstance(tag_id, int) else None
    if tag is None:
        raise refusal(45159)
    return tag


def _users(call: Call, posted: Mapping[str, Any]) -> list[User]:
    openids = posted.get("openid_list")
    if not isinstance(openids, list) or not 1 <= len(openids) <= MOST_AT_ONCE:
        raise refusal(40032)
    found = [user_by_openid(call.world, call.owner, openid) for openid in openids]
    users = [user for user in found if user is not None]
    if len(users) < len(found):
        raise refusal(40003)
    if not all(user.following for user in users):
        raise refusal(49003)
    return users


def _tags_of(call: Call, user: User) -> list[int]:
    return [tag.tag_id for tag in call.owner.tags.values() if user.id in tag.users]
