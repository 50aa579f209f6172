"""Danger about a case that somebody has: a human acknowledges, or the ladder rings."""

from __future__ import annotations

from app.dispatch import desk, handover
from app.dispatch.acts import raise_to_urgent
from app.dispatch.citizen import raise_urgent
from app.kit.runtime import Runtime
from tests.factories import Make, acting


async def test_danger_words_about_an_open_case_bring_it_to_the_desk(make: Make, runtime: Runtime) -> None:
    case = await make.case()

    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)

    assert await make.column(case, "state") == "handed_over"
    assert await make.column(case, "handover_cause") == "urgent"
    assert await make.column(case, "extract(epoch FROM ack_by - handed_over_at)::int") == 30


async def test_danger_words_about_a_case_in_hand_ring_the_desk_until_a_human_acknowledges(
    make: Make, runtime: Runtime
) -> None:
    centre = await make.station(ring=None, is_command=True)
    station = await make.station(parent=centre)
    officer = await make.officer(station=station)
    staff = acting(await make.staff("desk"))
    case = await make.case(state="en_route", officer=officer, station=station, epoch=1)

    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)
    assert await make.column(case, "extract(epoch FROM ack_by - clock_timestamp()) BETWEEN 25 AND 30") is True
    await make._run("UPDATE cases SET ack_by = clock_timestamp() - interval '1 second'")
    assert await handover.sweep_unacknowledged(runtime) == 1
    assert await make.column(case, "ringing_id") == centre.id
    await desk.acknowledge(runtime, case.id, actor=staff)

    assert await make.column(case, "state") == "en_route"
    assert await make.column(case, "ack_by") is None
    assert await handover.sweep_unacknowledged(runtime) == 0


async def test_an_acknowledged_case_rings_anew_when_it_turns_dangerous(make: Make, runtime: Runtime) -> None:
    case = await make.case(state="handed_over")
    staff = acting(await make.staff("desk"))
    await desk.acknowledge(runtime, case.id, actor=staff)

    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)

    assert await make.column(case, "acknowledged_at") is None
    assert await make.column(case, "ack_by > clock_timestamp()") is True


async def test_said_again_it_rings_on_and_does_not_start_over(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(state="arrived", officer=officer, epoch=1)
    await raise_to_urgent(runtime, case.id, epoch=1, officer=acting(officer))
    first = await make.column(case, "ack_by")

    await raise_to_urgent(runtime, case.id, epoch=1, officer=acting(officer))

    assert await make.column(case, "ack_by") == first
