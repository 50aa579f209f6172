"""What an officer waits for an answer while every phone sends its positions as fast as it can."""

from __future__ import annotations

import asyncio

from app.settings import Settings
from benchmarks import seed
from benchmarks.claims import CONNECTIONS, claim_request
from benchmarks.ingest import PHONES, fixes_request
from benchmarks.load import drive, expect, for_seconds, once, request
from benchmarks.measure import at_most, note, percentile, pin, unpin
from benchmarks.stage import runtime_on, served

OFFICERS = 100
PING_CONNECTIONS = CONNECTIONS


async def run(settings: Settings, seconds: float) -> None:
    """Two other connections: 100 claims that win, and 300 reads of open offers."""
    async with runtime_on(settings) as runtime, served("product", settings) as (port, _):
        at = await seed.station(runtime)
        phones = await seed.signed_in(runtime, await seed.officers(runtime, at, PHONES))
        takers = await seed.signed_in(runtime, await seed.officers(runtime, at, OFFICERS))
        opened = await seed.cases(runtime, at, due_s=[58.0] * OFFICERS)
        await seed.offers(runtime, opened, [t.id for t in takers], paired=True)
        pings = [fixes_request(p.token, 1, n) for n, p in enumerate(phones)]
        reads = [request("GET", "/miniprogram/v1/offers", token=t.token) for t in takers] * 3
        claims = [claim_request(c, t.token) for c, t in zip(opened, takers, strict=True)]
        pin(1)
        load = asyncio.create_task(drive(port, for_seconds(pings, seconds), connections=PING_CONNECTIONS))
        await asyncio.sleep(seconds / 5)
        read, claimed = await asyncio.gather(
            drive(port, once(reads), connections=1), drive(port, once(claims), connections=1)
        )
        pinged = expect(await load, 200)
        unpin()
    expect(read, 200)
    expect(claimed, 201)
    took_ms = [s * 1000 for s in (*read.took_s, *claimed.took_s)]
    note(
        f"answers: under {pinged.rate:.0f} pings/s, claims p99 {percentile(claimed.took_s, 99) * 1000:.1f} ms"
    )
    at_most("answers_under_pings_p99", percentile(took_ms, 99), "ms", 50)
