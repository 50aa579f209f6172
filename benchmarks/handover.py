"""How late a case is handed over, with 10,000 pending, against Celery's ETA and arq at the same pace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

from redis.asyncio import Redis
from sqlalchemy import text

from app.settings import Settings
from benchmarks import seed
from benchmarks.measure import at_least, at_most, note, percentile
from benchmarks.stage import RIVALS_PYTHON, ROOT, environment, process, runtime_on

PENDING, WINDOW_S = 10_000, 60.0
LEAD_S = 15.0
"""Until the first deadline: rivals must have all their tasks by then, or start late by themselves."""
RIVAL_TASKS, RIVAL_LEAD_S, RIVAL_SPARE_S, RIVAL_PATIENCE_S = 2_500, 25.0, 5.0, 30.0
"""The first tasks of the same pace; queued some seconds before the first is due, or there is no figure."""
RIVALS = (
    ("celery", ["-m", "celery", "-A", "celery_eta", "worker", "-P", "solo", "-l", "ERROR"], 1),
    ("arq", ["-m", "arq", "arq_eta.WorkerSettings"], 0.01),
)

_LATE = text("""
    SELECT extract(epoch FROM handed_over_at - deadline)::float8 FROM cases WHERE state = 'handed_over'
""")


async def run(settings: Settings, seconds: float) -> None:
    """10,000 open cases whose deadlines pass within a minute, 167 a second; one worker process does all its jobs."""
    ours = await _ours(settings)
    at_least("handover_earliest", min(ours) * 1000, "ms", 0)
    at_most("handover_p99", percentile(ours, 99) * 1000, "ms", 5)
    at_most("handover_max", max(ours) * 1000, "ms", 15)
    note(f"handover: ours p99 {percentile(ours, 99) * 1000:.2f} ms, by the database's clock")
    for name, worker, goal in RIVALS:
        found = await _rival(settings, name, worker)
        if found is None:
            continue
        theirs = percentile(found, 99)
        note(
            f"handover: {name} p99 {theirs * 1000:.2f} ms, {RIVAL_TASKS} tasks at the same pace, "
            f"earliest {min(found) * 1000:.2f} ms"
        )
        at_most(f"handover_p99_to_{name}_of_{RIVAL_TASKS}", percentile(ours, 99) / theirs, "x", goal)


async def _ours(settings: Settings) -> list[float]:
    async with runtime_on(settings) as runtime:
        at = await seed.station(runtime)
        step = WINDOW_S / PENDING
        await seed.cases(runtime, at, due_s=[LEAD_S + n * step for n in range(PENDING)])
        async with runtime.database.moves() as db:
            await db.execute(text("ANALYZE cases"))
        with process(sys.executable, "-m", "benchmarks.work", env=environment(settings)):
            await asyncio.sleep(LEAD_S + WINDOW_S + 3)
            async with runtime.database.moves() as db:
                late = list((await db.execute(_LATE)).scalars())
    if len(late) != PENDING:
        raise RuntimeError(f"{len(late)} of {PENDING} cases were handed over within 3 s of the last deadline")
    return late


async def _rival(settings: Settings, name: str, worker: list[str]) -> list[float] | None:
    """By how many seconds each task ran late; None when the machine was too busy for a figure."""
    url = _own_valkey(settings)
    env = {**os.environ, "RIVAL_URL": url, "PYTHONPATH": str(ROOT / "benchmarks" / "rivals")}
    valkey = Redis.from_url(url)
    await valkey.flushdb()
    with process(str(RIVALS_PYTHON), *worker, env=env):
        due = [time.time() + RIVAL_LEAD_S + n * WINDOW_S / PENDING for n in range(RIVAL_TASKS)]
        await asyncio.to_thread(
            subprocess.run, [RIVALS_PYTHON, ROOT / "benchmarks" / "rivals" / f"{name}_eta.py"], env=env, check=True,
            input=json.dumps(due).encode(),
        )  # fmt: skip
        spare_s = due[0] - time.time()
        until = due[-1] + RIVAL_PATIENCE_S
        while await valkey.llen(f"{name}:late") < RIVAL_TASKS and time.time() < until:
            await asyncio.sleep(0.5)
        found = [float(late) for late in await valkey.lrange(f"{name}:late", 0, -1)]
    await valkey.flushdb()
    await valkey.aclose()
    if spare_s < RIVAL_SPARE_S or len(found) < RIVAL_TASKS:
        note(
            f"handover: no figure for {name}: it ran {len(found)} of {RIVAL_TASKS} tasks by {RIVAL_PATIENCE_S:.0f} s "
            f"after the last was due, and had them all {spare_s:.1f} s before the first was: try on a quieter machine"
        )
        return None
    return found


def _own_valkey(settings: Settings) -> str:
    """Database 5 of the benchmarks' Valkey: rivals keep their keys there, and it is flushed."""
    return urlsplit(settings.valkey_url or "")._replace(path="/5").geturl()
