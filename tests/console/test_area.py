"""The desk opens an area case for one of its cases, reads it, and ends it; others do not, and every act is on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.dispatch.nearby import note_told, say_me_too
from app.events.edge import transaction
from app.kit.clock import utc_now
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from tests.console.people import People, Person
from tests.console.test_desk import ELSEWHERE, actions
from tests.factories import CENTRE, Made, Make


@pytest.fixture
async def waiting(make: Make) -> Made:
    return await make.case(state="handed_over", reported_ago_s=20)


def given(**changes: Any) -> dict[str, Any]:
    until = (utc_now() + timedelta(hours=3)).isoformat()
    return {
        "lat": CENTRE.lat, "lng": CENTRE.lng, "radius_m": 400, "words_zh": "湖边音乐节，22点结束",
        "words_en": "Festival by the lake, until 22:00", "until": until,
    } | changes  # fmt: skip


async def test_it_is_opened_read_counted_ended_and_on_record(
    desk: Person, runtime: Runtime, make: Make, waiting: Made
) -> None:
    path = f"/cases/{waiting.id}/area"
    none = await desk.get(path)
    opened = await desk.ok("POST", path, given())
    twice = await desk.call("POST", path, given())
    joiner = await make.citizen()
    async with transaction(runtime) as db:
        await note_told(db, joiner.id, waiting.id, published=True)
        await say_me_too(db, joiner.id, waiting.id)
    whole = await desk.get(f"/cases/{waiting.id}")
    read = await desk.ok("GET", path)
    ended = await desk.call("POST", f"{path}/end")
    again = await desk.call("POST", f"{path}/end")

    assert (none.status_code, none.json()["code"]) == (409, "no_area_open")
    assert (opened["category"], opened["radius_m"], opened["words_zh"]) == (
        "noise",
        400,
        "湖边音乐节，22点结束",
    )
    assert read == opened
    assert (twice.status_code, twice.json()["code"]) == (409, "area_open_already")
    assert whole.json()["me_toos"] == 1
    assert str(joiner.id) not in whole.text
    assert ended.status_code == 204
    assert (again.status_code, again.json()["code"]) == (409, "no_area_open")
    for action in ("area_case_opened", "area_case_ended"):
        [act] = await actions(runtime, action)
        assert (act["actor_id"], act["object_id"]) == (desk.person_id, str(waiting.id))


async def test_the_ledger_of_a_case_names_nobody_who_said_me_too(
    desk: Person, runtime: Runtime, make: Make, waiting: Made
) -> None:
    joiner = await make.citizen()
    await desk.ok("POST", f"/cases/{waiting.id}/area", given())
    async with transaction(runtime) as db:
        await note_told(db, joiner.id, waiting.id, published=True)
        await say_me_too(db, joiner.id, waiting.id)
    await desk.call("POST", f"/cases/{waiting.id}/area/end")
    await runtime.drain()

    ledger = await desk.get(f"/cases/{waiting.id}/deliveries")
    assert [item["kind"] for item in ledger.json()["items"]] == ["me_too_ended"]
    assert str(joiner.id) not in ledger.text
    assert str(joiner.id) not in (await desk.get(f"/cases/{waiting.id}/timeline")).text


@pytest.mark.parametrize("hours", [-1, 73])
async def test_a_time_that_is_over_or_too_far_is_refused(desk: Person, waiting: Made, hours: int) -> None:
    until = (utc_now() + timedelta(hours=hours)).isoformat()
    refused = await desk.call("POST", f"/cases/{waiting.id}/area", given(until=until))

    assert (refused.status_code, refused.json()["field"]) == (422, "until")


async def test_an_urgent_case_gets_none(desk: Person, make: Make) -> None:
    case = await make.case(state="handed_over", urgent=True)
    refused = await desk.call("POST", f"/cases/{case.id}/area", given())

    assert (refused.status_code, refused.json()["code"]) == (409, "area_not_shared")


async def test_another_stations_desk_sees_no_such_case(people: People, make: Make, waiting: Made) -> None:
    stranger = await people.signed_in("desk", station=await make.station(ring=ELSEWHERE))
    path = f"/cases/{waiting.id}/area"
    answers = [
        await stranger.get(path),
        await stranger.call("POST", path, given()),
        await stranger.call("POST", f"{path}/end"),
        await stranger.call("POST", f"/cases/{new_id()}/area", given()),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
