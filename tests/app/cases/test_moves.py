"""Every state against every move: what is allowed happens, with its event; all else changes nothing."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.moves import move
from app.cases.states import ACTIVE, MOVES, CaseState, Move
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from tests.factories import Made, Make

OFFICER_ACTS = {
    "en_route", "arrive", "close", "release", "release_to_desk", "another_unit", "return", "agree_to_cancel",
}  # fmt: skip
REPORTER_ACTS = {"cancel", "refuse_officer", "not_solved", "ask_to_cancel"}
DESK_HOLDS = {"close_at_desk", "put_back"}
PAST = {"hand_over"}
DUE_STEP = {"nudge": 0, "alarm": 1, "take_back": 2, "take_back_to_desk": 2, "stall": 0}


async def _case(make: Make, state: CaseState, what: Move, officer: Made, desk: Made) -> Made:
    columns: dict[str, object] = {}
    if state is CaseState.HANDED_OVER and what.name in DESK_HOLDS:
        columns["desk_person_id"] = desk.id
    if what.name == "agree_to_cancel":
        columns["facts"] = {"cancel_asked": True}
    if what.name in DUE_STEP:
        columns["act_step"] = DUE_STEP[what.name]
    if what.name == "mark_urgent" and state is CaseState.OPEN:
        columns["urgent"] = True  # else it is `raise`, which brings it to the desk
    over = what.name in PAST | {"take_back_to_desk", "release_to_desk"}
    old = what.name in DUE_STEP or over or (what.name == "escalate")
    return await make.case(
        state=state, officer=officer if state in ACTIVE else None,
        reported_ago_s=5000 if old else 10, window_s=60 if over else 9000, **columns,
    )  # fmt: skip


def _actor(what: Move, case: Made, officer: Made, desk: Made) -> UUID:
    if what.name in REPORTER_ACTS:
        return UUID(str(case.reporter.id))
    return desk.id if what.name in DESK_HOLDS | {"take", "assign", "forward", "merge"} else officer.id


@pytest.mark.parametrize("state", list(CaseState))
@pytest.mark.parametrize("what", MOVES, ids=lambda m: m.name)
async def test_a_move_happens_from_its_states_and_from_no_other(
    what: Move, state: CaseState, make: Make, runtime: Runtime
) -> None:
    officer, other, desk = await make.officer(), await make.officer(), await make.staff("desk")
    case = await _case(make, state, what, officer, desk)
    if what.name == "not_solved" and state is CaseState.CLOSED:
        await make._run("UPDATE cases SET closed_at = clock_timestamp() WHERE id = :id", id=case.id)
    if what.name in ("acknowledge", "ring_elsewhere", "escalate"):
        await make._run("UPDATE cases SET ack_by = clock_timestamp() - interval '1 second'")
    into = await make.case(state="handed_over") if what.name == "merge" else case
    values = {
        "disposition": "solved", "note": None, "officer_id": other.id, "to_station_id": case.station.id,
        "into_id": into.id, "step": 0, "ringing_id": case.station.id, "ack_s": 30,
    }  # fmt: skip

    async with runtime.database.moves() as db:
        moved = await move(db, what, case.id, actor_id=_actor(what, case, officer, desk), epoch=0, **values)
        events = (
            await db.execute(text("SELECT kind, data FROM events WHERE case_id = :id"), {"id": case.id})
        ).all()
        waiting = (await db.execute(text("SELECT count(*) FROM outbox"))).scalar_one()

    if state in what.sources:
        assert moved is not None
        assert moved.state == (what.target or state)
        assert moved.epoch == (1 if what.new_holder else 0)
        assert [(e.kind, e.data["from"], e.data["to"]) for e in events] == [(what.event, state, moved.state)]
        assert waiting == 1
    else:
        assert moved is None
        assert (await make.column(case, "state"), await make.column(case, "epoch")) == (state, 0)
        assert (events, waiting) == ([], 0)


@pytest.mark.parametrize("what", MOVES, ids=lambda m: m.name)
async def test_a_stale_epoch_moves_nothing(what: Move, make: Make, runtime: Runtime) -> None:
    officer, other, desk = await make.officer(), await make.officer(), await make.staff("desk")
    state = sorted(what.sources)[0]
    case = await _case(make, state, what, officer, desk)
    values = {
        "disposition": "solved", "note": None, "officer_id": other.id, "to_station_id": case.station.id,
        "into_id": new_id(), "step": 0, "ringing_id": case.station.id, "ack_s": 30,
    }  # fmt: skip

    async with runtime.database.moves() as db:
        moved = await move(db, what, case.id, actor_id=_actor(what, case, officer, desk), epoch=7, **values)

    assert moved is None
    assert await make.column(case, "epoch") == 0
