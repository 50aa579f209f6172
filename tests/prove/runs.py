"""G11 and G12: tests that also run at other sizes, run at full size in a process of their own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time

from tests.prove.figures import Figure

EXAMPLES, RUNS = 1_000, 10_000
FUZZING, MACHINE = "tests/api/test_fuzz.py", "tests/app/cases/test_machine.py"


async def fuzzing(scale: float) -> Figure:
    """G11: no answer of 5xx in `EXAMPLES` examples an operation and role."""
    examples = max(1, int(EXAMPLES * scale))
    return await _pytest("G11", FUZZING, f"{examples} examples an operation", EXAMPLES=str(examples))


async def machine(scale: float) -> Figure:
    """G12: model and database agree in `RUNS` runs."""
    runs = max(1, int(RUNS * scale))
    return await _pytest(
        "G12", MACHINE, f"{runs} runs of the case's state machine", DIDI_MACHINE_RUNS=str(runs)
    )


async def _pytest(name: str, path: str, what: str, **environment: str) -> Figure:
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", path, "-o", "timeout=0", env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    ran = process.returncode == 0
    if not ran:
        print(out.decode(errors="replace")[-4000:], file=sys.stderr)
    said = re.findall(r"(?:Error|assert)[^\n]*", out.decode(errors="replace"))
    verdict = "all agree" if ran else (said[0][:120] if said else f"exit code {process.returncode}")
    return Figure(name, ran, f"{what} in {time.monotonic() - begun:.0f} s: {verdict}")
