"""G1: every opening is granted once, whatever dies; no grant that was answered is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.cases.errors import CaseAlreadyTaken
from app.dispatch.claim import claim
from app.kit.errors import AppError
from tests.factories import Made, acting
from tests.prove.figures import Figure, Progress
from tests.prove.ground import Ground, ground
from tests.races import crowd

CASES, CLAIMANTS, VALKEY_KILLS, POSTGRES_KILLS = 10_000, 50, 20, 5
AT_ONCE = 8
CUT_OFF = (DBAPIError, PoolTimeout, OSError, TimeoutError)


@dataclass(frozen=True)
class Answer:
    """One claimant's last word on a case. `won` None: never answered, though asked again."""

    case_id: UUID
    officer_id: UUID
    begun: float
    ended: float
    won: bool | None
    told: str | None = None  # who has it, as the loser heard


async def grants(scale: float) -> Figure:
    """Races of 50 on each case; a claimant whose claim is cut off asks again, as a phone does."""
    count, chance = max(AT_ONCE, int(CASES * scale)), random.Random(1)
    history: list[Answer] = []
    progress = Progress("G1", count, "cases")
    async with ground(connections=45) as stage:
        station, reporter = await stage.make.the_station(), await stage.make.citizen()
        crews = [
            await crowd.officers(stage.runtime, station, CLAIMANTS, first=100_000 + CLAIMANTS * n)
            for n in range(AT_ONCE)
        ]
        ids = await crowd.cases(stage.runtime, station, reporter, count, in_s=24 * 3600, window_s=25 * 3600)
        raced = 0

        async def lane(number: int) -> None:
            nonlocal raced
            for case_id in ids[number::AT_ONCE]:
                await _until_done(lambda c=case_id: crowd.offer(stage.runtime, [c], crews[number]))
                crew = chance.sample(crews[number], CLAIMANTS)
                history.extend(await asyncio.gather(*(_thumb(stage, case_id, o) for o in crew)))
                await _until_done(lambda c=case_id: _is_free_again(stage, c))
                raced += 1
                progress.at(raced)

        meant = max(2, round(VALKEY_KILLS * scale)), max(1, round(POSTGRES_KILLS * scale))
        harm = asyncio.create_task(_harm(stage, meant, lambda: raced / count))
        await asyncio.gather(*(lane(n) for n in range(AT_ONCE)))
        kills = await harm
        await stage.runtime.drain()
        figure = await _judge(stage, ids, history, kills)
        return replace(figure, ok=figure.ok and kills == meant)


async def _thumb(stage: Ground, case_id: UUID, officer: Made) -> Answer:
    begun = time.monotonic()
    while True:
        try:
            await claim(stage.runtime, case_id, epoch=0, officer=acting(officer))
        except CaseAlreadyTaken as lost:
            who = str(lost.facts["officer_id"])
            return Answer(case_id, officer.id, begun, time.monotonic(), False, who)
        except AppError:
            return Answer(case_id, officer.id, begun, time.monotonic(), None)
        except CUT_OFF:
            await asyncio.sleep(0.05)
            continue
        return Answer(case_id, officer.id, begun, time.monotonic(), True)


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except CUT_OFF:
            await asyncio.sleep(0.05)
            continue
        return


async def _is_free_again(stage: Ground, case_id: UUID) -> None:
    """Straight on the row, for the next race of this crew; the events of the grant stay."""
    await crowd.run(
        stage.runtime,
        "UPDATE cases SET state = 'closed', closed_at = clock_timestamp(), act_by = NULL WHERE id = :id"
        " AND state = 'claimed'",
        id=case_id,
    )


async def _harm(stage: Ground, meant: tuple[int, int], share: Callable[[], float]) -> tuple[int, int]:
    """Kills of Valkey and PostgreSQL, spread: the n-th when its share of the races is over. Those begun while
    races went on are counted."""
    kinds = ["valkey"] * meant[0] + ["postgres"] * meant[1]
    random.Random(2).shuffle(kinds)
    done: Counter[str] = Counter()
    for number, kind in enumerate(kinds):
        while share() < (number + 0.5) / (len(kinds) + 1):
            await asyncio.sleep(0.05)
        done[kind] += share() < 1
        await (stage.kill_valkey(away_s=0.2) if kind == "valkey" else stage.kill_postgres())
    return done["valkey"], done["postgres"]


async def _judge(stage: Ground, ids: list[UUID], history: list[Answer], kills: tuple[int, int]) -> Figure:
    """A history of one opening is linearizable when its answers name one winner, whom the log names too,
    and no loser heard of him before any claim of his could have begun."""
    log = defaultdict(list)
    events = "SELECT case_id, data ->> 'officer_id' AS officer FROM events WHERE kind = 'case_claimed'"
    for row in await crowd.rows(stage.runtime, events):
        log[row.case_id].append(row.officer)
    by_case = defaultdict(list)
    for answer in history:
        by_case[answer.case_id].append(answer)
    doubles = lost = disordered = 0
    for case_id in ids:
        answers = by_case[case_id]
        winners = [a for a in answers if a.won]
        doubles += len(log[case_id]) > 1 or len(winners) > 1
        lost += len(log[case_id]) != 1 or len(winners) != 1 or log[case_id] != [str(winners[0].officer_id)]
        began = min((a.begun for a in winners), default=float("inf"))
        losers = [a for a in answers if not a.won]
        disordered += any(a.ended < began or a.told != log[case_id][0] for a in losers if log[case_id])
    claims_s = len(history) / max(0.001, max(a.ended for a in history) - min(a.begun for a in history))
    measured = (
        f"{len(ids)} cases x {CLAIMANTS} claimants, Valkey killed {kills[0]} times, PostgreSQL {kills[1]} times:"
        f" {doubles} double, {lost} lost, {disordered} histories not linearizable ({claims_s:.0f} claims/s)"
    )
    return Figure("G1", doubles == lost == disordered == 0, measured)
