"""What the desk sees of notices: each channel of each notice, what waits, and how much of the day is left."""

from __future__ import annotations

import pytest

from app.kit.runtime import Runtime
from app.notices.tables import Channel
from app.notices.walls import reserve
from tests.app.notices.ledger import Ledger
from tests.console.people import People
from tests.factories import Make


async def test_the_desk_sees_every_channel_of_a_notice_and_what_waits(
    people: People, make: Make, runtime: Runtime
) -> None:
    station = await make.station()
    desk = await people.signed_in("desk", station=station)
    officer = await make.officer(station=station)
    case = await make.case(state="handed_over", station=station)
    ledger = Ledger(runtime)
    first = await ledger.queue(case.reporter.id, kind="handed_over", case_id=case.id, epoch=0)
    last = await ledger.queue(case.reporter.id, kind="handed_over", case_id=case.id, epoch=0)
    nudge = await ledger.queue(officer.id, kind="nudge", case_id=case.id, epoch=0)
    await ledger.run(
        "UPDATE deliveries SET state = 'dropped', reading = 'no_budget', passed_on = TRUE WHERE id = :id",
        id=first,
    )
    await ledger.run(
        "UPDATE deliveries SET state = 'refused', channel = 'template', code = 43004, reading = 'not_following'"
        " WHERE id = :id",
        id=last,
    )
    await ledger.run("UPDATE deliveries SET state = 'sent' WHERE id = :id", id=nudge)

    items = (await desk.ok("GET", f"/cases/{case.id}/deliveries"))["items"]

    told = [(i["kind"], i["channel"], i["to_reporter"], i["code"], i["passed_on"], i["waits"]) for i in items]
    assert told == [
        ("nudge", "official_account", False, None, False, False),
        ("handed_over", "template", True, 43004, False, True),
        ("handed_over", "official_account", True, None, True, False),
    ]
    assert items[0]["badge"] == officer.badge
    assert items[1]["badge"] is None


async def test_the_queue_says_when_a_day_is_nearly_used_up(
    people: People, make: Make, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await people.signed_in("desk", station=await make.station())
    assert (await desk.ok("GET", "/queue"))["near"] == []
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"wechat_daily_messages": 5}))

    for _ in range(4):
        async with runtime.database.transaction() as db:
            await reserve(db, runtime, Channel.OFFICIAL_ACCOUNT, 1)

    assert (await desk.ok("GET", "/queue"))["near"] == [
        {"channel": "official_account", "taken": 4, "wall": 5}
    ]
