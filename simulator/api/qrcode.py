"""Codes with a scene: for a while or for good; the picture of one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from simulator.api.wire import ANYONE, OFFICIAL, Answer, Call, endpoint, read_json
from simulator.belongings import Scene
from simulator.errors import refusal
from simulator.qrcodes import png

MOST_S = 2_592_000
LEAST_S = 60
MOST_LASTING = 100_000
_TEMPORARY = {"QR_SCENE": "scene_id", "QR_STR_SCENE": "scene_str"}
_LASTING = {"QR_LIMIT_SCENE": "scene_id", "QR_LIMIT_STR_SCENE": "scene_str"}


def mount(app: FastAPI) -> None:
    """Add both; the picture is public."""
    endpoint(app, "POST", "/cgi-bin/qrcode/create", post_create, accounts=OFFICIAL)
    endpoint(app, "GET", "/cgi-bin/showqrcode", get_picture, accounts=ANYONE)


async def post_create(call: Call) -> Answer:
    """A code; a temporary one lives 60 s without `expire_seconds`, 30 days at most."""
    posted = read_json(call)
    name = str(posted.get("action_name", ""))
    if name not in {**_TEMPORARY, **_LASTING}:
        raise refusal(40053)
    scene = _scene(posted, name)
    now = call.world.clock.now()
    life_s = _life_s(posted) if name in _TEMPORARY else None
    if life_s is None and sum(one.ends_at is None for one in call.owner.scenes.values()) >= MOST_LASTING:
        raise refusal(45029)
    ticket = f"gQ{secrets.token_urlsafe(60)}"
    url = f"http://weixin.qq.com/q/{secrets.token_urlsafe(16)}"
    call.owner.scenes[ticket] = Scene(ticket, scene, url, now + life_s if life_s else None)
    return {"ticket": ticket, **({"expire_seconds": life_s} if life_s else {}), "url": url}


async def get_picture(call: Call) -> Answer:
    """The PNG of a ticket; without one WeChat has no page."""
    found = call.world.official.scenes.get(call.query("ticket"))
    if found is None:
        return Response("<html><body>404</body></html>", 404, media_type="text/html")
    return Response(png(found.url), media_type="image/jpg")


def _scene(posted: Mapping[str, Any], name: str) -> str:
    info = posted.get("action_info")
    scene = info.get("scene") if isinstance(info, Mapping) else None
    if not isinstance(scene, Mapping):
        raise refusal(40035, "key: action_info.scene")
    key = {**_TEMPORARY, **_LASTING}[name]
    value = scene.get(key)
    if key == "scene_str":
        if not isinstance(value, str) or not 1 <= len(value) <= 64:
            raise refusal(40054, "key: scene_str")
        return value
    most = MOST_LASTING if name in _LASTING else 2**32 - 1
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise refusal(40054, "key: scene_id")
    return str(value)


def _life_s(posted: Mapping[str, Any]) -> int:
    given = posted.get("expire_seconds", LEAST_S)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise refusal(40052)
    return min(given, MOST_S)
