"""From a move of a case to the words on a phone: whom dispatch tells what, and what it keeps back."""

from __future__ import annotations

import asyncio
from typing import Any

from app.dispatch import handover
from app.dispatch.broadcast import offer_ring
from app.events.record import Event
from app.kit.runtime import Runtime
from app.notices.budget import PersonAction
from app.notices.jobs import deliver
from app.notices.rules import expand
from tests.app.notices.ledger import Ledger, SmallSender
from tests.factories import Made, Make


async def _told(ledger: Ledger, case: Made) -> list[tuple[str, int, Any]]:
    rows = await ledger.run(
        "SELECT kind, priority, person_id FROM deliveries WHERE case_id = :id ORDER BY id", id=case.id
    )
    return [(r.kind, r.priority, r.person_id) for r in rows]


async def _events(ledger: Ledger, case: Made, kind: str) -> list[Event]:
    rows = await ledger.run(
        "SELECT * FROM events WHERE case_id = :id AND kind = :kind ORDER BY id", id=case.id, kind=kind
    )
    return [Event(r.id, r.kind, r.at, r.case_id, r.station_id, r.actor_id, r.epoch, r.data) for r in rows]


async def _deliver_all(runtime: Runtime) -> list[str]:
    sender = SmallSender()
    while await deliver(runtime, sender):
        pass
    return sender.words


async def test_the_reporter_hears_which_desk_has_the_case(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    case = await make.case(reported_ago_s=61)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)

    await handover.sweep(runtime)
    await runtime.drain()
    words = await _deliver_all(runtime)

    assert await _told(ledger, case) == [("handed_over", 1, case.reporter.id)]
    assert len(words) == 1
    assert case.number in words[0]
    assert case.station.code in words[0]
    assert "025-0000" in words[0]


async def test_an_event_followed_again_tells_once(ledger: Ledger, make: Make, runtime: Runtime) -> None:
    case = await make.case(reported_ago_s=61)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)
    await handover.sweep(runtime)
    await runtime.drain()
    (event,) = await _events(ledger, case, "case_handed_over")
    first = await _deliver_all(runtime)

    await asyncio.gather(*(expand(runtime, event) for _ in range(5)))

    assert len(first) == 1
    assert await _deliver_all(runtime) == []
    assert len(await _told(ledger, case)) == 1


async def test_a_silent_reporter_gets_words_that_say_nothing(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    case = await make.case(reported_ago_s=61, text_only=True)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)

    await handover.sweep(runtime)
    await runtime.drain()

    assert await _deliver_all(runtime) == ["您有一条新消息，回复“进度”查看。"]


async def test_a_lesser_notice_leaves_what_the_closing_one_needs(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    officer = await make.officer()
    case = await make.case(state="en_route", officer=officer, epoch=1)
    reporter_id = case.reporter.id
    await ledger.acts(reporter_id, PersonAction.MESSAGE)
    await ledger.run("UPDATE windows SET long_left = 2")

    async def tell(kind: str, priority: int) -> list[str]:
        await ledger.queue(reporter_id, kind=kind, priority=priority, case_id=case.id, epoch=1)
        return await _deliver_all(runtime)

    on_the_way = await tell("en_route", 4)
    await ledger.run("UPDATE cases SET state = 'arrived', arrived_at = clock_timestamp(), act_by = NULL")
    arrived = await tell("arrived", 3)
    await ledger.run("UPDATE cases SET state = 'closed', closed_at = clock_timestamp()")
    closed = await tell("closed", 2)

    assert on_the_way == []  # two are left, and two higher ones are still to come
    assert len(arrived) == 1
    assert "评分" in closed[0]
    assert await ledger.left(reporter_id) == 0


async def test_with_a_full_window_everything_is_told(ledger: Ledger, make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(state="en_route", officer=officer, epoch=1)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)

    await ledger.queue(case.reporter.id, kind="en_route", priority=4, case_id=case.id, epoch=1)

    assert len(await _deliver_all(runtime)) == 1


async def test_what_the_case_has_left_behind_is_not_told(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    officer = await make.officer()
    case = await make.case(state="arrived", officer=officer, epoch=3)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)
    await ledger.queue(case.reporter.id, kind="en_route", priority=4, case_id=case.id, epoch=3)
    await ledger.queue(case.reporter.id, kind="claimed", priority=1, case_id=case.id, epoch=1)

    assert await _deliver_all(runtime) == []

    readings = await ledger.run("SELECT state, reading FROM deliveries")
    assert {(r.state, r.reading) for r in readings} == {("dropped", "stale")}


async def test_a_closed_case_says_only_that_it_is_closed(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    case = await make.case(state="closed", epoch=2)
    await ledger.acts(case.reporter.id, PersonAction.MESSAGE)
    for kind, priority in (
        ("claimed", 1),
        ("handed_over", 1),
        ("en_route", 4),
        ("arrived", 3),
        ("closed", 2),
    ):
        await ledger.queue(case.reporter.id, kind=kind, priority=priority, case_id=case.id, epoch=2)

    words = await _deliver_all(runtime)

    assert len(words) == 1
    assert "已办结" in words[0]


async def test_an_offer_goes_to_the_officer_whose_phone_is_silent(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    heard, silent = await make.officer(), await make.officer()
    await ledger.run(
        "UPDATE officers SET last_seen_at = clock_timestamp() - interval '46 seconds',"
        " duty_since = clock_timestamp() - interval '1 hour' WHERE person_id = :id",
        id=silent.id,
    )
    await ledger.acts(silent.id, PersonAction.CLICK)
    case = await make.case()

    await offer_ring(runtime, case.id)
    await runtime.drain()

    asked = await ledger.run("SELECT officer_id FROM offers WHERE case_id = :id", id=case.id)
    assert {r.officer_id for r in asked} == {heard.id, silent.id}
    assert {(kind, who) for kind, _, who in await _told(ledger, case)} == {
        ("offer", heard.id),
        ("offer", silent.id),
    }
    waiting = await ledger.run("SELECT person_id FROM deliveries WHERE due_at > clock_timestamp()")
    assert [r.person_id for r in waiting] == [heard.id]  # its phone may show it by itself
    words = await _deliver_all(runtime)
    short = case.number.replace("-", "")[-3:]
    assert words == [f"附近有一条可接的任务：在此回复“接 {short}”，或打开小程序。"]
    (reach,) = await ledger.run("SELECT officer_id, channel, outcome FROM reaches")
    assert (reach.officer_id, reach.channel, reach.outcome) == (silent.id, "official_account", "sent")


async def test_an_offer_whose_opening_is_over_is_not_told(
    ledger: Ledger, make: Make, runtime: Runtime
) -> None:
    silent = await make.officer()
    await ledger.acts(silent.id, PersonAction.CLICK)
    case = await make.case(reported_ago_s=61)
    await make.offer(case, silent)
    await ledger.queue(silent.id, kind="offer", priority=1, case_id=case.id, epoch=0)

    await handover.sweep(runtime)
    await runtime.drain()

    assert await _deliver_all(runtime) == []


async def test_a_silent_holder_is_nudged(ledger: Ledger, make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    await ledger.acts(officer.id, PersonAction.CLICK)
    case = await make.case(state="claimed", officer=officer, epoch=1, reported_ago_s=62)

    await handover.sweep_silent(runtime)
    await runtime.drain()

    assert ("nudge", 1, officer.id) in await _told(ledger, case)
    assert await _deliver_all(runtime) == ["您手上的任务还没有动静：请回复“出发”或“在途”，或打开小程序确认。"]
