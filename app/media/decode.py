"""What a stranger sent, made safe to show: run as a process of its own, which may be killed at any moment.

`python -I decode.py KIND` reads a file from stdin and writes to stdout one line of JSON, then the copy to be
served. It limits itself before it looks at the first byte: memory, seconds of CPU, no file or socket opened. It
imports nothing of ours and is given no secret (`app.media.check` starts it with an empty environment).

Types are found by content. Demuxers are named, never guessed, so that no playlist or reference to another file is
followed. What is read is written anew: pictures as JPEG, speech as MP3, films as MP4 with their packets copied;
whatever stood beside picture, sound and film (places, devices, names, trailing bytes) is not in the copy.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable
from typing import Any, Final

import av
import av.subtitles.stream  # what av would import at its first file, when nothing can be opened any more
import PIL.Image
from av.error import FFmpegError
from PIL import ImageCms, ImageOps

MEMORY_BYTES: Final = 1 << 30
CPU_S: Final = 20
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
LONGEST_SIDE_PX: Final = 16_384
SHOWN_SIDE_PX: Final = 4096
"""The longest side of a served picture; the original keeps its own."""
JPEG_QUALITY: Final = 88
VOICE_RATE_HZ: Final = 16_000
VOICE_BIT_RATE: Final = 48_000
LONGEST_VOICE_S: Final = 180
LONGEST_VIDEO_S: Final = 300
VIDEO_SIDE_PX: Final = 4096

_PICTURES: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
_VIDEO_CODECS: Final = ("h264", "hevc")
_AUDIO_CODECS: Final = ("aac", "mp3")
_SOUND_HEADS: Final = (
    (b"#!AMR", "amr"), (b"ID3", "mp3"), (b"\xff\xfb", "mp3"), (b"\xff\xf3", "mp3"), (b"\xff\xf2", "mp3"),
    (b"OggS", "ogg"),
)  # fmt: skip


class Refused(Exception):
    """Not to be shown: `reason` is wrong_type, too_large, too_long, codec or unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Copy = tuple[bytes, dict[str, Any]]
"""The served copy, and what the row keeps of it."""


def limit() -> None:
    """Bound this process; what it decodes can then harm nobody else. Whatever it needs is imported before."""
    PIL.Image.init()
    if sys.platform != "darwin":  # macOS knows the limit and does not hold it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # In, out and errors are open; nothing else can be: no file of the service, no socket, no other process's memory.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def picture(content: bytes) -> Copy:
    """A JPEG of the first frame, upright, in sRGB, without anything beside its pixels."""
    PIL.Image.MAX_IMAGE_PIXELS = None  # judged below, before a pixel is decoded
    try:
        found = PIL.Image.open(io.BytesIO(content), formats=_PICTURES)
    except PIL.UnidentifiedImageError:
        raise Refused("wrong_type") from None
    with found:
        width, height = found.size
        if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE_PX:
            raise Refused("too_large")
        kind = PIL.Image.MIME[found.format or "JPEG"]
        found.draft("RGB", (SHOWN_SIDE_PX, SHOWN_SIDE_PX))
        found.load()
        shown = _flat(ImageOps.exif_transpose(found))
    shown.thumbnail((SHOWN_SIDE_PX, SHOWN_SIDE_PX))
    clean = PIL.Image.new("RGB", shown.size)  # a new one: `save` would write what `info` still holds
    clean.paste(shown)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), {
        "type": kind, "served_type": "image/jpeg", "width": clean.width, "height": clean.height,
    }  # fmt: skip


def _flat(image: PIL.Image.Image) -> PIL.Image.Image:
    """In RGB as a screen shows it; what is transparent becomes white."""
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        flat = PIL.Image.new("RGB", seen.size, "white")
        flat.paste(seen, mask=seen.getchannel("A"))
        return flat
    if profile and image.mode == "RGB":
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), inPlace=True)
        except (ImageCms.PyCMSError, OSError):
            return image  # colours a little off, not a picture less
    return image.convert("RGB")


def voice(content: bytes) -> Copy:
    """Speech as MP3, one channel, decoded and encoded anew: every browser plays it, none plays AMR."""
    demuxer = _sound_demuxer(content)
    out = io.BytesIO()
    seconds = 0.0
    with av.open(io.BytesIO(content), "r", format=demuxer) as given:
        if not given.streams.audio:
            raise Refused("wrong_type")
        heard = given.streams.audio[0]
        heard.codec_context.thread_count = 1
        with av.open(out, "w", format="mp3", options=_BARE_MP3) as made:
            stream = made.add_stream("libmp3lame", rate=VOICE_RATE_HZ, layout="mono")
            stream.bit_rate = VOICE_BIT_RATE
            even = av.AudioResampler(format="s16p", layout="mono", rate=VOICE_RATE_HZ)
            for packet in given.demux(heard):
                for frame in _frames(packet):
                    seconds += frame.samples / frame.sample_rate
                    if seconds > LONGEST_VOICE_S:
                        raise Refused("too_long")
                    frame.pts = None  # by count of samples: what the file says of its times is not believed
                    for part in even.resample(frame):
                        made.mux(stream.encode(part))
            if not seconds:
                raise Refused("unreadable")
            for part in even.resample(None):
                made.mux(stream.encode(part))
            made.mux(stream.encode(None))
    facts = {"type": _SOUND_TYPES[demuxer], "served_type": "audio/mpeg", "duration_ms": round(seconds * 1000)}
    return out.getvalue(), facts


_BARE_MP3: Final = {"id3v2_version": "0", "write_xing": "0", "fflags": "+bitexact"}
_SOUND_TYPES: Final = {
    "amr": "audio/amr", "mp3": "audio/mpeg", "ogg": "audio/ogg", "wav": "audio/wav", "mov": "audio/mp4",
}  # fmt: skip


def _sound_demuxer(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav"
    if content[4:8] == b"ftyp":
        return "mov"
    for head, demuxer in _SOUND_HEADS:
        if content.startswith(head):
            return demuxer
    raise Refused("codec" if content.startswith((b"#!SILK", b"\x02#!SILK")) else "wrong_type")


def _frames(packet: Any) -> list[Any]:  # av's packet and frames
    """What a packet holds; one that is damaged holds nothing, the rest is still heard."""
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


def video(content: bytes) -> Copy:
    """The same film and sound in a new MP4, playable from its first bytes on; nothing else of the file."""
    if content[4:8] != b"ftyp":
        raise Refused("wrong_type")
    facts = _looked_at(content)
    out = io.BytesIO()

    def again(_: str, flags: int, __: object) -> io.BytesIO:
        """`faststart` reads what it wrote, to put the index first."""
        return io.BytesIO(out.getvalue()) if flags == 1 else out

    with (
        av.open(io.BytesIO(content), "r", format="mov") as given,
        av.open(out, "w", format="mp4", options=_BARE_MP4, io_open=again) as made,
    ):
        kept = _kept(given)
        to = {stream.index: made.add_stream_from_template(stream) for stream in kept}
        for stream in to.values():
            stream.metadata.clear()
        for packet in given.demux(kept):
            if packet.dts is None:
                continue
            if packet.dts * (packet.time_base or 0) > LONGEST_VIDEO_S:
                raise Refused("too_long")
            packet.stream = to[packet.stream.index]
            made.mux(packet)
    return out.getvalue(), facts


_BARE_MP4: Final = {"movflags": "+faststart", "fflags": "+bitexact"}


def _kept(given: Any) -> list[Any]:  # av's container and streams
    """The film and, if there is one, its sound. Raises: Refused."""
    films = [s for s in given.streams.video if not s.disposition & s.disposition.attached_pic]
    if not films:
        raise Refused("wrong_type")
    kept = [films[0], *given.streams.audio[:1]]
    if films[0].codec_context.name not in _VIDEO_CODECS:
        raise Refused("codec")
    return [s for s in kept if s is films[0] or s.codec_context.name in _AUDIO_CODECS]


def _looked_at(content: bytes) -> dict[str, Any]:
    """Whether it is a film at all: one picture of it can be decoded."""
    with av.open(io.BytesIO(content), "r", format="mov") as given:
        film = _kept(given)[0]
        film.codec_context.thread_count = 1
        if max(film.width, film.height) > VIDEO_SIDE_PX:
            raise Refused("too_large")
        duration_ms = (given.duration or 0) // 1000
        if duration_ms > LONGEST_VIDEO_S * 1000:
            raise Refused("too_long")
        if next(iter(given.decode(film)), None) is None:
            raise Refused("unreadable")
        return {
            "type": "video/mp4", "served_type": "video/mp4", "width": film.width, "height": film.height,
            "duration_ms": duration_ms,
        }  # fmt: skip


KINDS: Final[dict[str, Callable[[bytes], Copy]]] = {
    "image": picture, "voice": voice, "video": video, "shortvideo": video,
}  # fmt: skip


def main() -> None:
    """One file, one answer."""
    limit()
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        if len(content) > MOST_BYTES:
            raise Refused("too_large")
        served, facts = KINDS[sys.argv[1]](content)
    except Refused as refused:
        served, facts = b"", {"refused": refused.reason}
    except MemoryError:
        served, facts = b"", {"refused": "too_large"}
    except (OSError, ValueError, SyntaxError, FFmpegError, ArithmeticError, EOFError):
        # What Pillow and FFmpeg say of damaged files.
        served, facts = b"", {"refused": "unreadable"}
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + served)


if __name__ == "__main__":
    main()
