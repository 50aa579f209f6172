"""The nearest officers among 100,000, spread as in a city, against one plain GEOSEARCH."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from redis.asyncio import Redis

from app.dispatch.presence import beat_many, nearby
from app.kit.geo import Point, metres
from app.settings import Settings
from benchmarks.measure import at_least, interleaved, note, ratio
from benchmarks.stage import runtime_on

OFFICERS, QUARTERS, SEARCHES, CHECKED = 100_000, 60, 200, 40
WITHIN_M, LIMIT = 4_000, 10
FLAT = "flat:pos"


async def run(settings: Settings, _seconds: float) -> None:
    """Quarters of different density around 60 centres; searches where people are."""
    chance = random.Random(7)
    centres = [Point(chance.uniform(31.95, 32.15), chance.uniform(118.70, 118.95)) for _ in range(QUARTERS)]
    people = [(uuid4(), _somewhere(chance, centres)) for _ in range(OFFICERS)]
    places = [_somewhere(chance, centres) for _ in range(SEARCHES)]
    async with runtime_on(settings) as runtime:
        flat = Redis.from_url(settings.valkey_url or "")

        async def fill() -> None:
            for start in range(0, OFFICERS, 2_000):
                await beat_many(runtime, people[start : start + 2_000])

        await fill()
        for start in range(0, OFFICERS, 2_000):
            pipe = flat.pipeline(transaction=False)
            pipe.geoadd(
                FLAT, [x for one, at in people[start : start + 2_000] for x in (at.lng, at.lat, str(one))]
            )
            await pipe.execute()

        async def ours(at: Point) -> list[UUID]:
            return [n.officer_id for n in await nearby(runtime, at, within_m=WITHIN_M, limit=LIMIT)]

        async def plain(at: Point) -> list[UUID]:
            found = await flat.geosearch(FLAT, longitude=at.lng, latitude=at.lat, radius=WITHIN_M, unit="m", sort="ASC",
                                         count=LIMIT, withdist=True)  # fmt: skip
            return [UUID(member.decode()) for member, _ in found]

        found = await interleaved(5, ours=_rate(ours, places), plain=_rate(plain, places))
        await fill()  # beats are fresh for 45 s
        hit = 0
        for at in places[:CHECKED]:
            truth = sorted(people, key=lambda p, at=at: metres(at, p[1]))[:LIMIT]  # type: ignore[misc]
            farthest = metres(at, truth[-1][1]) + 1  # Valkey rounds a position to under a metre
            near = {one for one, place in people if metres(at, place) <= farthest}
            hit += len(near & set(await ours(at)))
        await flat.delete(FLAT)
        await flat.aclose()
    note(f"nearest: ours {max(found['ours']):.0f}/s, one GEOSEARCH {max(found['plain']):.0f}/s")
    at_least("nearest", ratio(found, "ours", "plain"), "x", 2.0)
    at_least("nearest_recall", hit / (CHECKED * LIMIT), "of_found", 1.0)


def _somewhere(chance: random.Random, centres: list[Point]) -> Point:
    centre = centres[min(int(chance.expovariate(0.08)), QUARTERS - 1)]
    return Point(chance.gauss(centre.lat, 0.008), chance.gauss(centre.lng, 0.01))


def _rate(
    search: Callable[[Point], Awaitable[list[UUID]]], places: list[Point]
) -> Callable[[], Awaitable[float]]:
    async def measured() -> float:
        began = time.perf_counter()
        for at in places:
            await search(at)
        return len(places) / (time.perf_counter() - began)

    return measured
