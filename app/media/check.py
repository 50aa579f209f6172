"""Looking at what a stranger sent, without this process ever decoding a byte of it.

`decode.py` runs as a process of its own, with limits it sets itself, an empty environment and nothing but pipes;
here it is given the bytes, a time-out, and is killed when that is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from app.media.states import MediaKind, Reason

log = structlog.get_logger()

TIMEOUT_S: Final = 30.0
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
            said, _ = await child.communicate(content)
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
    return _read(said)


def _read(said: bytes) -> Checked:
    head, _, served = said.partition(b"\n")
    facts = json.loads(head)
    if refused := facts.get("refused"):
        return Checked(refused=Reason(refused))
    return Checked(
        None, served, facts["type"], facts["served_type"], facts.get("width"), facts.get("height"),
        facts.get("duration_ms"),
    )  # fmt: skip
