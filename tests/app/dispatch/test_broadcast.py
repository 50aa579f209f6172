"""Rings: who is asked, when, and who never is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.states import CaseState
from app.dispatch import presence
from app.dispatch.broadcast import due_rings, offer_ring
from app.dispatch.late import offer_what_is_open
from app.dispatch.queries import open_offers
from app.dispatch.reconcile import reconcile
from app.kit.geo import Point
from app.kit.runtime import Runtime
from tests.factories import CENTRE, Made, Make


def _north(metres: float) -> Point:
    return Point(CENTRE.lat + metres / 111_195, CENTRE.lng)


async def _asked(runtime: Runtime, case: Made) -> dict[UUID, int | None]:
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text("SELECT officer_id, distance_m FROM offers WHERE case_id = :id"), {"id": case.id}
        )
        return {row.officer_id: row.distance_m for row in rows}


async def test_the_first_ring_asks_who_is_within_a_kilometre(make: Make, runtime: Runtime) -> None:
    near, far = await make.officer(at=None), await make.officer(at=None)
    await presence.beat_many(runtime, [(near.id, _north(800)), (far.id, _north(1500))])
    case = await make.case()

    assert await offer_ring(runtime, case.id) == 1

    asked = await _asked(runtime, case)
    assert set(asked) == {near.id}
    assert asked[near.id] == pytest.approx(800, abs=8)


async def test_rings_widen_when_they_are_due_and_ask_nobody_twice(make: Make, runtime: Runtime) -> None:
    near, far = await make.officer(at=None), await make.officer(at=None)
    await presence.beat_many(runtime, [(near.id, _north(800)), (far.id, _north(1500))])
    case = await make.case(reported_ago_s=11)

    await offer_ring(runtime, case.id)
    assert await due_rings(runtime) == 1  # the second, due at 10 s
    assert await due_rings(runtime) == 0  # the third, at 25 s, is not due

    assert set(await _asked(runtime, case)) == {near.id, far.id}


async def test_a_ring_run_twice_offers_once(make: Make, runtime: Runtime) -> None:
    await make.officer()
    case = await make.case()

    first, second = await offer_ring(runtime, case.id), await offer_ring(runtime, case.id)

    assert (first, second) == (1, 0)
    assert len(await _asked(runtime, case)) == 1


@pytest.mark.parametrize(
    "unfit",
    [
        {"on_duty": False},
        {"kind": "auxiliary"},
        {"busy": True},
        {"declined": True},
        {"excluded": True},
        {"skill": True},
        {"not_lead": True},
    ],
    ids=lambda u: next(iter(u)),
)
async def test_who_is_off_duty_busy_unfit_or_left_out_is_never_asked(
    unfit: dict[str, Any], make: Make, runtime: Runtime
) -> None:
    fit = await make.officer(skills=["divers"])
    other = await make.officer(
        on_duty=unfit.get("on_duty", True),
        kind=unfit.get("kind", "officer"),
        skills=[] if unfit.get("skill") else ["divers"],
        lead=fit if unfit.get("not_lead") else None,
    )
    case = await make.case(
        skill="divers" if unfit.get("skill") else None, excluded=[other.id] if unfit.get("excluded") else []
    )
    if unfit.get("busy"):
        await make.case(state="en_route", officer=other)
    if unfit.get("declined"):
        await make.offer(case, other, epoch=5)
        await make._run("UPDATE offers SET declined_at = clock_timestamp()")
    await presence.beat_many(runtime, [(fit.id, CENTRE), (other.id, CENTRE)])

    await offer_ring(runtime, case.id)

    async with runtime.database.moves() as db:
        assert await open_offers(db, other.id) == []
        assert len(await open_offers(db, fit.id)) == 1


async def test_an_officer_whose_phone_sleeps_is_asked_by_the_square_last_seen(
    make: Make, runtime: Runtime
) -> None:
    asleep = await make.officer(at=_north(500))
    await make._run("UPDATE officers SET last_seen_at = clock_timestamp() - interval '20 minutes'")
    case = await make.case()

    await offer_ring(runtime, case.id)

    assert set(await _asked(runtime, case)) == {asleep.id}


async def test_a_flushed_valkey_costs_no_offer(make: Make, runtime: Runtime) -> None:
    officer = await make.officer(at=_north(300))
    await presence.beat_many(runtime, [(officer.id, _north(300))])
    await runtime.valkey.flushall()
    case = await make.case()

    await offer_ring(runtime, case.id)

    assert set(await _asked(runtime, case)) == {officer.id}


async def test_nobody_to_ask_goes_to_the_desk_at_once_and_says_so(make: Make, runtime: Runtime) -> None:
    await make.officer(on_duty=False)
    case = await make.case()

    await offer_ring(runtime, case.id)

    assert await make.column(case, "state") == CaseState.HANDED_OVER
    assert await make.column(case, "handover_cause") == "nobody_reachable"


async def test_who_becomes_free_in_an_open_ring_is_asked_on_the_next_ping(
    make: Make, runtime: Runtime
) -> None:
    here = await make.officer()
    late = await make.officer(on_duty=False, at=None)
    case = await make.case()
    await offer_ring(runtime, case.id)
    await make._run("UPDATE officers SET on_duty = TRUE WHERE person_id = :id", id=late.id)

    offered = await offer_what_is_open(runtime, late.id, case.station.id, _north(900))

    assert offered == 1
    assert set(await _asked(runtime, case)) == {here.id, late.id}


async def test_nearby_keeps_the_newest_beat_and_forgets_old_ones(make: Make, runtime: Runtime) -> None:
    one, gone = await make.officer(), await make.officer()
    await presence.beat_many(runtime, [(one.id, _north(3000)), (gone.id, _north(100))])
    await presence.beat_many(runtime, [(one.id, _north(200))])
    for name in [k async for k in runtime.valkey.scan_iter(match="beat:*")]:
        await runtime.valkey.zincrby(name, -46_000, str(gone.id))

    found = await presence.nearby(runtime, CENTRE, within_m=4000)

    assert [n.officer_id for n in found] == [one.id]
    assert found[0].distance_m == pytest.approx(200, abs=3)


async def test_reconcile_puts_back_who_is_free_and_takes_out_who_is_not(make: Make, runtime: Runtime) -> None:
    free, busy = await make.officer(), await make.officer()
    await make.case(state="claimed", officer=busy)
    await presence.beat_many(runtime, [(busy.id, CENTRE)])

    done = await reconcile(runtime)

    assert (done.returned, done.removed) == (1, 1)
    assert [n.officer_id for n in await presence.nearby(runtime, CENTRE, within_m=4000)] == [free.id]
