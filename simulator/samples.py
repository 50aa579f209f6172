"""Files that a phone could have recorded: a voice in AMR-NB, a film in MP4, a picture in PNG; and a still."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

# Both made for this: a gliding buzz in syllables (AMR-NB, 2.4 s); a blue cart that crosses a yard (H.264, 3 s).
_STATIC = Path(__file__).parent / "static"
_AMR_FRAMES_A_SECOND = 50
_FRAME_BYTES = {
    0: 13,
    1: 14,
    2: 16,
    3: 18,
    4: 20,
    5: 21,
    6: 27,
    7: 32,
    8: 6,
    15: 1,
}  # by mode, header included

# Grey, 1x1 pixel: the still that WeChat makes of a video.
THUMB = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8Q"
    "EBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)


def voice(*, seconds: float = 2.4) -> bytes:
    """An AMR-NB voice, 8 kHz mono, so long (0.02 to 60 s)."""
    head, frames = _amr()
    count = min(max(round(seconds * _AMR_FRAMES_A_SECOND), 1), 60 * _AMR_FRAMES_A_SECOND)
    return head + b"".join(frames[number % len(frames)] for number in range(count))


def film() -> bytes:
    """An MP4 of 3 s, 160x120, H.264, silent."""
    return (_STATIC / "sample.mp4").read_bytes()


def picture(*, width: int = 320, height: int = 240, shade: int = 0) -> bytes:
    """A PNG of a wall and a floor; `shade` makes another one of it."""
    rows = bytearray()
    for y in range(height):
        wall = y < height * 2 // 3
        colour = (200 - y // 4, 190, 170 + shade % 80) if wall else (120, 110 + shade % 90, 100)
        rows += b"\0" + bytes(colour) * width
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(bytes(rows))), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def seconds_of(content: bytes) -> float | None:
    """How long a voice in AMR-NB is; None for anything else, and for a broken one."""
    if not content.startswith(b"#!AMR\n"):
        return None
    at, frames = 6, 0
    while at < len(content):
        size = _FRAME_BYTES.get(content[at] >> 3 & 15)
        if size is None:
            return None
        at, frames = at + size, frames + 1
    return frames / _AMR_FRAMES_A_SECOND


def _amr() -> tuple[bytes, list[bytes]]:
    content = (_STATIC / "sample.amr").read_bytes()
    head, rest = content[:6], content[6:]
    size = _FRAME_BYTES[rest[0] >> 3 & 15]
    return head, [rest[at : at + size] for at in range(0, len(rest), size)]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
