"""Looking at what a stranger sent, without this process ever decoding a byte of it.

`decode.py` runs as a process of its own, with limits it sets itself, an empty environment and nothing but pipes;
here it is given the bytes, a time-out, and is killed when that is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from app.media.states import MediaKind, Reason

log = structlog.get_logger()

TIMEOUT_S: Final = 30.0
MOST_BYTES: Final = 48 * 1024 * 1024
SERVED_AS: Final = {
    MediaKind.IMAGE: "image/jpeg",
    MediaKind.VOICE: "audio/mpeg",
    MediaKind.VIDEO: "video/mp4",
    MediaKind.SHORTVIDEO: "video/mp4",
}
AT_ONCE: Final = 2
"""Children at one time: each may take a gigabyte."""
_PROGRAM: Final = Path(__file__).with_name("decode.py")
_turns: Final = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `refused` None: `served` is the copy to show, in `served_type`."""

    refused: Reason | None = None
    served: bytes = field(default=b"", repr=False)
    original_type: str | None = None
    served_type: str | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


async def check(
    content: bytes, kind: MediaKind, *, timeout_s: float = TIMEOUT_S, program: Path = _PROGRAM
) -> Checked:
    """Decode `content` as what it should be, in a child that is gone when this returns. Raises nothing of the content's."""
    async with _turns:
        return await _check(content, kind, timeout_s, program)


async def _check(content: bytes, kind: MediaKind, timeout_s: float, program: Path) -> Checked:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-B", str(program), str(kind), env={"LC_ALL": "C.UTF-8"}, cwd="/",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout_s):
            said = await _converse(child, content)
    except TimeoutError:
        log.warning("media_decoder_killed", kind=str(kind), size=len(content), after_s=timeout_s)
        return Checked(refused=Reason.TOO_MUCH_WORK)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode:  # by a signal of its own limits, or an error nobody foresaw
        log.warning("media_decoder_died", kind=str(kind), size=len(content), exit_code=child.returncode)
        return Checked(refused=Reason.TOO_MUCH_WORK if child.returncode < 0 else Reason.UNREADABLE)
    return _read(said, kind)


async def _converse(child: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Give it the file, hear what it says, and no more than a copy can be."""
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the decoder was started without its pipes")
    feeding = asyncio.create_task(_feed(child.stdin, content))
    said = bytearray()
    while len(said) <= MOST_BYTES and (part := await child.stdout.read(1 << 20)):
        said += part
    if len(said) > MOST_BYTES:
        child.kill()
    await feeding
    await child.wait()
    return bytes(said)


async def _feed(pipe: asyncio.StreamWriter, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has seen enough
        pipe.write(content)
        await pipe.drain()
        pipe.close()


def _read(said: bytes, kind: MediaKind) -> Checked:
    """What the child says is a stranger's word too: what it decoded may have taken it over."""
    head, _, served = said.partition(b"\n")
    try:
        facts = json.loads(head)
        if refused := facts.get("refused"):
            return Checked(refused=Reason(refused))
        if facts["served_type"] != SERVED_AS[kind] or not re.fullmatch(
            r"[a-z]+/[a-z0-9.-]{1,30}", facts["type"]
        ):
            raise ValueError("another type than asked for")
        sizes = [None if facts.get(n) is None else int(facts[n]) for n in ("width", "height", "duration_ms")]
        if any(size is not None and not 0 <= size < 2**31 for size in sizes):
            raise ValueError("a size that is none")
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        log.error("media_decoder_babbled", kind=str(kind), size=len(said))
        return Checked(refused=Reason.UNREADABLE)
    return Checked(None, served, facts["type"], facts["served_type"], *sizes)
