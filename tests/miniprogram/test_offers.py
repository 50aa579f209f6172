"""Duty, fixes, offers and the claim, as phones see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.dispatch.presence import nearby
from app.kit.runtime import Runtime
from tests.factories import CENTRE, Make
from tests.miniprogram.phones import POINT, Phone, Settle, SignIn


def fix(*, age_s: float = 0, **fields: object) -> dict[str, object]:
    at = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    return POINT | {"accuracy_m": 10, "at": at} | fields


async def test_on_duty_a_fix_brings_what_is_open_near(
    make: Make, sign_in: SignIn, settle: Settle, runtime: Runtime
) -> None:
    case = await make.case(ring=1, next_ring_at=None)
    officer = await sign_in(await make.officer(on_duty=False, at=None))
    refused = await officer.post("/fixes", {"fixes": [fix()]})

    on = await officer.ok("POST", "/duty/on")
    await settle()
    taken = await officer.ok("POST", "/fixes", {"fixes": [fix()]})
    offers = (await officer.ok("GET", "/offers"))["items"]

    assert (refused.status_code, refused.json()["code"]) == (409, "off_duty")
    assert on["on_duty"] is True
    assert (taken["case_ids"], taken["present"]) == ([], True)
    assert [o["case_id"] for o in offers] == [str(case.id)]
    assert [n.officer_id for n in await nearby(runtime, CENTRE, within_m=500)] == [officer.person_id]


async def test_an_offer_shows_a_rough_place_and_nothing_of_the_reporter(make: Make, officer: Phone) -> None:
    case = await make.case()
    await make.offer(case, officer.made)

    offer = (await officer.ok("GET", "/offers"))["items"][0]

    assert set(offer) == {"case_id", "epoch", "category", "distance_m", "rough", "age_s", "seconds_left"}
    assert offer["rough"] != {"lat": CENTRE.lat, "lng": CENTRE.lng}
    assert 0 < offer["seconds_left"] <= 60


@pytest.mark.parametrize("age_s", [60, -60])
async def test_a_fix_that_is_old_or_of_a_wrong_clock_does_not_make_present(
    officer: Phone, runtime: Runtime, age_s: float
) -> None:
    taken = await officer.ok("POST", "/fixes", {"fixes": [fix(age_s=age_s)]})

    assert taken["present"] is False
    assert await nearby(runtime, CENTRE, within_m=500) == []


async def test_off_duty_no_position_is_kept(officer: Phone, runtime: Runtime, settle: Settle) -> None:
    await officer.ok("POST", "/duty/off")
    await settle()
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE officers SET last_lat = NULL, last_lng = NULL, last_seen_at = NULL"))

    refused = await officer.post("/fixes", {"fixes": [fix()]})

    async with runtime.database.moves() as db:
        seen = (await db.execute(text("SELECT last_lat, last_seen_at FROM officers"))).one()
    assert refused.status_code == 409
    assert tuple(seen) == (None, None)
    assert await nearby(runtime, CENTRE, within_m=500) == []


async def test_gcj02_fixes_are_converted_once(officer: Phone, runtime: Runtime) -> None:
    shifted = CENTRE.to_gcj02()

    await officer.ok("POST", "/fixes", {"fixes": [fix(lat=shifted.lat, lng=shifted.lng, datum="gcj02")]})

    found = await nearby(runtime, CENTRE, within_m=500)
    assert [n.distance_m for n in found] == [pytest.approx(0, abs=2)]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"datum": "bd09"}, {"lat": 91}, {"lng": -181}, {"accuracy_m": -1}, {"accuracy_m": 10_001},
        {"at": "2025-11-03T08:15:30"}, {"at": "0001-01-01T00:00:00+14:00"}, {"speed": 3},
    ],
)  # fmt: skip
async def test_a_fix_that_cannot_be_is_refused_whole(officer: Phone, spoilt: dict[str, object]) -> None:
    answer = await officer.post("/fixes", {"fixes": [fix(), fix(**spoilt)]})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_batch_has_a_limit(officer: Phone) -> None:
    assert (await officer.post("/fixes", {"fixes": [fix()] * 200})).status_code == 200
    assert (await officer.post("/fixes", {"fixes": [fix()] * 201})).status_code == 422
    assert (await officer.post("/fixes", {"fixes": []})).status_code == 422


async def test_of_many_claims_one_wins_and_the_others_learn_who_did(
    make: Make, sign_in: SignIn, settle: Settle
) -> None:
    case = await make.case()
    phones = [await sign_in(await make.officer()) for _ in range(8)]
    for phone in phones:
        await make.offer(case, phone.made)

    answers = await asyncio.gather(*(p.post(f"/offers/{case.id}/claim", {"epoch": 0}) for p in phones))
    await settle()

    won = [i for i, answer in enumerate(answers) if answer.status_code == 201]
    assert len(won) == 1
    for i, answer in enumerate(answers):
        if i not in won:
            assert (answer.status_code, answer.json()["code"]) == (409, "case_already_taken")
            assert answer.json()["officer_id"] == str(phones[won[0]].person_id)


async def test_the_winners_repeat_gets_the_same_answer(make: Make, officer: Phone, settle: Settle) -> None:
    case = await make.case()
    await make.offer(case, officer.made)

    first = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})
    await settle()
    again = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})

    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json() == {"case_id": str(case.id), "number": case.number, "epoch": 1}


async def test_a_claim_at_60_seconds_is_told_that_the_desk_has_it(make: Make, officer: Phone) -> None:
    case = await make.case(reported_ago_s=60)
    await make.offer(case, officer.made)

    late = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})

    assert (late.status_code, late.json()["code"]) == (409, "case_handed_over")


async def test_one_case_at_a_time(make: Make, officer: Phone) -> None:
    await make.case(state="claimed", officer=officer.made, epoch=1)
    other = await make.case()
    await make.offer(other, officer.made)

    second = await officer.post(f"/offers/{other.id}/claim", {"epoch": 0})
    off = await officer.post("/duty/off")

    assert (second.status_code, second.json()["code"]) == (409, "officer_has_a_case")
    assert (off.status_code, off.json()["code"]) == (409, "case_in_hand")


async def test_cant_takes_the_offer_away_and_a_claim_after_it_finds_nothing(
    make: Make, officer: Phone
) -> None:
    case = await make.case()
    await make.offer(case, officer.made)
    await officer.ok("POST", f"/offers/{case.id}/seen", {"epoch": 0})

    await officer.ok("POST", f"/offers/{case.id}/decline", {"epoch": 0, "reason": "太远"})
    again = await officer.post(f"/offers/{case.id}/decline", {"epoch": 0, "reason": "太远"})

    assert again.status_code == 204
    assert (await officer.ok("GET", "/offers"))["items"] == []
    assert (await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})).status_code == 404
