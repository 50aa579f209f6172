"""Ways into the mini-program: codes, schemes, links."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from simulator.api.notices import must_be_released
from simulator.api.wire import MINI_PROGRAM, Answer, Call, endpoint, read_json
from simulator.errors import refusal
from simulator.qrcodes import png

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
_VERSIONS = ("release", "trial", "develop")
_WIDTH_PX = (280, 1280)
MOST_DAYS = 30
MOST_PAGE_LETTERS = 128


def mount(app: FastAPI) -> None:
    """Add the three."""
    endpoint(app, "POST", "/wxa/getwxacodeunlimit", post_code, accounts=MINI_PROGRAM)
    endpoint(app, "POST", "/wxa/generatescheme", post_scheme, accounts=MINI_PROGRAM)
    endpoint(app, "POST", "/wxa/generate_urllink", post_link, accounts=MINI_PROGRAM)


async def post_code(call: Call) -> Answer:
    """The PNG of a code: a page and a scene of at most 32 characters."""
    posted = read_json(call)
    scene, page = posted.get("scene"), str(posted.get("page", ""))
    if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
        raise refusal(40169)
    if posted.get("env_version", "release") not in _VERSIONS:
        raise refusal(40097, "key: env_version")
    width = posted.get("width", 430)
    if not isinstance(width, int) or not _WIDTH_PX[0] <= width <= _WIDTH_PX[1]:
        raise refusal(40097, "key: width")
    # A query does not belong into the page, nor a slash before it.
    if page.startswith("/") or "?" in page or len(page) > MOST_PAGE_LETTERS:
        raise refusal(41030)
    if posted.get("check_path", True):
        must_be_released(call, page)
    words = f"{call.world.config.public_url}/chat#page={page}&scene={scene}"
    return Response(png(words), media_type="image/png")


async def post_scheme(call: Call) -> Answer:
    """An address that opens the mini-program from outside of WeChat."""
    posted = read_json(call)
    jump = posted.get("jump_wxa")
    _check(call, jump if isinstance(jump, Mapping) else {}, posted)
    link = f"weixin://dl/business/?t={secrets.token_urlsafe(8)}"
    return {"errcode": 0, "errmsg": "ok", "openlink": link}


async def post_link(call: Call) -> Answer:
    """The same as a page of the web."""
    posted = read_json(call)
    _check(call, posted, posted)
    return {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}


def _check(call: Call, jump: Mapping[str, Any], posted: Mapping[str, Any]) -> None:
    if jump.get("env_version", "release") not in _VERSIONS:
        raise refusal(40097, "key: env_version")
    page = str(jump.get("path", ""))
    if "?" in page:
        raise refusal(40165)
    must_be_released(call, page)
    days = posted.get("expire_interval", MOST_DAYS)
    if not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise refusal(85401)
