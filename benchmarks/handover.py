"""How late a case is handed over, with 10,000 pending, against Celery's ETA and arq at the same pace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

from redis.asyncio import Redis
from sqlalchemy import text

from app.settings import Settings
from benchmarks import seed
from benchmarks.measure import at_least, at_most, note, percentile
from benchmarks.stage import RIVALS_PYTHON, ROOT, environment, process, runtime_on

PENDING, WINDOW_S = 10_000, 60.0
LEAD_S = 15.0
"""Until the first deadline: rivals must have all their tasks by then, or start late by themselves."""
RIVAL_TASKS, RIVAL_LEAD_S = 2_500, 20.0

_LATE = text("""
    SELECT extract(epoch FROM handed_over_at - deadline)::float8 FROM cases WHERE state = 'handed_over'
""")


async def run(settings: Settings, seconds: float) -> None:
    """10,000 open cases whose deadlines pass within a minute, 167 a second; one worker process does all its jobs."""
    ours = await _ours(settings)
    at_least("handover_earliest", min(ours) * 1000, "ms", 0)
    at_most("handover_p99", percentile(ours, 99) * 1000, "ms", 5)
    at_most("handover_max", max(ours) * 1000, "ms", 15)
    celery = await _rival(
        settings, "celery_eta", ["-m", "celery", "-A", "celery_eta", "worker", "-P", "solo", "-l", "ERROR"]
    )
    arq = await _rival(settings, "arq_eta", ["-m", "arq", "arq_eta.WorkerSettings"])
    p99 = {
        name: percentile(found, 99) * 1000
        for name, found in (("ours", ours), ("celery", celery), ("arq", arq))
    }
    note("handover: p99 " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in p99.items()))
    at_most("handover_p99_to_celery", p99["ours"] / p99["celery"], "x", 1)
    at_most("handover_p99_to_arq", p99["ours"] / p99["arq"], "x", 0.01)


async def _ours(settings: Settings) -> list[float]:
    async with runtime_on(settings) as runtime:
        at = await seed.station(runtime)
        step = WINDOW_S / PENDING
        await seed.cases(runtime, at, due_s=[LEAD_S + n * step for n in range(PENDING)])
        async with runtime.database.moves() as db:
            await db.exec_driver_sql("ANALYZE cases")
        with process(sys.executable, "-m", "benchmarks.work", env=environment(settings)):
            await asyncio.sleep(LEAD_S + WINDOW_S + 3)
            async with runtime.database.moves() as db:
                late = list((await db.execute(_LATE)).scalars())
    if len(late) != PENDING:
        raise RuntimeError(f"{len(late)} of {PENDING} cases were handed over within 3 s of the last deadline")
    return late


async def _rival(settings: Settings, name: str, worker: list[str]) -> list[float]:
    url = (
        (settings.valkey_url or "").rpartition("/")[0] + "/5"
        if (settings.valkey_url or "").count("/") > 2
        else f"{settings.valkey_url}/5"
    )
    env = {**os.environ, "RIVAL_URL": url, "PYTHONPATH": str(ROOT / "benchmarks" / "rivals")}
    due = [time.time() + RIVAL_LEAD_S + n * WINDOW_S / PENDING for n in range(RIVAL_TASKS)]
    valkey = Redis.from_url(url)
    await valkey.flushdb()
    with process(str(RIVALS_PYTHON), *worker, env=env):
        await asyncio.to_thread(
            subprocess.run, [RIVALS_PYTHON, ROOT / "benchmarks" / "rivals" / f"{name}.py"], env=env, check=True,
            input=json.dumps(due).encode(),
        )  # fmt: skip
        key, until = f"{name.removesuffix('_eta')}:late", time.monotonic() + RIVAL_LEAD_S + 60
        while await valkey.llen(key) < RIVAL_TASKS and time.monotonic() < until:
            await asyncio.sleep(0.5)
        found = [float(late) for late in await valkey.lrange(key, 0, -1)]
    await valkey.flushdb()
    await valkey.aclose()
    if len(found) < RIVAL_TASKS:
        note(
            f"{name} ran {len(found)} of {RIVAL_TASKS} tasks within {RIVAL_LEAD_S + 60:.0f} s: its figure is of those"
        )
    return found
