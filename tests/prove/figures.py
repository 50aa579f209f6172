"""A figure: what was promised, what was measured, and the row it leaves in docs/proofs.md."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"


@dataclass(frozen=True)
class Figure:
    """One measured promise."""

    name: str
    ok: bool
    measured: str


def say(figure: Figure) -> None:
    """One line on the terminal."""
    print(f"prove {figure.name} {figure.measured} {'ok' if figure.ok else 'FAILED'}", flush=True)


def keep(figure: Figure, *, seconds: float, note: str = "") -> None:
    """One row of the page."""
    load = os.getloadavg()[0]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    command = " ".join(["python -m tests.prove", *sys.argv[1:]])
    shared = f"load {load:.1f}" + (f"; {note}" if note else "")
    row = (
        f"| {when} | {figure.name} | {'ok' if figure.ok else 'FAILED'} | {figure.measured} | {seconds:.0f} s |"
        f" {machine()}, {shared} | `{command}` |\n"
    )
    with PAGE.open("a") as page:
        page.write(row)


def machine() -> str:
    """Cores, memory, processor, Python."""
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {ram:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not exceed; nearest rank, as G3 counts it. 0 for none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, -(-int(share * 1000) * len(values) // 1000) - 1)]
