"""Sound as WeChat has it and as browsers have it, where the library for that is installed; else neither is changed."""

from __future__ import annotations

import asyncio
from io import BytesIO

RATE_HZ = 8000
LONGEST_S = 60


class NoSound(Exception):
    """Nothing that can be heard, or nothing here to hear it with."""


async def to_amr(recorded: bytes) -> bytes:
    """What a browser recorded, as AMR-NB of at most 60 s.

    Raises:
        NoSound: not a recording, or PyAV is not installed.
    """
    return await asyncio.to_thread(_convert, recorded, "amr", "libopencore_amrnb")


async def to_wav(voice: bytes) -> bytes:
    """A voice as a WAV that every browser plays.

    Raises:
        NoSound: not a voice, or PyAV is not installed.
    """
    return await asyncio.to_thread(_convert, voice, "wav", "pcm_s16le")


def _convert(content: bytes, form: str, codec: str) -> bytes:
    try:
        import av
    except ImportError:
        raise NoSound("PyAV is not installed: voices are kept as they come") from None
    out = BytesIO()
    try:
        with av.open(BytesIO(content), "r") as source, av.open(out, "w", format=form) as target:
            stream = target.add_stream(codec, rate=RATE_HZ)
            if not isinstance(stream, av.AudioStream):
                raise NoSound(f"{codec} is not for sound")
            stream.layout = "mono"
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ, frame_size=160)
            written = 0
            for frame in [*source.decode(audio=0), None]:
                for part in resampler.resample(frame):
                    if written < LONGEST_S * RATE_HZ and part.samples:
                        part.pts, written = written, written + part.samples
                        target.mux(stream.encode(part))
            target.mux(stream.encode(None))
    except (av.FFmpegError, IndexError, ValueError, OSError) as problem:
        raise NoSound(f"this cannot be heard ({type(problem).__name__})") from None
    return out.getvalue()
