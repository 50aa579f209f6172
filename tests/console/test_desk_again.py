"""Each act of the desk sent twice: the same person gets the same answer, nobody else gets it for theirs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.kit.runtime import Runtime
from tests.console.people import People, Person
from tests.factories import Made, Make

ELSEWHERE = [[118.90, 32.02], [118.99, 32.02], [118.99, 32.10], [118.90, 32.10], [118.90, 32.02]]


@pytest.fixture
async def waiting(make: Make) -> Made:
    return await make.case(state="handed_over", reported_ago_s=20)


async def _events(runtime: Runtime, case: Made) -> list[str]:
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text("SELECT kind FROM events WHERE case_id = :c ORDER BY id"), {"c": case.id}
        )
        return list(rows.scalars())


async def _twice(desk: Person, path: str, **body: object) -> Any:
    first = await desk.post(path, **body)
    second = await desk.post(path, **body)
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert first.json() == second.json()
    return second.json()


async def test_every_act_sent_twice_is_done_once_and_answered_alike(
    desk: Person, make: Make, waiting: Made
) -> None:
    other, officer = await make.station(ring=ELSEWHERE, code="B1"), await make.officer()
    path = f"/cases/{waiting.id}"

    await _twice(desk, f"{path}/acknowledge")
    await _twice(desk, f"{path}/take", epoch=0)
    back = await _twice(desk, f"{path}/put-back", epoch=0)
    given = await _twice(desk, f"{path}/assignment", epoch=back["epoch"], officer_id=str(officer.id))
    recalled = await _twice(desk, f"{path}/recall", epoch=given["epoch"], reason="另派")
    await _twice(desk, f"{path}/take", epoch=recalled["epoch"])
    await _twice(desk, f"{path}/close", epoch=recalled["epoch"], disposition="advised", note="已告知")
    again = await _twice(desk, f"{path}/reopen", reason="来电称未解决")
    gone = await _twice(
        desk, f"{path}/forward", epoch=again["epoch"], to_station_id=str(other.id), reason="辖区不符"
    )

    assert (gone["station_id"], gone["epoch"]) == (str(other.id), again["epoch"] + 1)
    assert (await desk.get(path)).status_code == 404  # a repeat opens no door
    assert await _events(desk.runtime, waiting) == [
        "case_acknowledged", "case_taken_by_desk", "case_returned", "case_assigned", "case_returned",
        "case_taken_by_desk", "case_closed", "case_reopened", "case_forwarded",
    ]  # fmt: skip


async def test_a_merge_sent_twice_is_one(desk: Person, make: Make, waiting: Made) -> None:
    into, third = await make.case(state="handed_over"), await make.case(state="handed_over")

    merged = await _twice(desk, f"/cases/{waiting.id}/merge", epoch=0, into_id=str(into.id))
    elsewhere = await desk.post(f"/cases/{waiting.id}/merge", epoch=0, into_id=str(third.id))

    assert merged["state"] == "merged"
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "case_ended")


async def test_an_assignment_repeated_after_the_officer_set_out_is_still_a_success(
    desk: Person, make: Make, waiting: Made
) -> None:
    officer = await make.officer()
    first = await desk.ok(
        "POST", f"/cases/{waiting.id}/assignment", {"epoch": 0, "officer_id": str(officer.id)}
    )
    await make._run("UPDATE cases SET state = 'en_route'")

    again = await desk.ok(
        "POST", f"/cases/{waiting.id}/assignment", {"epoch": 0, "officer_id": str(officer.id)}
    )

    assert again == first


async def test_another_act_or_another_person_gets_no_answer_of_a_first(
    people: People, desk: Person, make: Make, waiting: Made
) -> None:
    colleague = await people.signed_in("desk", station=await make.the_station())
    one, two = await make.officer(), await make.officer()
    path = f"/cases/{waiting.id}"
    await desk.ok("POST", f"{path}/acknowledge")
    await desk.ok("POST", f"{path}/assignment", {"epoch": 0, "officer_id": str(one.id)})

    answers = [
        await colleague.post(f"{path}/acknowledge"),
        await desk.post(f"{path}/assignment", epoch=0, officer_id=str(two.id)),
        await colleague.post(f"{path}/assignment", epoch=0, officer_id=str(one.id)),
        await desk.post(f"{path}/take", epoch=0),
    ]

    assert [a.status_code for a in answers] == [409, 409, 409, 409]
    assert answers[1].json()["code"] == "stale_epoch"


async def test_a_repeat_is_no_success_once_the_case_has_changed_hands(
    desk: Person, make: Make, waiting: Made
) -> None:
    path = f"/cases/{waiting.id}"
    await desk.ok("POST", f"{path}/take", {"epoch": 0})
    await desk.ok("POST", f"{path}/put-back", {"epoch": 0})

    late = await desk.post(f"{path}/take", epoch=0)

    assert (late.status_code, late.json()["code"]) == (409, "stale_epoch")
    assert await make.column(waiting, "desk_person_id") is None


async def test_the_old_desk_hears_that_a_case_is_gone(desk: Person, make: Make, waiting: Made) -> None:
    other = await make.station(ring=ELSEWHERE, code="B1")
    body = {"epoch": 0, "to_station_id": str(other.id), "reason": "辖区不符"}
    await desk.ok("POST", f"/cases/{waiting.id}/forward", body)

    async with desk.runtime.database.moves() as db:
        told = (
            await db.execute(
                text("SELECT data ->> 'from_station_id' FROM events WHERE kind = 'case_forwarded'")
            )
        ).scalar_one()
    assert UUID(told) == waiting.station.id
