"""Files as people and their enemies send them, made here."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction

import av
from PIL import Image

GPS = (32.0, 3.0, 36.0)


def jpeg(*, size: tuple[int, int] = (60, 40), orientation: int = 1, gps: bool = True) -> bytes:
    """A photo, red above and blue below, with where it was made, by what, and a comment."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, size[1] // 2, *size))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "SecretPhone"
    if gps:
        place = exif.get_ifd(0x8825)
        place[1], place[2], place[3], place[4] = "N", GPS, "E", (118.0, 49.0, 12.0)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"secret comment", quality=95)
    return out.getvalue()


def picture(kind: str) -> bytes:
    """A small picture in another format."""
    out = io.BytesIO()
    Image.new("RGBA" if kind in ("PNG", "WEBP") else "RGB", (30, 20), (0, 128, 0)).save(out, kind)
    return out.getvalue()


def png_of(width: int, height: int, *, filled: bool) -> bytes:
    """A PNG that claims this size; `filled`: the pixels are there, as zeros that deflate to almost nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = b""
    if filled:
        squeeze = zlib.compressobj(9)
        row = bytes(width + 1)
        pixels = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def amr(seconds: int = 2) -> bytes:
    """AMR-NB at 12.2 kbit/s by hand: each frame 20 ms, its header 0x3C, then 31 bytes of 244 speech bits."""
    return b"#!AMR\n" + b"".join(
        b"\x3c" + bytes((n * 31 + i * 7) % 256 for i in range(31)) for n in range(50 * seconds)
    )


def mp4(*, seconds: int = 1, rotated: bool = False) -> bytes:
    """A film with sound, with a title, a place and a comment; `rotated`: as a phone held upright writes it."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as made:
        made.metadata.update(title="secret title", location="+32.0600+118.8200/", comment="secret comment")
        film = made.add_stream("libx264", rate=25)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        film.metadata["handler_name"] = "SecretPhone"
        sound = made.add_stream("aac", rate=16000, layout="mono")
        for n in range(25 * seconds):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([n * 5 % 256]) * plane.buffer_size)
            frame.pts, frame.time_base = n, Fraction(1, 25)
            made.mux(film.encode(frame))
        made.mux(film.encode(None))
        for n in range(15 * seconds):
            heard = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            heard.planes[0].update(bytes(4096))
            heard.sample_rate, heard.pts = 16000, n * 1024
            made.mux(sound.encode(heard))
        made.mux(sound.encode(None))
    content = out.getvalue()
    return _upright(content) if rotated else content


def _upright(content: bytes) -> bytes:
    """The film's matrix in `tkhd` (ISO 14496-12, 8.3.2) turned by 90 degrees."""
    at = (
        content.index(b"tkhd") + 4 + 40
    )  # version and flags, times, id, reserved, duration, layer, volume: 40 bytes
    one, minus, w = 0x10000, 0x100000000 - 0x10000, 0x40000000
    matrix = struct.pack(">9I", 0, one, 0, minus, 0, 0, 0, 0, w)
    return content[:at] + matrix + content[at + 36 :]
