"""Files that people sent and the accounts uploaded: kept 3 days, each for one account."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

KEPT_S = 3 * 24 * 3600.0
MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """One file; `kind` is image, voice, video or thumb."""

    media_id: str
    app_id: str
    kind: str
    content_type: str
    name: str
    content: bytes = field(repr=False)
    ends_at: float


@dataclass(slots=True)
class Files:
    """Everything kept, by media id; the oldest go when all together pass 256 MiB."""

    by_id: dict[str, File] = field(default_factory=dict)
    size_bytes: int = 0


_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "audio/amr": "amr",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
}


def sniff(content: bytes) -> str | None:
    """The type by a file's first bytes; None for what WeChat does not take."""
    heads = (
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"#!AMR", "audio/amr"),
        (b"#!SILK", "audio/amr"),
        (b"ID3", "audio/mp3"),
        (b"\xff\xfb", "audio/mp3"),
        (b"\xff\xf3", "audio/mp3"),
    )
    found = next((kind for head, kind in heads if content.startswith(head)), None)
    return "video/mp4" if found is None and content[4:8] == b"ftyp" else found


def keep(files: Files, content: bytes, *, app_id: str, kind: str, content_type: str, now: float) -> File:
    """Store a file and return it with its media id."""
    media_id = secrets.token_urlsafe(48)
    name = f"{media_id[:16]}.{_ENDINGS.get(content_type, 'bin')}"
    file = File(media_id, app_id, kind, content_type, name, content, now + KEPT_S)
    files.by_id[media_id] = file
    files.size_bytes += len(content)
    while files.size_bytes > MOST_BYTES:
        oldest = files.by_id.pop(next(iter(files.by_id)))
        files.size_bytes -= len(oldest.content)
    return file


def find(files: Files, media_id: object, *, now: float, app_id: str | None = None) -> File | None:
    """The file, unless it is unknown, older than 3 days, or another account's (when `app_id` is given)."""
    file = files.by_id.get(media_id) if isinstance(media_id, str) else None
    if file is None or file.ends_at <= now or app_id not in (None, file.app_id):
        return None
    return file
