"""A figure: what was promised, what was measured, and the row it leaves in docs/proofs.md."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"
EVERY_S = 15.0


@dataclass(frozen=True)
class Figure:
    """One measured promise."""

    name: str
    ok: bool
    measured: str


class Skipped(Exception):
    """This machine lacks what the proof needs; the message says what."""


class Progress:
    """Says how far a proof is, every 15 s at most, and how long the rest takes at that pace."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._begun = self._said = time.monotonic()

    def at(self, done: int, more: str = "") -> None:
        """`done` of the total are over."""
        now = time.monotonic()
        if now - self._said < EVERY_S:
            return
        self._said = now
        left_s = (now - self._begun) / done * (self._total - done) if done else 0.0
        left = f", about {left_s:.0f} s left" if done else ""
        print(
            f"prove {self._name} ... {done} of {self._total} {self._unit}{left}{more and f' ({more})'}",
            flush=True,
        )


def say(figure: Figure) -> None:
    """One line on the terminal."""
    print(f"prove {figure.name} {figure.measured} {'ok' if figure.ok else 'FAILED'}", flush=True)


def keep(figure: Figure, *, seconds: float, load: float, note: str = "") -> None:
    """One row of the page. `load`: the machine's before the proof began, which makes load of its own."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    command = f'make prove ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "make prove"
    shared = f"load {load:.1f} before" + (f"; {note}" if note else "")
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
