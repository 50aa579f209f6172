"""Figures: interleaved rounds, medians, percentiles, and the line each benchmark prints."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence

Round = Callable[[], Awaitable[float]]


def line(name: str, value: float, unit: str, goal: str, *, ok: bool | None) -> None:
    """Print `bench <name> <value> <unit> goal <goal> ok|short`; `ok` None: a figure without a goal."""
    verdict = "-" if ok is None else "ok" if ok else "short"
    print(f"bench {name} {value:.3g} {unit} goal {goal or '-'} {verdict}", flush=True)


def at_least(name: str, value: float, unit: str, goal: float) -> None:
    """A figure that should not be smaller than its goal."""
    line(name, value, unit, f">={goal:g}", ok=value >= goal)


def at_most(name: str, value: float, unit: str, goal: float) -> None:
    """A figure that should not be larger than its goal."""
    line(name, value, unit, f"<={goal:g}", ok=value <= goal)


def note(what: str) -> None:
    """What the figures rest on, to stderr: absolute rates drift with the machine, so they are no figures."""
    print(f"  {what}", file=sys.stderr, flush=True)


async def interleaved(rounds: int, **what: Round) -> dict[str, list[float]]:
    """Run each once (warm-up, not counted), then `rounds` times in turn: a slow minute hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in what}
    for count in range(rounds + 1):
        for name, one in what.items():
            value = await one()
            if count:
                found[name].append(value)
    return found


def ratio(found: dict[str, list[float]], subject: str, anchor: str) -> float:
    """Median of the ratios of each round."""
    return statistics.median(s / a for s, a in zip(found[subject], found[anchor], strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def pin(core: int) -> None:
    """Stay on one core, where the system lets us: servers on 0, whoever loads them on 1."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def unpin() -> None:
    """Any core again."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
