"""Two hundred claimants at one case: claim(), against a plain UPDATE and against redis-py's Lock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from sqlalchemy import text

from app.dispatch.claim import claim
from app.kit.errors import AppError
from app.settings import Settings
from benchmarks import seed
from benchmarks.claims import POOL, acting
from benchmarks.measure import at_least, at_most, note, percentile
from benchmarks.stage import runtime_on

CLAIMANTS = 200
ROUNDS_A_SECOND = 10
LOCK_ROUNDS = 5

Try = Callable[[int], Awaitable[bool]]


async def run(settings: Settings, seconds: float) -> None:
    """Rounds in turn; 10 for each second asked for: `--seconds 1000` is the full 10,000."""
    rounds = int(seconds * ROUNDS_A_SECOND)
    ours_s: list[float] = []
    plain_s: list[float] = []
    lock_s: list[float] = []
    single = 0
    async with runtime_on(settings) as runtime:
        at = await seed.station(runtime)
        people = await seed.officers(runtime, at, CLAIMANTS)
        actors = [acting(one, at) for one in people]
        pool = await asyncpg.create_pool(settings.database_url or "", min_size=POOL, max_size=POOL)
        await pool.execute("CREATE TABLE IF NOT EXISTS raced (id uuid PRIMARY KEY, taken_by uuid)")
        valkey = Redis.from_url(settings.valkey_url or "", max_connections=CLAIMANTS)
        for count in range(rounds):
            case_id = (await seed.cases(runtime, at, due_s=[55.0]))[0]
            await seed.offers(runtime, [case_id], people, paired=False)

            async def ours(n: int, case_id: UUID = case_id) -> bool:
                try:
                    await claim(runtime, case_id, epoch=0, officer=actors[n])
                except AppError:
                    return False
                return True

            single += await _race(ours, ours_s) == 1
            await runtime.drain()
            async with runtime.database.moves() as db:  # the winner is free again
                await db.execute(text("UPDATE cases SET state = 'closed', closed_at = clock_timestamp(), officer_id = NULL,"
                                         " act_by = NULL WHERE state = 'claimed'"))  # fmt: skip
            row = await pool.fetchval("INSERT INTO raced VALUES ($1, NULL) RETURNING id", uuid4())

            async def plain(n: int, row: UUID = row) -> bool:
                said = await pool.execute(
                    "UPDATE raced SET taken_by = $2 WHERE id = $1 AND taken_by IS NULL", row, people[n]
                )
                return bool(said == "UPDATE 1")

            await _race(plain, plain_s)
            if count < LOCK_ROUNDS:
                name = f"race:{row}"

                async def locked(n: int, name: str = name) -> bool:
                    async with Lock(valkey, f"{name}:lock", timeout=60):
                        free = await valkey.get(name) is None
                        if free:
                            await valkey.set(name, n)
                        return free

                await _race(locked, lock_s)
        await pool.close()
        await valkey.aclose()
    ours_p99, plain_p99, lock_p99 = (percentile(s, 99) * 1000 for s in (ours_s, plain_s, lock_s))
    note(
        f"race: {rounds} rounds of {CLAIMANTS}; p99 ours {ours_p99:.1f}, UPDATE {plain_p99:.1f}, Lock {lock_p99:.0f} ms"
    )
    at_least("race_one_winner", single / rounds, "of_rounds", 1.0)
    at_most("race_p99_to_update", ours_p99 / plain_p99, "x", 0.5)
    at_most("race_p99_to_redis_lock", ours_p99 / lock_p99, "x", 0.02)


async def _race(attempt: Try, took_s: list[float]) -> int:
    """All at once; how many won. Each claimant's time counts from the start."""
    began = time.perf_counter()

    async def one(n: int) -> bool:
        won = await attempt(n)
        took_s.append(time.perf_counter() - began)
        return won

    return sum(await asyncio.gather(*(one(n) for n in range(CLAIMANTS))))
