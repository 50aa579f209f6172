"""The reporter's own cases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.receipts.proof import is_valid, matches, read
from app.receipts.service import public_keys
from tests.factories import Make
from tests.miniprogram.phones import POINT, Phone, Settle, SignIn


async def test_a_report_is_received_with_its_number_station_and_deadline(citizen: Phone) -> None:
    opened = await citizen.report()

    seen = await citizen.ok("GET", f"/cases/{opened['case_id']}")
    assert opened["state"] in ("open", "handed_over")
    assert seen["number"] == opened["number"]
    assert seen["words"] == "楼上很吵"
    assert seen["place"] == {"point": {"lat": 32.06, "lng": 118.82}, "label": "3单元"}
    assert opened["call_110"] is False


async def test_a_receipt_proves_to_anybody_what_was_reported(
    citizen: Phone, runtime: Runtime, make: Make, sign_in: SignIn
) -> None:
    case_id = (await citizen.report())["case_id"]

    mine = await citizen.ok("GET", f"/cases/{case_id}/receipt")
    others = await (await sign_in(await make.citizen())).get(f"/cases/{case_id}/receipt")

    assert is_valid(mine["receipt"], public_keys(runtime.settings))
    assert mine["link"].endswith(mine["receipt"])
    assert matches(read(mine["receipt"]), mine["content"].encode(), bytes.fromhex(mine["salt"]))
    assert "楼上很吵" in mine["content"]
    assert others.status_code == 404


async def test_ten_identical_reports_at_once_are_one_case(citizen: Phone) -> None:
    body = {"category": "noise", "words": "吵", "place": {"point": POINT}}

    answers = await asyncio.gather(
        *(citizen.post("/reports", body, **{"Idempotency-Key": "the-same-key-1"}) for _ in range(10))
    )

    assert {answer.json()["case_id"] for answer in answers} == {answers[0].json()["case_id"]}
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len((await citizen.ok("GET", "/cases"))["items"]) == 1


async def test_a_report_needs_its_key_and_no_field_that_is_not_known(citizen: Phone) -> None:
    body = {"category": "noise", "place": {"point": POINT}}

    without_key = await citizen.post("/reports", body)
    misspelt = await citizen.post("/reports", body | {"word": "x"}, **{"Idempotency-Key": "key-00000001"})

    assert without_key.status_code == misspelt.status_code == 422
    assert without_key.json()["code"] == "invalid"


async def test_a_place_is_kept_in_wgs84_whatever_datum_it_was_given_in(citizen: Phone) -> None:
    shifted = Point(32.06, 118.82).to_gcj02()
    opened = await citizen.report(place={"point": {"lat": shifted.lat, "lng": shifted.lng, "datum": "gcj02"}})

    seen = await citizen.ok("GET", f"/cases/{opened['case_id']}")
    undeclared = await citizen.post(
        "/reports",
        {"category": "noise", "place": {"point": {"lat": 1, "lng": 2}}},
        **{"Idempotency-Key": "k" * 8},
    )

    assert seen["place"]["point"]["lat"] == pytest.approx(32.06, abs=1e-7)
    assert seen["place"]["point"]["lng"] == pytest.approx(118.82, abs=1e-7)
    assert undeclared.status_code == 422


async def test_a_report_without_a_point_is_born_at_the_desk(citizen: Phone, make: Make) -> None:
    await make.station(ring=None, is_command=True)

    opened = await citizen.report(place={"label": "中山门附近"})

    seen = await citizen.ok("GET", f"/cases/{opened['case_id']}")
    assert (opened["state"], opened["cause"]) == ("handed_over", "no_place")
    assert seen["desk"]["acknowledged"] is False
    assert seen["desk"]["phone"]


async def test_the_danger_button_alarms_the_desk_at_second_0(citizen: Phone) -> None:
    opened = await citizen.report(danger=True)

    assert (opened["state"], opened["cause"], opened["call_110"]) == ("handed_over", "urgent", True)


async def test_danger_in_an_open_case_takes_it_to_the_desk(make: Make, sign_in: SignIn) -> None:
    case = await make.case()
    reporter = await sign_in(case.reporter)

    raised = await reporter.ok("POST", f"/cases/{case.id}/danger")

    assert raised["state"] == "handed_over"
    assert await make.column(case, "urgent") is True


async def test_my_cases_come_in_pages_each_once_newest_first(make: Make, sign_in: SignIn) -> None:
    reporter = await make.citizen()
    made = [
        await make.case(reporter=reporter, state="closed", reported_ago_s=ago) for ago in (10, 20, 30, 40, 50)
    ]
    await make.case()  # somebody else's
    phone = await sign_in(reporter)

    found, cursor = [], ""
    while cursor is not None:
        page = await phone.ok("GET", f"/cases?limit=2{cursor and '&cursor=' + cursor}")
        found += [item["case_id"] for item in page["items"]]
        cursor = page["next"]

    assert found == [str(case.id) for case in made]


@pytest.mark.parametrize("cursor", ["x", "bm93", "%00", "MDAwMS0wMS0wMVQwMDowMDowMCswMDowMA", "é"])
async def test_a_cursor_that_is_not_ours_is_refused(citizen: Phone, cursor: str) -> None:
    answer = await citizen.get(f"/cases?cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_who_comes_is_told_in_part_with_badge_and_meet_code(
    make: Make, sign_in: SignIn, officer: Phone
) -> None:
    case = await make.case(state="claimed", officer=officer.made, epoch=1)
    reporter = await sign_in(case.reporter)

    seen = await reporter.ok("GET", f"/cases/{case.id}")

    assert seen["coming"] == {
        "name": "王**",
        "kind": "officer",
        "badge": officer.facts["badge"],
        "meet_code": "4711",
    }
    assert str(officer.person_id) not in str(seen)


async def test_nobody_is_coming_before_the_claim_and_after_the_end(make: Make, sign_in: SignIn) -> None:
    reporter = await make.citizen()
    waiting = await make.case(reporter=reporter)
    over = await make.case(reporter=reporter, state="closed", previous_officer_id=(await make.officer()).id)
    phone = await sign_in(reporter)

    assert (await phone.ok("GET", f"/cases/{waiting.id}"))["coming"] is None
    assert (await phone.ok("GET", f"/cases/{over.id}"))["coming"] is None


async def test_cancelling_twice_is_cancelling_once(make: Make, sign_in: SignIn) -> None:
    case = await make.case()
    reporter = await sign_in(case.reporter)

    first = await reporter.ok("POST", f"/cases/{case.id}/cancel")
    second = await reporter.ok("POST", f"/cases/{case.id}/cancel")

    assert first == second
    assert first["outcome"] == "done"


async def test_i_moved_is_told_without_asking_anyone(make: Make, sign_in: SignIn, officer: Phone) -> None:
    case = await make.case(state="en_route", officer=officer.made, epoch=1)
    reporter = await sign_in(case.reporter)

    await reporter.ok("POST", f"/cases/{case.id}/place", {"point": POINT | {"lat": 32.065}, "label": "路口"})

    held = (await officer.ok("GET", "/my-case"))["case"]
    assert held["place"] == {"point": {"lat": 32.065, "lng": 118.82}, "label": "路口"}


async def test_not_this_officer_brings_the_case_to_the_desk(
    make: Make, sign_in: SignIn, officer: Phone
) -> None:
    case = await make.case(state="claimed", officer=officer.made, epoch=1)
    reporter = await sign_in(case.reporter)

    refused = await reporter.ok("POST", f"/cases/{case.id}/not-this-officer")

    assert refused["state"] == "handed_over"
    assert (await officer.ok("GET", "/my-case"))["case"] is None


async def test_a_closed_case_is_rated_and_can_be_reopened(
    make: Make, sign_in: SignIn, runtime: Runtime
) -> None:
    case = await make.case(state="closed", disposition="mediated")
    reporter = await sign_in(case.reporter)

    await reporter.ok("POST", f"/cases/{case.id}/rating", {"stars": 4, "words": "谢谢"})
    await reporter.ok("POST", f"/cases/{case.id}/rating", {"stars": 2})
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE events SET at = at - interval '25 hours' WHERE kind = 'case_rated'"))
    again = await reporter.post(f"/cases/{case.id}/rating", {"stars": 1})
    reopened = await reporter.ok("POST", f"/cases/{case.id}/not-solved")

    assert (again.status_code, again.json()["code"]) == (409, "window_over")
    assert (await reporter.ok("GET", f"/cases/{case.id}"))["stars"] == 2
    assert reopened["state"] == "handed_over"


async def test_after_seven_days_a_case_stays_closed(make: Make, sign_in: SignIn, runtime: Runtime) -> None:
    case = await make.case(state="closed")
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE cases SET closed_at = closed_at - interval '7 days 1 second'"))
    reporter = await sign_in(case.reporter)

    answer = await reporter.post(f"/cases/{case.id}/not-solved")

    assert (answer.status_code, answer.json()["code"]) == (409, "window_over")


async def test_the_categories_are_those_of_the_station_there(citizen: Phone, make: Make) -> None:
    ring = [[118.90, 32.02], [118.95, 32.02], [118.95, 32.10], [118.90, 32.10], [118.90, 32.02]]
    own = [{"key": k, "zh": k, "en": k} for k in ("missing_person", "other")]
    await make.station(ring=ring, settings={"categories": own})

    anywhere = await citizen.ok("GET", "/categories")
    there = await citizen.ok("GET", "/categories?lat=32.05&lng=118.92")

    assert {"noise", "online_fraud"} <= {c["key"] for c in anywhere["items"]}
    assert [c["key"] for c in there["items"]] == ["missing_person", "other"]


async def test_the_track_says_what_it_knows_and_ends_with_the_case(
    make: Make, sign_in: SignIn, officer: Phone, settle: Settle
) -> None:
    case = await make.case(state="arrived", officer=officer.made, epoch=1)
    reporter = await sign_in(case.reporter)
    before = await reporter.ok("GET", f"/cases/{case.id}/track")

    fix = POINT | {"lat": 32.069, "accuracy_m": 9, "at": datetime.now(UTC).isoformat()}
    taken = await officer.ok("POST", "/fixes", {"fixes": [fix]})
    on_the_way = await reporter.ok("GET", f"/cases/{case.id}/track")
    await officer.ok("POST", f"/cases/{case.id}/close", {"epoch": 1, "disposition": "solved"})
    await settle()
    after = await reporter.ok("GET", f"/cases/{case.id}/track")

    assert before["state"] == "no_position"
    assert taken["case_ids"] == [str(case.id)]
    assert (on_the_way["state"], on_the_way["accuracy_m"]) == ("fresh", 9)
    assert on_the_way["distance_m"] == pytest.approx(1000, abs=15)
    assert on_the_way["arrival_s"] > 0
    assert (after["state"], after["at"]) == ("nobody", None)
