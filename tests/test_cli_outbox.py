"""`didi outbox` and what the doctor and a scrape say of dead letters and stopped channels."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from app import metrics
from app.events import follow
from app.events.record import record
from app.kit.runtime import Runtime
from tests.factories import Make
from tests.test_cli import Didi


@pytest.fixture
def didi(runtime: Runtime) -> Didi:
    return Didi(runtime)


@pytest.fixture
async def letters(runtime: Runtime, make: Make) -> tuple[str, str]:
    """A dead event of a kind that nothing follows, and a dead notice about it: their names."""
    citizen = await make.citizen()
    async with runtime.database.transaction() as db:
        event = await record(db, "case_probed", actor_id=citizen.id)
    async with runtime.database.moves() as db:
        await db.execute(
            text("UPDATE outbox SET dead_at = clock_timestamp(), attempts = 8, error = 'ZeroDivisionError'")
        )
        notice = await db.execute(
            text(
                "INSERT INTO deliveries (event_id, person_id, channel, kind, priority, state, attempts, reading, code, done_at)"
                " VALUES (:e, :p, 'official_account', 'closed', 2, 'dead', 3, 'our_fault', 47003, clock_timestamp())"
                " RETURNING id"
            ),
            {"e": event.id, "p": citizen.id},
        )
        return f"event-{event.id}", f"notice-{notice.scalar_one()}"


async def _findings(didi: Didi) -> dict[str, dict[str, object]]:
    _, out, _ = await didi("doctor", "--json")
    return {f["what"]: f for f in json.loads(out)}


async def test_dead_letters_are_listed_with_why_and_told_by_doctor_and_metrics(
    didi: Didi, letters: tuple[str, str], runtime: Runtime
) -> None:
    dead = (await didi.json("outbox", "list"))["dead"]
    _, table, _ = await didi("outbox", "list")
    finding = (await _findings(didi))["dead letters"]

    assert {d["letter"] for d in dead} == set(letters)
    assert {d["letter"]: (d["what"], d["attempts"], d["why"]) for d in dead} == {
        letters[0]: ("case_probed", 8, "ZeroDivisionError"),
        letters[1]: ("closed by official_account", 3, "our_fault 47003"),
    }
    assert all(letter in table for letter in letters)
    assert (finding["ok"], finding["found"]) == (False, "1 events, 1 notices")
    assert "didi outbox" in str(finding["do"])
    assert b"didi_outbox_dead 2.0" in await metrics.scrape(runtime)


async def test_tried_again_an_event_is_followed_and_a_notice_is_queued(
    didi: Didi, letters: tuple[str, str], runtime: Runtime, make: Make
) -> None:
    answer = await didi.json("outbox", "retry", *letters)

    assert answer == {"done": list(letters), "unknown": []}
    assert (await didi.json("outbox", "list"))["dead"] == []
    assert await follow.follow_left(runtime) == 1
    async with runtime.database.moves() as db:
        assert (await db.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
        row = (await db.execute(text("SELECT state, attempts, code FROM deliveries"))).one()
    assert (row.state, row.attempts, row.code) == ("queued", 0, None)


async def test_dropped_they_are_tried_no_more_and_the_event_stays_in_the_log(
    didi: Didi, letters: tuple[str, str], runtime: Runtime
) -> None:
    answer = await didi.json("outbox", "drop", "--all")

    assert set(answer["done"]) == set(letters)
    assert (await didi.json("outbox", "list"))["dead"] == []
    assert await follow.follow_left(runtime) == 0
    async with runtime.database.moves() as db:
        assert (await db.execute(text("SELECT state FROM deliveries"))).scalar_one() == "dropped"
        assert (await db.execute(text("SELECT count(*) FROM events"))).scalar_one() == 1


async def test_what_is_not_dead_or_names_nothing_is_said(didi: Didi, letters: tuple[str, str]) -> None:
    code, out, _ = await didi("outbox", "retry", letters[0], "notice-999999", "--json")
    wrong = await didi("outbox", "drop", "case-1")
    neither, both = await didi("outbox", "retry"), await didi("outbox", "drop", letters[1], "--all")

    assert (code, json.loads(out)) == (1, {"done": [letters[0]], "unknown": ["notice-999999"]})
    assert wrong[0] == 1
    assert "event-12" in wrong[2]
    assert (neither[0], both[0]) == (2, 2)
    assert [d["letter"] for d in (await didi.json("outbox", "list"))["dead"]] == [letters[1]]


async def test_a_spent_quota_is_told_by_doctor_and_metrics_until_it_is_over(
    didi: Didi, runtime: Runtime, make: Make
) -> None:
    assert (await _findings(didi))["channels"]["ok"]
    await make._run(
        "INSERT INTO channel_stops (channel, until, reading) VALUES"
        " ('official_account', clock_timestamp() + interval '1 hour', 'wait_quota')"
    )

    stopped = (await _findings(didi))["channels"]
    scraped = await metrics.scrape(runtime)
    await make._run("UPDATE channel_stops SET until = clock_timestamp()")

    assert not stopped["ok"]
    assert "wait_quota" in str(stopped["found"])
    assert b'didi_channel_stopped{channel="official_account",reading="wait_quota"} 1.0' in scraped
    assert b"didi_channel_stopped{" not in await metrics.scrape(runtime)
