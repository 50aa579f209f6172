"""The deadline, the silence, the ladder."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from app.cases.states import CaseState
from app.dispatch import handover
from app.dispatch.acts import still_coming
from app.kit.runtime import Runtime
from tests.factories import Made, Make, acting


async def _events(runtime: Runtime, case: Made) -> list[str]:
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text("SELECT kind FROM events WHERE case_id = :id ORDER BY id"), {"id": case.id}
        )
        return list(rows.scalars())


async def test_a_case_nobody_claims_goes_to_the_desk_after_60_seconds(make: Make, runtime: Runtime) -> None:
    young = await make.case(reported_ago_s=58)
    due = await make.case(reported_ago_s=60)

    handed = await handover.sweep(runtime)

    assert handed == [due.id]
    assert await make.column(young, "state") == CaseState.OPEN
    assert await make.column(due, "handover_cause") == "deadline"
    assert await make.column(due, "handed_over_at >= deadline") is True


async def test_two_workers_hand_over_each_case_once(make: Make, runtime: Runtime) -> None:
    due = [await make.case(reported_ago_s=61) for _ in range(40)]

    first, second = await asyncio.gather(handover.sweep(runtime), handover.sweep(runtime))

    assert sorted(first + second) == sorted(c.id for c in due)


async def test_the_next_deadline_is_known_by_the_databases_clock(make: Make, runtime: Runtime) -> None:
    assert await handover.next_deadline_s(runtime.database) is None
    await make.case(reported_ago_s=59)

    in_s = await handover.next_deadline_s(runtime.database)

    assert in_s is not None
    assert 0.5 < in_s <= 1.0


async def test_a_silent_winner_is_nudged_the_desk_alarmed_the_case_taken_back(
    make: Make, runtime: Runtime
) -> None:
    officer = await make.officer()
    case = await make.case(state="claimed", officer=officer, epoch=1, reported_ago_s=1)
    steps = []
    for silent_s in (61, 121, 181):
        await make._run(
            "UPDATE cases SET sign_at = clock_timestamp() - make_interval(secs => CAST(:s AS int)),"
            " act_by = clock_timestamp() - interval '1 second', deadline = clock_timestamp() - interval '0.1 second',"
            " reported_at = clock_timestamp() - make_interval(secs => CAST(:s AS int)),"
            " claimed_at = clock_timestamp() - make_interval(secs => CAST(:s AS int) - 1)",
            s=silent_s,
        )
        await handover.sweep_silent(runtime)
        steps.append((await make.column(case, "state"), await make.column(case, "act_step")))

    assert steps == [("claimed", 1), ("claimed", 2), ("handed_over", 0)]
    assert await make.column(case, "handover_cause") == "silent"
    assert await _events(runtime, case) == ["case_nudged", "case_alarmed", "case_taken_back"]


async def test_taken_back_within_the_minute_is_open_again_without_the_silent_one(
    make: Make, runtime: Runtime
) -> None:
    officer = await make.officer()
    case = await make.case(state="claimed", officer=officer, epoch=1, act_step=2)
    await make._run("UPDATE cases SET act_by = clock_timestamp()")

    await handover.sweep_silent(runtime)
    await runtime.drain()

    assert await make.column(case, "excluded") == [officer.id]
    assert await make.column(case, "epoch") >= 2


async def test_a_sign_starts_the_clock_of_the_promise_again(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(
        state="claimed", officer=officer, epoch=1, act_step=2, reported_ago_s=170, window_s=9000
    )

    await still_coming(runtime, case.id, epoch=1, officer=acting(officer))
    await handover.sweep_silent(runtime)

    assert (await make.column(case, "state"), await make.column(case, "act_step")) == ("claimed", 0)
    assert await make.column(case, "act_by > clock_timestamp() + interval '55 seconds'") is True


async def test_en_route_without_progress_alarms_the_desk_and_stays(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(state="en_route", officer=officer, epoch=1, reported_ago_s=700, window_s=9000)

    await handover.sweep_silent(runtime)

    assert await make.column(case, "state") == CaseState.EN_ROUTE
    assert await _events(runtime, case) == ["case_stalled"]


async def test_a_desk_that_does_not_answer_rings_its_parent_then_the_command_centre(
    make: Make, runtime: Runtime
) -> None:
    centre = await make.station(ring=None, is_command=True)
    parent = await make.station(ring=None, parent=centre)
    station = await make.station(parent=parent)
    case = await make.case(state="handed_over", station=station, reported_ago_s=61)
    ringing = []
    for _ in range(3):
        await make._run("UPDATE cases SET ack_by = clock_timestamp() - interval '1 second'")
        await handover.sweep_unacknowledged(runtime)
        ringing.append(await make.column(case, "ringing_id"))

    assert ringing == [parent.id, centre.id, centre.id]
