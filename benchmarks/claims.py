"""Losing and winning claims, over HTTP with real tokens and in one process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.dispatch.claim import claim
from app.events.follow import FOLLOWERS
from app.kit.runtime import Runtime
from app.people.sessions import Actor, OfficerFacts
from app.people.tables import Audience, PersonKind
from app.settings import Settings
from app.wiring import wire
from benchmarks import seed
from benchmarks.load import drive, expect, for_seconds, once, request
from benchmarks.measure import at_least, interleaved, line, note, pin, ratio, unpin
from benchmarks.stage import runtime_on, served
from tests.factories import Made

CONNECTIONS = 32
LOSERS, LOST = 50, 20
WON = 300
POOL = 10

BARE = request("POST", "/bare", body=b'{"epoch":0}')


def claim_request(case_id: UUID, token: str) -> bytes:
    """A phone's claim of the first opening."""
    return request(
        "POST", f"/miniprogram/v1/offers/{case_id}/claim", token=token, body=json.dumps({"epoch": 0}).encode()
    )


def acting(officer_id: UUID, at: Made) -> Actor:
    """The actor a door makes of an officer."""
    facts = OfficerFacts(at.id, "0", (), None, True)
    return Actor(officer_id, PersonKind.OFFICER, Audience.MINIPROGRAM, officer_id, (), facts, True)


async def lost(settings: Settings, seconds: float) -> None:
    """Losing claims over HTTP: 50 officers were asked about each of 20 cases, and another took it."""
    async with (
        runtime_on(settings) as runtime,
        served("bare") as (bare, _),
        served("product", settings) as (port, _),
    ):
        at = await seed.station(runtime)
        losers = await seed.officers(runtime, at, LOSERS)
        taken = await seed.cases(runtime, at, due_s=[50.0] * LOST)
        winners = await seed.signed_in(runtime, await seed.officers(runtime, at, LOST))
        await seed.offers(runtime, taken, losers, paired=False)
        await seed.offers(runtime, taken, [w.id for w in winners], paired=True)
        wins = [claim_request(c, w.token) for c, w in zip(taken, winners, strict=True)]
        expect(await drive(port, once(wins), connections=5), 201)
        phones = await seed.signed_in(runtime, losers)
        losing = [claim_request(c, p.token) for c in taken for p in phones]
        pin(1)
        found = await interleaved(
            5,
            bare=rate(bare, [BARE], 200, seconds / 5),
            lost=rate(port, losing, 409, seconds / 5),
        )
        unpin()
    _say("claims_lost_http", found, "lost", "bare", 1.2)


async def won_http(settings: Settings, seconds: float) -> None:
    """Winning claims over HTTP: each officer takes a case of their own, followers and all in the same process."""
    async with (
        runtime_on(settings) as runtime,
        served("bare") as (bare, _),
        served("product", settings) as (port, _),
    ):
        at = await seed.station(runtime)

        async def win() -> float:
            phones = await seed.signed_in(runtime, ids := await seed.officers(runtime, at, WON))
            opened = await seed.cases(runtime, at, due_s=[55.0] * WON)
            await seed.offers(runtime, opened, ids, paired=True)
            requests = [claim_request(c, p.token) for c, p in zip(opened, phones, strict=True)]
            pin(1)
            load = expect(await drive(port, once(requests), connections=CONNECTIONS), 201)
            await _followed(runtime)
            return load.rate

        found = await interleaved(3, bare=rate(bare, [BARE], 200, seconds / 5), won=win)
        unpin()
    _say("claims_won_http", found, "won", "bare", 0.5)


async def won(settings: Settings, _seconds: float) -> None:
    """claim() whole, ten at a time, against a plain UPDATE of a row of its own on a pool of ten."""
    async with runtime_on(settings) as runtime:
        at = await seed.station(runtime)
        pool = await asyncpg.create_pool(
            (settings.database_url or "").replace("+asyncpg", ""), min_size=POOL, max_size=POOL
        )
        await pool.execute("CREATE TABLE plain (id uuid PRIMARY KEY, state text, officer_id uuid, epoch int)")

        async def plain() -> float:
            ids = await pool.fetch("INSERT INTO plain SELECT gen_random_uuid(), 'open', NULL, 0"
                                   " FROM generate_series(1, $1) RETURNING id", WON)  # fmt: skip

            async def one(row: asyncpg.Record) -> None:
                await pool.execute("UPDATE plain SET state = 'claimed', officer_id = $1, epoch = 1"
                                   " WHERE id = $1 AND state = 'open' AND epoch = 0", row["id"])  # fmt: skip

            return await _ten_at_a_time([lambda row=row: one(row) for row in ids])  # type: ignore[misc]

        async def ours() -> float:
            ids = await seed.officers(runtime, at, WON)
            opened = await seed.cases(runtime, at, due_s=[55.0] * WON)
            await seed.offers(runtime, opened, ids, paired=True)
            pairs = zip(opened, ids, strict=True)
            rate = await _ten_at_a_time(
                [lambda c=c, o=o: claim(runtime, c, epoch=0, officer=acting(o, at)) for c, o in pairs]  # type: ignore[misc]
            )
            await runtime.drain()
            return rate

        whole = await interleaved(3, plain=plain, followed=ours)
        FOLLOWERS.clear()
        found = await interleaved(5, plain=plain, won=ours)
        wire(runtime)
        await pool.execute("DROP TABLE plain")
        await pool.close()
    _say("claims_won", found, "won", "plain", 0.8)
    line("claims_won_followed", ratio(whole, "followed", "plain"), "x", "", ok=None)


async def _ten_at_a_time(work: list[Callable[[], Awaitable[object]]]) -> float:
    waiting = iter(work)

    async def worker() -> None:
        for one in waiting:
            await one()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(POOL)))
    return len(work) / (time.perf_counter() - began)


async def _followed(runtime: Runtime) -> None:
    """Until the service has followed every event: the next round starts on a quiet machine."""
    until = time.monotonic() + 60
    async with runtime.database.moves() as db:
        while (await db.execute(text("SELECT count(*) FROM outbox"))).scalar_one():
            if time.monotonic() > until:
                raise RuntimeError("the service did not follow its events within 60 s")
            await asyncio.sleep(0.1)


def rate(port: int, requests: list[bytes], status: int, seconds: float) -> Callable[[], Awaitable[float]]:
    """A round: these requests in turn for so many seconds, each answered with this status; answers per second."""

    async def measured() -> float:
        return expect(await drive(port, for_seconds(requests, seconds), connections=CONNECTIONS), status).rate

    return measured


def _say(name: str, found: dict[str, list[float]], subject: str, anchor: str, goal: float) -> None:
    note(f"{name}: {subject} {max(found[subject]):.0f}/s, {anchor} {max(found[anchor]):.0f}/s (best rounds)")
    at_least(name, ratio(found, subject, anchor), "x", goal)
