"""G13: a million spoilt callbacks, on several processes: no 5xx, no error in the log, memory flat.

Each process is the app, its own load and its own judge, on the proof's servers; the parent adds up what they say.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from typing import Any

import structlog
from fastapi import FastAPI

from app.settings import load_settings
from tests.conftest import SECRETS, make_runtime
from tests.factories import SQUARE
from tests.prove.figures import Figure, Progress
from tests.prove.ground import ground
from tests.wechat import fuzz
from wechat.callback import router

INPUTS = 1_000_000
AT_ONCE = 12
SAMPLES = 100
WARM_UP = 0.5
"""Share of a process's inputs after which its memory is measured: caches and pools have filled."""
GROWTH_MAX_KIB = 8192
"""What a process may grow by after that, whatever the scale: at full size less than 34 bytes an input."""
_SEED = 77_000


async def fuzzing_callbacks(scale: float) -> Figure:
    """G13 at `scale` of its inputs."""
    total = max(1000, int(INPUTS * scale))
    workers = max(1, os.cpu_count() or 1)
    share = total // workers
    async with ground(connections=20) as stand:
        centre = await stand.make.station(is_command=True, ring=None, code="CC")
        await stand.make.officer(station=await stand.make.station(ring=SQUARE, parent=centre, code="S1"))
        urls = {
            "DATABASE_URL": stand.runtime.settings.database_url or "",
            "VALKEY_URL": stand.runtime.settings.valkey_url or "",
        }
        progress = Progress("G13", share * workers, "inputs")
        done = [0] * workers
        begun = time.monotonic()
        found = await asyncio.gather(*(_process(nth, share, urls, done, progress) for nth in range(workers)))
        seconds = time.monotonic() - begun
    return _figure(found, seconds, workers)


def _figure(found: list[dict[str, Any]], seconds: float, workers: int) -> Figure:
    statuses: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for part in found:
        statuses.update(part["statuses"])
        errors.update(part["errors"])
    count = statuses.total()
    wrong = [one for part in found for one in part["wrong"]]
    steepest = max(part["slope_kib"] for part in found)
    grown = max(part["grown_kib"] for part in found)
    answers = ", ".join(f"{n} x {status}" for status, n in sorted(statuses.items()))
    measured = (
        f"{count} inputs by {workers} processes, {count / seconds:.0f}/s: {answers}; {len(wrong)} answers of another kind, "
        f"{errors.total()} errors logged; memory after warm-up {grown:+d} KiB of {GROWTH_MAX_KIB}, slope {steepest:+.0f} KiB per 100,000 inputs "
        f"(resident {max(part['rss_kib'] for part in found) // 1024} MiB)"
    )
    for one in [*wrong[:5], *list(errors)[:5]]:
        print(f"prove G13 found: {one}", file=sys.stderr, flush=True)
    return Figure("G13", not wrong and not errors and grown <= GROWTH_MAX_KIB, measured)


async def _process(
    nth: int, count: int, urls: dict[str, str], done: list[int], progress: Progress
) -> dict[str, Any]:
    """Run one share in a process of its own; it says how far it is, and at the end what it found."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.prove.fuzz", str(_SEED + nth), str(count), env=os.environ | SECRETS | urls,
        stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    assert child.stdout is not None
    found: dict[str, Any] = {}
    try:
        async for raw in child.stdout:
            said = json.loads(raw)
            if "statuses" in said:
                found = said
            else:
                done[nth] = said["done"]
                progress.at(sum(done), f"{said['rss_kib'] // 1024} MiB")
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
    if code or not found:
        raise RuntimeError(f"the process of seed {_SEED + nth} ended with {code}: see its error above")
    return found


def slope(samples: list[tuple[int, int]]) -> float:
    """Least squares: what the second grows by, per 100,000 of the first; 0 of fewer than two."""
    if len(samples) < 2:
        return 0.0
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 1e5 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def _rss_kib() -> int:
    with open("/proc/self/statm") as page:
        return int(page.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def _share(seed: int, count: int) -> None:
    runtime = make_runtime(
        load_settings(**{name: value for name, value in os.environ.items() if name in _NAMES})
    )
    app = FastAPI()
    app.include_router(router(runtime.settings, deadline_s=60, emergency_s=60))
    app.state.runtime = runtime
    counter = fuzz.ErrorCounter()
    structlog.configure(processors=[counter])
    samples: list[tuple[int, int]] = []
    every = max(1, count // SAMPLES)

    def sample(done: int) -> None:
        if done % every:
            return
        rss_kib = _rss_kib()
        samples.append((done, rss_kib))
        print(json.dumps({"done": done, "rss_kib": rss_kib}), flush=True)

    tally = await fuzz.run(app, fuzz.inputs(seed, count), at_once=AT_ONCE, also=sample)
    await runtime.close()
    warm = [at for at in samples if at[0] >= WARM_UP * count]
    found = {
        "statuses": {str(status): n for status, n in tally.statuses.items()}, "errors": dict(counter.errors), "wrong": tally.wrong,
        "slope_kib": slope(warm), "grown_kib": warm[-1][1] - warm[0][1], "rss_kib": samples[-1][1],
    }  # fmt: skip
    print(json.dumps(found), flush=True)


_NAMES = frozenset({*SECRETS, "DATABASE_URL", "VALKEY_URL"})

if __name__ == "__main__":
    asyncio.run(_share(int(sys.argv[1]), int(sys.argv[2])))
