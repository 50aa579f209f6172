"""The Official Account itself: where its callbacks come from, and what it is told of a follower."""

from __future__ import annotations

from fastapi import FastAPI

from simulator.api.wire import BOTH, OFFICIAL, Answer, Call, endpoint
from simulator.errors import refusal
from simulator.world import user_by_openid


def mount(app: FastAPI) -> None:
    """Add its endpoints."""
    endpoint(app, "GET", "/cgi-bin/getcallbackip", get_callback_ip, accounts=BOTH)
    endpoint(app, "GET", "/cgi-bin/user/info", get_user_info, accounts=OFFICIAL)


async def get_callback_ip(call: Call) -> Answer:
    """Where callbacks come from: this machine."""
    return {"ip_list": ["127.0.0.1"]}


async def get_user_info(call: Call) -> Answer:
    """Whether somebody follows; the unionid only of a follower. No name and no picture, as since 2021."""
    user = user_by_openid(call.world, call.owner, call.query("openid"))
    if user is None:
        raise refusal(40003)
    told: dict[str, object] = {"subscribe": int(user.following), "openid": user.openids[call.owner.app_id]}
    if not user.following:
        return told
    joined = {"unionid": user.unionid} if user.unionid else {}
    return (
        told
        | {
            "language": user.language,
            "subscribe_time": int(user.subscribed_at),
            "remark": "",
            "groupid": 0,
            "tagid_list": [tag.tag_id for tag in call.owner.tags.values() if user.id in tag.users],
            "subscribe_scene": user.came_by,
            "qr_scene": int(user.came_with) if user.came_with.isdecimal() else 0,
            "qr_scene_str": "" if user.came_with.isdecimal() else user.came_with,
        }
        | joined
    )
