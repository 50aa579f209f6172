"""Tests run by the proofs in a process of their own: G11 and G12 at full size.

Both go in parts, each with a seed of its own: a part that failed comes back by its seed alone, and the
terminal says how far it is.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from dataclasses import dataclass

from tests.prove.figures import Figure, Progress

EXAMPLES, RUNS = 1_000, 10_000
EXAMPLES_A_PART, RUNS_A_PART = 100, 1_000
FEWEST_EXAMPLES = 20
"""With fewer, chance decides whether most operations did what they are for, which the test asks too."""
FUZZING, MACHINE = "tests/api/test_fuzz.py", "tests/app/cases/test_machine.py"
_FIRST_SEED = 20240601


@dataclass(frozen=True)
class Ended:
    """How a run of pytest ended; `summary` is its last line, such as `12 passed in 3.4s`."""

    ok: bool
    summary: str
    said: str


async def fuzzing(scale: float) -> Figure:
    """G11: no answer of 5xx in `EXAMPLES` examples an operation and role."""
    count = max(FEWEST_EXAMPLES, int(EXAMPLES * scale))
    what = f"{count} examples an operation, for each role,"
    return await _parts("G11", FUZZING, what, "EXAMPLES", count, EXAMPLES_A_PART, "examples")


async def machine(scale: float) -> Figure:
    """G12: model and database agree in `RUNS` runs."""
    count = max(1, int(RUNS * scale))
    what = f"{count} runs of the case's state machine"
    return await _parts("G12", MACHINE, what, "DIDI_MACHINE_RUNS", count, RUNS_A_PART, "runs")


async def _parts(
    name: str, path: str, what: str, variable: str, count: int, at_most: int, unit: str
) -> Figure:
    begun, progress = time.monotonic(), Progress(name, count, unit)
    for number, done in enumerate(range(0, count, at_most)):
        seed = _FIRST_SEED + number
        size = min(at_most, count - done)
        ended = await pytest(
            path, f"--hypothesis-seed={seed}", **{variable: str(size), "EXAMPLES_SEED": str(seed)}
        )
        if not ended.ok:
            found = re.findall(r"(?:Error|assert)[^\n]*", ended.said)
            why = found[0][:120] if found else ended.summary
            return Figure(name, False, f"{what}: after {done}, in the part of seed {seed}: {why}")
        progress.at(done + size)
    return Figure(name, True, f"{what} in {time.monotonic() - begun:.0f} s: all agree")


async def pytest(*arguments: str, **environment: str) -> Ended:
    """Run tests to their end; what a failure said goes to stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", *arguments, "-o", "timeout=0", env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    begun = said_at = time.monotonic()
    lines: list[str] = []
    try:
        async for raw in process.stdout:
            lines.append(raw.decode(errors="replace").rstrip())
            share, now = re.search(r"\[ *(\d+%)\]$", lines[-1]), time.monotonic()
            if share and now - said_at > 15.0:
                said_at = now
                print(f"prove ... {share[1]} of the tests after {now - begun:.0f} s", flush=True)
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code != 0:
        print("\n".join(lines)[-6000:], file=sys.stderr)
    return Ended(code == 0, lines[-1] if lines else f"exit code {code}", "\n".join(lines))
