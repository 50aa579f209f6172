"""Many want one thing at once: one gets it, and the others hear who."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from uuid import UUID

import pytest

from app.cases.errors import CaseAlreadyTaken, CaseHandedOver, NotTheHolder
from app.cases.queries import Place
from app.dispatch import closed, desk, handover, intake
from app.dispatch.claim import Claimed, claim, release
from app.dispatch.errors import NotFree, OffDuty
from app.events.edge import transaction
from app.events.record import Event
from app.kit.errors import AppError
from app.kit.runtime import Runtime
from app.people.errors import CaseInHand
from app.people.officers import Duty, duty_off
from tests.factories import CENTRE, Made, Make, acting
from tests.races import crowd


async def _outcome(work: Awaitable[object]) -> object:
    """What it returned, or the refusal; any other error fails the test."""
    try:
        return await work
    except AppError as refused:
        return refused


async def test_of_200_claimants_one_wins_and_199_hear_who(make: Make, runtime: Runtime) -> None:
    crew = await crowd.officers(runtime, await make.the_station(), 200)
    case = await make.case(reported_ago_s=3)
    await crowd.offer(runtime, [case.id], crew)

    told = await asyncio.gather(
        *(_outcome(claim(runtime, case.id, epoch=0, officer=acting(o))) for o in crew)
    )
    await runtime.drain()

    winners = [o.id for o, outcome in zip(crew, told, strict=True) if isinstance(outcome, Claimed)]
    losers = [outcome for outcome in told if isinstance(outcome, CaseAlreadyTaken)]
    assert (len(winners), len(losers)) == (1, 199)
    assert {lost.facts["officer_id"] for lost in losers} == {str(winners[0])}
    assert await make.column(case, "officer_id") == winners[0]
    assert await crowd.kinds(runtime, case.id) == ["case_claimed"]


async def test_one_officer_with_two_phones_gets_one_of_two_cases(make: Make, runtime: Runtime) -> None:
    reporter, station = await make.citizen(), await make.the_station()
    crew = await crowd.officers(runtime, station, 40)
    pairs = [await crowd.cases(runtime, station, reporter, 2) for _ in crew]
    for officer, pair in zip(crew, pairs, strict=True):
        await crowd.offer(runtime, pair, [officer])

    async def two_phones(officer: Made, pair: list[UUID]) -> list[object]:
        thumbs = (_outcome(claim(runtime, c, epoch=0, officer=acting(officer))) for c in pair)
        return await asyncio.gather(*thumbs)

    told = await asyncio.gather(*(two_phones(o, p) for o, p in zip(crew, pairs, strict=True)))

    assert all(sorted(type(t).__name__ for t in two) == ["Claimed", "OfficerHasACase"] for two in told)
    held = await crowd.rows(runtime, "SELECT officer_id FROM cases WHERE state = 'claimed'")
    assert sorted(row.officer_id for row in held) == sorted(o.id for o in crew)


@pytest.mark.slow
async def test_at_the_boundary_claim_or_handover_has_the_case_never_both(
    make: Make, runtime: Runtime
) -> None:
    chance, reporter, station = random.Random(60), await make.citizen(), await make.the_station()
    crew = await crowd.officers(runtime, station, 40)
    seen: list[UUID] = []

    async def thumb(case_id: UUID, officer: Made) -> object:
        await asyncio.sleep(chance.uniform(0, 0.05))
        return await _outcome(claim(runtime, case_id, epoch=0, officer=acting(officer)))

    async def sweeps() -> None:
        while await crowd.rows(runtime, "SELECT id FROM cases WHERE state = 'open' LIMIT 1"):
            await handover.sweep(runtime)

    for _ in range(25):
        at_once = await crowd.cases(runtime, station, reporter, 10, in_s=60)
        for n, case_id in enumerate(at_once):
            await crowd.offer(runtime, [case_id], crew[4 * n : 4 * n + 4])
        await crowd.run(
            runtime,
            "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now) UPDATE cases SET"
            " reported_at = t.now - interval '59.97 seconds', deadline = t.now + interval '0.03 seconds'"
            " FROM t WHERE id = ANY(CAST(:ids AS uuid[]))",
            ids=at_once,
        )
        thumbs = [thumb(case_id, crew[4 * n + k]) for n, case_id in enumerate(at_once) for k in range(4)]
        told, _ = await asyncio.gather(asyncio.gather(*thumbs), asyncio.gather(sweeps(), sweeps()))
        await runtime.drain()
        refusals = {type(t) for t in told if not isinstance(t, Claimed)}
        assert refusals <= {CaseAlreadyTaken, CaseHandedOver}
        for n, case_id in enumerate(at_once):
            winners = [t for t in told[4 * n : 4 * n + 4] if isinstance(t, Claimed)]
            had = "case_claimed" if winners else "case_handed_over"
            assert (len(winners) <= 1, await crowd.kinds(runtime, case_id)) == (True, [had])
        await crowd.run(
            runtime,
            "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() WHERE state = 'claimed'",
        )
        seen += at_once

    log = await crowd.rows(
        runtime,
        "SELECT e.kind, e.at < c.deadline AS before, e.at = coalesce(c.claimed_at, c.handed_over_at) AS same"
        " FROM events e JOIN cases c ON c.id = e.case_id WHERE c.id = ANY(CAST(:ids AS uuid[]))",
        ids=seen,
    )
    assert len(log) == len(seen)
    assert all(entry.same and entry.before == (entry.kind == "case_claimed") for entry in log)
    assert {entry.kind for entry in log} == {"case_claimed", "case_handed_over"}  # both sides were run


async def test_a_late_cache_write_races_the_next_claim_and_harms_nobody(
    make: Make, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The winner's process writes its cache while the case, released since, is claimed by another."""
    remember, late = closed.remember, list[Event]()

    async def pauses(_: Runtime, event: Event) -> None:
        late.append(event)

    monkeypatch.setattr(closed, "remember", pauses)
    for _ in range(15):
        first, second = await make.officer(), await make.officer()
        case = await make.case()
        await make.offer(case, first)
        await claim(runtime, case.id, epoch=0, officer=acting(first))
        await runtime.drain()
        await release(runtime, case.id, epoch=1, officer=acting(first), reason="car")
        await runtime.drain()
        await make._run(
            "INSERT INTO offers (case_id, epoch, officer_id, ring, candidates) VALUES (:c, 2, :o, 0, 1)"
            " ON CONFLICT DO NOTHING",
            c=case.id, o=second.id,
        )  # fmt: skip

        written = [remember(runtime, event) for event in late]
        won, *_ = await asyncio.gather(claim(runtime, case.id, epoch=2, officer=acting(second)), *written)

        assert won.epoch == 3
        assert written
        late.clear()


async def test_of_ten_desks_one_takes_the_case(make: Make, runtime: Runtime) -> None:
    desks = [acting(await make.staff("desk", station=await make.the_station())) for _ in range(10)]
    case = await make.case(state="handed_over")

    told = await asyncio.gather(
        *(_outcome(desk.take_case(runtime, case.id, epoch=0, actor=d)) for d in desks)
    )

    taken = await make.column(case, "desk_person_id")
    losers = [t for t in told if isinstance(t, NotTheHolder)]
    assert len(losers) == 9
    assert {lost.facts["desk_person_id"] for lost in losers} == {str(taken)}
    assert await crowd.kinds(runtime, case.id) == ["case_taken_by_desk"]


async def test_two_desks_assign_one_case_and_one_officer_once(make: Make, runtime: Runtime) -> None:
    station = await make.the_station()
    desks = [acting(await make.staff("desk", station=station)) for _ in range(2)]
    for _ in range(15):
        officer = await make.officer()
        two = [await make.case(state="handed_over"), await make.case(state="handed_over")]

        both = [
            _outcome(desk.assign(runtime, c.id, epoch=0, officer_id=officer.id, actor=d))
            for c in two
            for d in desks
        ]
        told = await asyncio.gather(*both)

        held = await crowd.rows(runtime, "SELECT id FROM cases WHERE officer_id = :o", o=officer.id)
        assert len(held) == 1
        assert sum(not isinstance(t, AppError) for t in told) == 1


async def test_of_two_cases_folded_into_each_other_one_goes_on(make: Make, runtime: Runtime) -> None:
    station = await make.the_station()
    chief = acting(await make.staff("desk", station=station))
    for _ in range(15):
        one, other = await make.case(state="handed_over"), await make.case(state="handed_over")

        told = await asyncio.gather(
            _outcome(desk.merge(runtime, one.id, epoch=0, into_id=other.id, actor=chief)),
            _outcome(desk.merge(runtime, other.id, epoch=0, into_id=one.id, actor=chief)),
        )

        assert sorted(type(t).__name__ for t in told) == ["CaseEnded", "Moved"]


async def test_ten_identical_reports_are_one_case(make: Make, runtime: Runtime) -> None:
    await make.the_station()
    reporter = await make.citizen()
    report = intake.Report(
        reporter.id, "noise", "楼上很吵", Place(CENTRE, None), idempotency_key="the-same-key"
    )

    async def send() -> intake.Opened:
        async with transaction(runtime) as db:
            return await intake.take(db, runtime, report)

    opened = await asyncio.gather(*(send() for _ in range(10)))
    await runtime.drain()

    assert len({o.case_id for o in opened}) == 1
    assert sum(o.fresh for o in opened) == 1
    assert (await crowd.kinds(runtime, opened[0].case_id)).count("case_reported") == 1


async def _goes_off(runtime: Runtime, officer: Made) -> Duty:
    async with transaction(runtime) as db:
        return await duty_off(db, officer.id)


@pytest.mark.parametrize("way", ["claim", "assign"])
async def test_nobody_off_duty_ever_holds_a_case(way: str, make: Make, runtime: Runtime) -> None:
    station, reporter, rounds = await make.the_station(), await make.citizen(), 60
    chief = acting(await make.staff("desk", station=station))
    crew = await crowd.officers(runtime, station, rounds)
    ids = await crowd.cases(runtime, station, reporter, rounds)
    ends = set()
    for officer, case_id in zip(crew, ids, strict=True):
        if way == "claim":
            await crowd.offer(runtime, [case_id], [officer])
            gets: Awaitable[object] = claim(runtime, case_id, epoch=0, officer=acting(officer))
        else:
            await crowd.run(
                runtime, "UPDATE cases SET state = 'handed_over', handed_over_at = deadline WHERE id = :id",
                id=case_id,
            )  # fmt: skip
            gets = desk.assign(runtime, case_id, epoch=0, officer_id=officer.id, actor=chief)

        got, off = await asyncio.gather(_outcome(gets), _outcome(_goes_off(runtime, officer)))

        ends.add((type(got).__name__, type(off).__name__))
    held_off_duty = await crowd.rows(
        runtime,
        "SELECT c.id FROM cases c JOIN officers f ON f.person_id = c.officer_id"
        " WHERE c.state IN ('claimed', 'assigned') AND NOT f.on_duty",
    )
    refused = (OffDuty if way == "claim" else NotFree).__name__
    assert held_off_duty == []
    assert ends <= {("Claimed" if way == "claim" else "Moved", CaseInHand.__name__), (refused, "Duty")}
