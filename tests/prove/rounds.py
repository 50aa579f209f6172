"""race: 200 thumbs on one case, 10,000 times. One wins each round, and the 199 others hear who."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from uuid import UUID

from app.cases.errors import CaseAlreadyTaken
from app.dispatch.claim import Claimed, claim
from app.kit.errors import AppError
from tests.factories import Made, acting
from tests.prove.figures import Figure, Progress, percentile
from tests.prove.ground import Ground, ground
from tests.races import crowd

ROUNDS, CLAIMANTS = 10_000, 200


async def rounds(scale: float) -> Figure:
    """Rounds one after another; a new case each, the same 200 officers, all free again."""
    count = max(1, int(ROUNDS * scale))
    progress = Progress("race", count, "rounds")
    took_s: list[float] = []
    won: dict[UUID, list[UUID]] = defaultdict(list)
    told: dict[UUID, set[str]] = defaultdict(set)
    odd = 0
    async with ground() as stage:
        station, reporter = await stage.make.the_station(), await stage.make.citizen()
        crew = await crowd.officers(stage.runtime, station, CLAIMANTS)
        for number in range(count):
            [case_id] = await crowd.cases(stage.runtime, station, reporter, 1)
            await crowd.offer(stage.runtime, [case_id], crew)
            for officer, outcome in zip(crew, await _race(stage, case_id, crew, took_s), strict=True):
                if isinstance(outcome, Claimed):
                    won[case_id].append(officer.id)
                elif isinstance(outcome, CaseAlreadyTaken):
                    told[case_id].add(str(outcome.facts["officer_id"]))
                else:
                    odd += 1
            await stage.runtime.drain()
            await crowd.run(
                stage.runtime,
                "UPDATE cases SET state = 'closed', closed_at = clock_timestamp(), act_by = NULL WHERE state = 'claimed'",
            )
            progress.at(number + 1)
        log = await crowd.rows(
            stage.runtime,
            "SELECT case_id, array_agg(data ->> 'officer_id') AS had FROM events WHERE kind = 'case_claimed' GROUP BY 1",
        )
    logged = {row.case_id: row.had for row in log}
    single = sum(
        len(winners) == 1 and logged.get(case_id) == [str(winners[0])] and told[case_id] == {str(winners[0])}
        for case_id, winners in won.items()
    )
    measured = (
        f"{count} rounds of {CLAIMANTS}: {single} with one winner whom the log and all losers name, {odd} odd answers;"
        f" an answer took p50 {percentile(took_s, 0.5) * 1000:.0f} ms, p99 {percentile(took_s, 0.99) * 1000:.0f} ms"
    )
    return Figure("race", single == count and odd == 0, measured)


async def _race(stage: Ground, case_id: UUID, crew: list[Made], took_s: list[float]) -> list[object]:
    begun = time.perf_counter()

    async def thumb(officer: Made) -> object:
        try:
            outcome: object = await claim(stage.runtime, case_id, epoch=0, officer=acting(officer))
        except AppError as refused:
            outcome = refused
        took_s.append(time.perf_counter() - begun)
        return outcome

    return await asyncio.gather(*(thumb(officer) for officer in crew))
