"""Positions of the open chat: of an officer on duty they count, of anybody else nothing is read."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from app.dispatch.presence import beat, nearby
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.settings import Settings
from app.tracking.service import Ingest
from tests.factories import CENTRE, Made, Make
from tests.wechat.chats import Citizen, rows
from tests.wechat.test_officer_chat import OFFICER, at_chat
from wechat.messages import LocationEvent
from wechat.officer_positions import Positions, follow_position

_ids = itertools.count(1)


def event(
    openid: str = OFFICER, at: Point = CENTRE, *, ago_s: int = 0, precision_m: float = 30.0
) -> LocationEvent:
    facts: dict[str, Any] = {
        "sender": openid,
        "recipient": "gh_0123456789ab",
        "dedupe_key": f"event:{next(_ids)}",
    }
    sent_at_s = int(time.time()) - ago_s
    return LocationEvent(lat=at.lat, lng=at.lng, precision_m=precision_m, sent_at_s=sent_at_s, **facts)


@pytest.fixture
async def officer(runtime: Runtime, make: Make, station: Made) -> Made:
    return await at_chat(runtime, make, station, OFFICER, at=None)


@pytest.fixture
def ingest(runtime: Runtime) -> Ingest:
    return Ingest(runtime)


async def test_a_free_officer_on_duty_is_found_by_it(runtime: Runtime, officer: Made, ingest: Ingest) -> None:
    used = await follow_position(runtime, ingest, event())

    found = await nearby(runtime, CENTRE, within_m=500)
    assert used
    assert [n.officer_id for n in found] == [officer.id]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE officers SET on_duty = FALSE, duty_since = NULL WHERE person_id = :id RETURNING 1",
        "UPDATE sessions SET second_factor = FALSE WHERE person_id = :id RETURNING 1",
        "UPDATE sessions SET revoked_at = clock_timestamp() WHERE person_id = :id RETURNING 1",
        "UPDATE people SET active = FALSE WHERE id = :id RETURNING 1",
    ],
    ids=["off duty", "no second factor", "signed out", "suspended"],
)
async def test_who_is_not_followed(runtime: Runtime, officer: Made, ingest: Ingest, change: str) -> None:
    await rows(runtime, change, id=officer.id)

    used = await follow_position(runtime, ingest, event())

    assert not used
    assert await nearby(runtime, CENTRE, within_m=500) == []


async def test_a_citizens_position_is_dropped_unread(
    runtime: Runtime, citizen: Citizen, ingest: Ingest
) -> None:
    await citizen.say("半夜唱歌太吵")

    assert not await follow_position(runtime, ingest, event(citizen.openid))
    assert not await follow_position(runtime, ingest, event("oNobody"))


async def test_a_newer_fix_of_the_mini_program_counts_for_more(
    runtime: Runtime, officer: Made, ingest: Ingest
) -> None:
    await beat(runtime, officer.id, CENTRE)

    late = await follow_position(runtime, ingest, event(at=Point(32.07, 118.83), ago_s=10))
    old = await follow_position(runtime, ingest, event(ago_s=60))

    assert (late, old) == (False, False)
    assert [n.officer_id for n in await nearby(runtime, CENTRE, within_m=500)] == [officer.id]


async def test_the_trail_says_what_measured_it(
    runtime: Runtime, make: Make, station: Made, officer: Made, ingest: Ingest
) -> None:
    case = await make.case(station=station, state="en_route", officer=officer, epoch=1)

    await follow_position(runtime, ingest, event(precision_m=0))
    await ingest.flush()

    [row] = await rows(runtime, "SELECT source, accuracy_m FROM trail WHERE case_id = :id", id=case.id)
    assert (row.source, row.accuracy_m) == ("official_account", 100)


async def test_the_datum_is_the_settings(
    runtime: Runtime, settings: Settings, officer: Made, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = CENTRE.to_gcj02()
    gcj02 = settings.model_copy(update={"wechat_location_datum": "gcj02"})
    monkeypatch.setattr(runtime, "settings", gcj02)

    await follow_position(runtime, ingest, event(at=Point(shifted.lat, shifted.lng)))

    assert [n.officer_id for n in await nearby(runtime, CENTRE, within_m=50)] == [officer.id]


async def test_too_many_at_once_are_dropped_and_one_that_fails_harms_nobody(
    runtime: Runtime, officer: Made, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = Positions(most=2)

    taken = [positions.take(runtime, ingest, event()) for _ in range(3)]
    await runtime.drain()
    monkeypatch.setattr(ingest, "holdings", None)
    taken.append(positions.take(runtime, ingest, event()))
    await runtime.drain()
    taken += [positions.take(runtime, ingest, event("oNobody")) for _ in range(2)]
    await runtime.drain()

    assert taken == [True, True, False, True, True, True]
