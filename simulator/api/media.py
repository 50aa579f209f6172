"""Files: upload for 3 days, and download of what people sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import FastAPI
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from simulator.api.wire import BOTH, Answer, Call, endpoint
from simulator.errors import refusal
from simulator.files import find, keep, sniff
from simulator.world import Kind

_IMAGES = {"image/jpeg", "image/png", "image/gif", "image/bmp"}
_MEGABYTE = 1024 * 1024
# kind: types taken, most bytes, the refusal beyond
_RULES = {
    "image": (_IMAGES, 10 * _MEGABYTE, 40009),
    "voice": ({"audio/amr", "audio/mp3"}, 2 * _MEGABYTE, 40010),
    "video": ({"video/mp4"}, 10 * _MEGABYTE, 40011),
    "thumb": ({"image/jpeg"}, 64 * 1024, 40012),
}


def mount(app: FastAPI) -> None:
    """Add both."""
    endpoint(app, "GET", "/cgi-bin/media/get", get_media, accounts=BOTH)
    endpoint(app, "POST", "/cgi-bin/media/upload", post_media, accounts=BOTH)


async def get_media(call: Call) -> Answer:
    """The bytes, or for a video an address where they are."""
    media_id = call.query("media_id")
    if not media_id:
        raise refusal(41006)
    file = find(call.world.files, media_id, now=call.world.clock.now(), app_id=call.owner.app_id)
    if file is None:
        raise refusal(40007)
    if file.kind in ("video", "shortvideo"):
        return {"video_url": f"{call.world.config.public_url}/__wechat__/files/{file.media_id}"}
    disposition = {"Content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.content_type, headers=disposition)


async def post_media(call: Call) -> Answer:
    """Keep an uploaded file: multipart, in the field `media`. A mini-program may upload images only."""
    kind = call.query("type")
    if kind not in _RULES or (call.owner.kind is Kind.MINI_PROGRAM and kind != "image"):
        raise refusal(40004)
    content = await _uploaded(call)
    types, most_bytes, beyond = _RULES[kind]
    if not content:
        raise refusal(44001)
    if len(content) > most_bytes:
        raise refusal(beyond)
    content_type = sniff(content)
    if content_type not in types:
        raise refusal(40005)
    now = call.world.clock.now()
    owner = call.owner.app_id
    file = keep(call.world.files, content, app_id=owner, kind=kind, content_type=content_type, now=now)
    name = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, name: file.media_id, "created_at": int(now)}


async def _uploaded(call: Call) -> bytes:
    async def once() -> AsyncGenerator[bytes, None]:
        yield call.body

    if not call.request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise refusal(41005)
    try:
        form = await MultiPartParser(call.request.headers, once()).parse()
    except (MultiPartException, KeyError):
        raise refusal(41005) from None
    part = form.get("media")
    if not isinstance(part, UploadFile):
        raise refusal(41005)
    return await part.read()
