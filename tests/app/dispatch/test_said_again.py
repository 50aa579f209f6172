"""What a reporter says again and again is heard once a moment: nobody's board, phone and messages are used up by it."""

from __future__ import annotations

from sqlalchemy import text

from app.dispatch.citizen import Cancelled, cancel, raise_urgent
from app.dispatch.desk import acknowledge
from app.kit.runtime import Runtime
from tests.factories import Made, Make, acting


async def _told(runtime: Runtime, case: Made, kind: str) -> int:
    async with runtime.database.moves() as db:
        counted = text("SELECT count(*) FROM events WHERE case_id = :id AND kind = :kind")
        return int((await db.execute(counted, {"id": case.id, "kind": kind})).scalar_one())


async def _age_events(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE events SET at = at - interval '1 minute'"))


async def test_danger_said_ten_times_rings_once_and_after_an_answer_again(
    runtime: Runtime, make: Make
) -> None:
    case = await make.case(state="en_route", officer=await make.officer(), epoch=1)
    for _ in range(10):
        raised = await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)
        assert raised is not None
        assert raised.case_id == case.id
    assert await _told(runtime, case, "case_raised") == 1

    await acknowledge(runtime, case.id, actor=acting(await make.staff("desk")))
    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)
    assert await _told(runtime, case, "case_raised") == 2  # a human had answered: it rings anew, at once

    await _age_events(runtime)
    await raise_urgent(runtime, case.id, reporter_id=case.reporter.id)
    assert await _told(runtime, case, "case_raised") == 3


async def test_a_wish_to_cancel_said_ten_times_is_told_once_a_minute(runtime: Runtime, make: Make) -> None:
    case = await make.case(state="en_route", officer=await make.officer(), epoch=1)

    said = [await cancel(runtime, case.id, reporter_id=case.reporter.id) for _ in range(10)]

    assert {one.outcome for one in said} == {Cancelled.ASKED}
    assert await _told(runtime, case, "case_cancel_asked") == 1
    await _age_events(runtime)
    await cancel(runtime, case.id, reporter_id=case.reporter.id)
    assert await _told(runtime, case, "case_cancel_asked") == 2
