"""A medium as an answer to a request: which bytes, under which headers. It knows HTTP's words, no framework."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from app.kit.runtime import Runtime
from app.media.reading import Content, open_content
from app.media.showing import Found
from app.media.states import Variant

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_ENDINGS: Final = {"image/jpeg": "jpg", "audio/mpeg": "mp3", "video/mp4": "mp4"}
_GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


@dataclass(frozen=True, slots=True)
class Served:
    """What a door sends."""

    status: int
    headers: dict[str, str]
    body: AsyncIterator[bytes]


def span(asked: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a `Range` header, both counted; None: all of it, as one may answer any other header."""
    match = _RANGE.fullmatch(asked or "")
    if match is None or match[0] == "bytes=-":
        return None
    if match[1] == "":  # the last so many
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first, last = int(match[1]), min(size - 1, int(match[2])) if match[2] else size - 1
    return (first, last) if first <= last else None


async def serve(runtime: Runtime, found: Found, variant: Variant, asked: str | None) -> Served:
    """The answer to a request with this `Range` header.

    Raises:
        MediaNotFound, MediaUnreadable: before a byte is sent, as `reading.open_content` says.
    """
    content = await open_content(runtime, found.medium, variant)
    part = span(asked, content.size)
    first, last = part or (0, content.size - 1)
    headers = _GUARDS | {
        "Content-Type": content.content_type,
        "Content-Length": str(last - first + 1),
        "Content-Disposition": _disposition(content, found.name, variant),
    }
    if part is None:
        return Served(HTTPStatus.OK, headers, content.part(first, last))
    headers["Content-Range"] = f"bytes {first}-{last}/{content.size}"
    return Served(HTTPStatus.PARTIAL_CONTENT, headers, content.part(first, last))


def _disposition(content: Content, name: str, variant: Variant) -> str:
    """A copy is shown where it stands; an original is only ever saved, under a name nothing opens by itself."""
    if variant is Variant.ORIGINAL:
        return f'attachment; filename="{name}.original"'
    return f'inline; filename="{name}.{_ENDINGS.get(content.content_type, "bin")}"'
