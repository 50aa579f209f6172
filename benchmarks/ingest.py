"""Positions coming in: one ping at a time, and in batches, against a bare route and a naive GEOADD."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from app.settings import Settings
from benchmarks import seed
from benchmarks.claims import BARE, CONNECTIONS, rate
from benchmarks.load import request
from benchmarks.measure import at_least, interleaved, note, pin, ratio, unpin
from benchmarks.stage import runtime_on, served

PHONES, BATCH = 50, 50
NAIVE = request("POST", "/naive", body=b'{"lat":32.06,"lng":118.82}')


def fixes_request(token: str, count: int, nth: int = 0) -> bytes:
    """A phone's fixes, a second apart, the newest now; it stands a little elsewhere than its neighbours."""
    now = datetime.now(UTC)
    fixes = [
        {"lat": 32.04 + nth * 1e-4, "lng": 118.80 + n * 1e-5, "datum": "wgs84", "accuracy_m": 10,
         "at": (now - timedelta(seconds=n)).isoformat()}
        for n in range(count)
    ]  # fmt: skip
    return request("POST", "/miniprogram/v1/fixes", token=token, body=json.dumps({"fixes": fixes}).encode())


async def run(settings: Settings, seconds: float) -> None:
    """Free officers on duty, 50 phones."""
    async with (
        runtime_on(settings) as runtime,
        served("bare", settings) as (bare, _),
        served("product", settings) as (port, _),
    ):
        at = await seed.station(runtime)
        phones = await seed.signed_in(runtime, await seed.officers(runtime, at, PHONES))
        pin(1)
        part = seconds / 5
        found = await interleaved(
            3,
            bare=rate(bare, [BARE], 200, part),
            naive=rate(bare, [NAIVE], 200, part),
            ping=rate(port, [fixes_request(p.token, 1, n) for n, p in enumerate(phones)], 200, part),
            batch=rate(port, [fixes_request(p.token, BATCH, n) for n, p in enumerate(phones)], 200, part),
        )
        unpin()
    note(
        "ingest: "
        + ", ".join(f"{name} {max(rates):.0f}/s" for name, rates in found.items())
        + f"; {CONNECTIONS} connections"
    )
    at_least("ingest_ping", ratio(found, "ping", "bare"), "x", 0.8)
    at_least("ingest_batched", BATCH * ratio(found, "batch", "naive"), "x", 30)
