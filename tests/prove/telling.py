"""G7 and G8: what is told arrives exactly once where its receiver can dedupe; a repeat is one case."""

from __future__ import annotations

import asyncio
import random
import time

import httpx
from sqlalchemy import text

from app.events.edge import transaction
from app.people.sessions import issue
from app.people.tables import Audience
from tests.prove.figures import Figure, Progress
from tests.prove.follower import KIND
from tests.prove.ground import Ground, ground
from tests.races import crowd

EVENTS, KILLS, FOLLOWERS = 100_000, 50, 2
REPORTS, AT_ONCE = 1_000, 10

_SEEN = "CREATE TABLE prove_seen (event_id bigint PRIMARY KEY, times int NOT NULL)"
_PENDING = """
    WITH e AS (INSERT INTO events (kind, data) SELECT :kind, '{}' FROM generate_series(1, CAST(:count AS int)) RETURNING id)
    INSERT INTO outbox (event_id, lease_until, attempts) SELECT id, clock_timestamp(), 1 FROM e
"""


async def following(scale: float) -> Figure:
    """Two processes follow; one of them is killed again and again. The receiver counts by event."""
    count, kills, chance = int(EVENTS * scale), max(2, int(KILLS * scale)), random.Random(7)
    async with ground() as stage:
        await crowd.run(stage.runtime, _SEEN)
        await crowd.run(stage.runtime, _PENDING, kind=KIND, count=count)
        begun, killed, progress = time.monotonic(), 0, Progress("G7", count, "events")
        followers = [stage.processes.launch("-m", "tests.prove.follower") for _ in range(FOLLOWERS)]
        for follower in followers:
            await follower.says("following")
        while left := await _left(stage):
            progress.at(count - left, f"{killed} kills")
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            if (count - left) / count >= killed / kills and killed < kills:  # spread over the whole run
                victim = killed % FOLLOWERS
                followers[victim].kill()
                killed += 1
                followers[victim] = stage.processes.launch("-m", "tests.prove.follower")
                await followers[victim].says("following")
        took_s = time.monotonic() - begun
        [row] = await crowd.rows(
            stage.runtime,
            "SELECT count(*) AS seen, count(*) FILTER (WHERE times > 1) AS again, coalesce(sum(times - 1), 0) AS extra,"
            " (SELECT count(*) FROM outbox) AS dead FROM prove_seen",
        )
    measured = (
        f"{count} events, {killed} kills, {FOLLOWERS} followers: {row.seen} arrived once after deduping by event,"
        f" {count - row.seen} lost, {row.dead} dead, {row.extra} deliveries the receiver had to dedupe ({took_s:.0f} s)"
    )
    return Figure("G7", row.seen == count and row.dead == 0 and killed == kills, measured)


async def _left(stage: Ground) -> int:
    [row] = await crowd.rows(stage.runtime, "SELECT count(*) AS waiting FROM outbox WHERE dead_at IS NULL")
    return int(row.waiting)


async def repeats(scale: float) -> Figure:
    """The same report 10 times at once over HTTP, with one idempotency key; two services share the work."""
    count = max(10, int(REPORTS * scale))
    async with ground() as stage:
        await stage.make.the_station()
        services = [await stage.processes.start("serve") for _ in range(2)]
        cases: list[set[str]] = []
        refused, progress = 0, Progress("G8", count, "reports")
        async with httpx.AsyncClient(timeout=30) as client:
            for n in range(count):
                person = await stage.make.citizen()
                async with transaction(stage.runtime) as db:
                    token, _ = await issue(db, person.id, Audience.MINIPROGRAM, ttl_s=600)
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"prove-{n:08d}"}
                point = {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}
                body = {"category": "noise", "words": "楼上很吵", "place": {"point": point}}
                answers = await asyncio.gather(*(
                    client.post(f"http://127.0.0.1:{services[k % 2].port}/miniprogram/v1/reports", json=body, headers=headers)
                    for k in range(AT_ONCE)
                ))  # fmt: skip
                refused += sum(not a.is_success for a in answers)
                cases.append({a.json()["case_id"] for a in answers if a.is_success})
                progress.at(n + 1)
        async with stage.runtime.database.moves() as db:
            stored = (await db.execute(text("SELECT count(*) FROM cases"))).scalar_one()
    doubled = sum(len(c) != 1 for c in cases)
    measured = f"{count} reports, each {AT_ONCE} times at once at 2 services: {stored} cases, {doubled} doubled, {refused} refused"
    return Figure("G8", doubled == refused == 0 and stored == count, measured)
