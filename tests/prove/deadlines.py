"""G2, G3, G4: thousands of real 60 s deadlines under kills, freezes, wrong clocks, and without Valkey.

No clock is faked for the database, no row is aged: a case is reported and its minute runs. Officers
claim over HTTP at a service whose clock is 90 s ahead, two in three of them near the deadline. Three workers
(clocks right, +90 s, -45 s) hand over; one at a time is killed or frozen, so that one always lives.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from app.events.edge import transaction
from app.people.sessions import issue
from app.people.tables import Audience
from tests.factories import Made
from tests.prove.clocks import wrong_clock
from tests.prove.figures import Figure, Progress, percentile
from tests.prove.ground import Ground, ground
from tests.races import crowd
from tests.races.processes import Process

CASES = 10_000
REPORTS_S = 60.0
"""All are reported within a minute, so that their deadlines overlap; in G4 as long as Valkey is away."""
WINDOW_S = 60.0
BATCHES_A_SECOND = 4
WITHOUT_VALKEY_S = 600.0


@dataclass
class Run:
    """What was done and heard in one run."""

    ids: list[UUID] = field(default_factory=list)
    won: dict[UUID, UUID] = field(default_factory=dict)
    lost: int = 0
    odd: list[int] = field(default_factory=list)
    kills: int = 0
    freezes: int = 0
    flushes: int = 0
    without_valkey_s: float = 0.0
    stalls_s: list[float] = field(default_factory=list)


async def promises(scale: float) -> list[Figure]:
    """G2 and G3 from one run."""
    async with ground(connections=20) as stage:
        run = await _minutes(stage, int(CASES * scale), valkey_gone_s=0.0)
        return await _judge(stage, run, "G2", "G3")


async def without_valkey(scale: float) -> list[Figure]:
    """G4: the same, Valkey flushed again and again, then gone for ten minutes at full size, with reports all along."""
    async with ground(connections=20) as stage:
        run = await _minutes(stage, int(CASES * scale), valkey_gone_s=max(90.0, WITHOUT_VALKEY_S * scale))
        return await _judge(stage, run, "G4", "G4 lateness")


async def _minutes(stage: Ground, count: int, *, valkey_gone_s: float) -> Run:
    run, over = Run(), asyncio.Event()
    station, reporter = await stage.make.the_station(), await stage.make.citizen()
    crew = await crowd.officers(stage.runtime, station, count, first=100_000)
    tokens = await _tokens(stage, crew)
    fast, slow = wrong_clock(stage.logs, 90), wrong_clock(stage.logs, -45)
    service = await stage.processes.start("serve", **fast)
    clocks: list[dict[str, str]] = [{}, fast, slow]
    workers = [await stage.processes.start("worker", **clock) for clock in clocks]
    harm = [asyncio.create_task(_harm_workers(stage, workers, clocks, run, over))]
    harm.append(asyncio.create_task(_watch_the_machine(run, over)))
    if valkey_gone_s:
        harm.append(asyncio.create_task(_harm_valkey(stage, run, valkey_gone_s)))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{service.port}/miniprogram/v1",
        timeout=20,
        limits=httpx.Limits(max_connections=30),
    ) as client:
        reports_s = max(REPORTS_S, valkey_gone_s)
        await _report_and_claim(stage, run, station, reporter, crew, tokens, client, reports_s)
    await crowd.rows(
        stage.runtime, "SELECT pg_sleep(greatest(0, extract(epoch FROM max(deadline) - clock_timestamp())) + 2)::text"
        " FROM cases",
    )  # fmt: skip
    over.set()
    await asyncio.gather(*harm)
    return run


async def _watch_the_machine(run: Run, over: asyncio.Event) -> None:
    """How late this very process wakes from a sleep: what the machine adds to every lateness."""
    loop = asyncio.get_running_loop()
    while not over.is_set():
        due = loop.time() + 0.05
        await asyncio.sleep(0.05)
        run.stalls_s.append(loop.time() - due)


async def _tokens(stage: Ground, crew: list[Made]) -> list[str]:
    tokens = []
    async with transaction(stage.runtime) as db:
        for officer in crew:
            token, _ = await issue(db, officer.id, Audience.MINIPROGRAM, ttl_s=3600, second_factor=True)
            tokens.append(token)
    return tokens


async def _report_and_claim(
    stage: Ground, run: Run, station: Made, reporter: Made, crew: list[Made], tokens: list[str], client: httpx.AsyncClient,
    reports_s: float,
) -> None:  # fmt: skip
    chance, thumbs = random.Random(3), []
    batches = int(reports_s * BATCHES_A_SECOND)
    progress = Progress("G2/G4", len(crew), "cases reported")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for batch in range(batches):
        await asyncio.sleep(max(0.0, begun + batch / BATCHES_A_SECOND - loop.time()))
        members = range(batch * len(crew) // batches, (batch + 1) * len(crew) // batches)
        ids = await crowd.cases(
            stage.runtime, station, reporter, len(members), in_s=WINDOW_S, window_s=WINDOW_S
        )
        reported = loop.time()
        run.ids += ids
        progress.at(len(run.ids), f"{len(run.won)} claimed, {run.kills} kills, {run.freezes} freezes")
        for n, case_id in zip(members, ids, strict=True):
            if chance.random() < 0.3:
                continue  # nobody even tries
            at = (
                WINDOW_S + chance.gauss(-0.02, 0.1) if chance.random() < 0.66 else chance.uniform(1, WINDOW_S)
            )
            await crowd.offer(stage.runtime, [case_id], [crew[n]])
            thumbs.append(
                asyncio.create_task(_thumb(run, client, case_id, crew[n], tokens[n], reported + at))
            )
    print(f"prove ... all {len(crew)} reported; their last minute runs", flush=True)
    await asyncio.gather(*thumbs)


async def _thumb(
    run: Run, client: httpx.AsyncClient, case_id: UUID, officer: Made, token: str, when: float
) -> None:
    await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))
    answer = await client.post(
        f"/offers/{case_id}/claim", json={"epoch": 0}, headers={"Authorization": f"Bearer {token}"}
    )
    if answer.status_code == 201:
        run.won[case_id] = officer.id
    elif answer.status_code == 409:
        run.lost += 1
    else:
        run.odd.append(answer.status_code)


async def _harm_workers(
    stage: Ground, workers: list[Process], clocks: list[dict[str, str]], run: Run, over: asyncio.Event
) -> None:
    chance = random.Random(4)
    while not over.is_set():
        await asyncio.sleep(chance.uniform(1, 3))
        victim = chance.randrange(len(workers))
        if chance.random() < 0.5:
            workers[victim].kill()
            run.kills += 1
            workers[victim] = await stage.processes.start("worker", **clocks[victim])
        else:
            workers[victim].freeze()
            run.freezes += 1
            await asyncio.sleep(chance.uniform(1, 4))
            workers[victim].thaw()


async def _harm_valkey(stage: Ground, run: Run, gone_s: float) -> None:
    for _ in range(10):
        await stage.flush()
        run.flushes += 1
        await asyncio.sleep(1.5)
    await stage.kill_valkey(away_s=gone_s)
    run.without_valkey_s = gone_s


_LOG = """
    SELECT c.id, c.state, c.handover_cause,
           -- as the claim's own event has it: in a long run silent officers have lost their cases again
           (SELECT CAST(e.data ->> 'officer_id' AS uuid) FROM events e
             WHERE e.case_id = c.id AND e.kind = 'case_claimed') AS claimed_by,
           extract(epoch FROM c.handed_over_at - c.deadline)::float8 AS late_s, c.handed_over_at < c.deadline AS early,
           c.claimed_at >= c.deadline AS too_late,
           (SELECT array_agg(e.kind) FROM events e WHERE e.case_id = c.id
               AND e.kind IN ('case_claimed', 'case_handed_over')) AS kinds
      FROM cases c WHERE c.id = ANY(CAST(:ids AS uuid[]))
"""


async def _judge(stage: Ground, run: Run, promise: str, lateness: str) -> list[Figure]:
    rows = await crowd.rows(stage.runtime, _LOG, ids=run.ids)
    handed = [row for row in rows if row.kinds == ["case_handed_over"] and row.handover_cause == "deadline"]
    claimed = {row.id: row.claimed_by for row in rows if row.kinds == ["case_claimed"]}
    early, too_late = sum(bool(r.early) for r in rows), sum(bool(r.too_late) for r in rows)
    neither = len(run.ids) - len(handed) - len(claimed)
    unlike = len(set(claimed.items()) ^ set(run.won.items()))
    late_s = [row.late_s for row in handed]
    p99, worst = percentile(late_s, 0.99), max(late_s, default=0.0)
    harm = f"{run.kills} kills and {run.freezes} freezes of workers, clocks +90/-45 s"
    if run.flushes:
        harm += f", {run.flushes} FLUSHALL, {run.without_valkey_s:.0f} s without Valkey"
    first = (
        f"{len(run.ids)} real deadlines ({len(claimed)} claimed, {len(handed)} handed over, {run.lost} claims refused), {harm}:"
        f" {early} early, {too_late} claims judged late, {neither} neither, {unlike} answers unlike the log, {len(run.odd)} odd"
    )
    good = early == too_late == neither == unlike == len(run.odd) == 0 and bool(handed) and bool(claimed)
    second = (
        f"{len(late_s)} handovers: p50 {percentile(late_s, 0.5) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, max {worst * 1000:.1f} ms"
        f" (the proof itself woke up to {max(run.stalls_s) * 1000:.0f} ms late)"
    )
    return [Figure(promise, good, first), Figure(lateness, p99 <= 0.5 and worst <= 1.0, second)]
