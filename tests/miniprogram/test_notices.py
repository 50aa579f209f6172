"""What waits in the mini-program, and what its person lets WeChat send."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.events.record import Event
from app.kit.runtime import Runtime
from app.notices.jobs import deliver
from app.notices.rules import TRUTHS, expand
from app.notices.socket import note_here, who_is_here
from app.settings import Template
from tests.app.notices.ledger import Ledger, SmallSender
from tests.factories import Made, Make
from tests.miniprogram.phones import Dial, Phone, SignIn


@pytest.fixture(autouse=True)
def _always_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TRUTHS, "closed", raising=False)


async def _row(ledger: Ledger, delivery_id: int) -> tuple[str, Any, bool]:
    row = await ledger.row(delivery_id)
    return row.state, row.reading, row.seen_at is not None


async def _waiting(ledger: Ledger, runtime: Runtime, phone: Phone) -> int:
    delivery_id = await ledger.queue(phone.person_id, kind="closed", priority=2)
    await ledger.run("UPDATE deliveries SET case_id = NULL")
    await ledger.run("UPDATE deliveries SET state = 'dropped', reading = 'no_budget'")
    return delivery_id


async def test_what_waits_is_listed_in_words_until_it_is_seen(citizen: Phone, runtime: Runtime) -> None:
    ledger = Ledger(runtime)
    delivery_id = await _waiting(ledger, runtime, citizen)

    [item] = (await citizen.ok("GET", "/me/notices"))["items"]
    again = await citizen.ok("GET", "/me/notices")
    seen = [await citizen.ok("POST", "/me/notices/seen", {"ids": [delivery_id]}) for _ in range(2)]

    assert (item["id"], item["kind"]) == (delivery_id, "closed")
    assert "已办结" in item["words"]
    assert len(again["items"]) == 1
    assert seen == [{"seen": 1}, {"seen": 0}]
    assert (await citizen.ok("GET", "/me/notices"))["items"] == []


async def test_a_notice_whose_words_are_missing_says_that_there_is_news(
    citizen: Phone, runtime: Runtime
) -> None:
    ledger = Ledger(runtime)
    await _waiting(ledger, runtime, citizen)
    await ledger.run("UPDATE deliveries SET facts = '{}', state = 'dead', reading = 'no_words'")

    [item] = (await citizen.ok("GET", "/me/notices"))["items"]

    assert item["words"] == "您有一条新消息，回复“进度”查看。"


async def test_nobody_sees_or_marks_what_is_anothers(
    citizen: Phone, runtime: Runtime, make: Make, sign_in: SignIn
) -> None:
    ledger = Ledger(runtime)
    delivery_id = await _waiting(ledger, runtime, citizen)
    other = await sign_in(await make.citizen())

    assert (await other.ok("GET", "/me/notices"))["items"] == []
    assert await other.ok("POST", "/me/notices/seen", {"ids": [delivery_id]}) == {"seen": 0}
    assert await _row(ledger, delivery_id) == ("dropped", "no_budget", False)


async def test_what_an_open_phone_shows_is_sent_by_no_other_channel(
    citizen: Phone, runtime: Runtime, make: Make, dial: Dial
) -> None:
    ledger = Ledger(runtime)
    officer = await make.officer()
    case = await make.case(state="claimed", officer=officer, epoch=1, reporter=Made(citizen.person_id))
    await ledger.run(
        "INSERT INTO windows (person_id, channel, long_left, long_until)"
        " VALUES (:id, 'official_account', 5, 'infinity')",
        id=citizen.person_id,
    )
    async with dial(citizen) as line:
        await line.next("snapshot")
        rows = await ledger.run(
            "INSERT INTO events (kind, case_id, actor_id, epoch, data) VALUES"
            " ('case_claimed', :case_id, :officer, 1, '{}') RETURNING *",
            case_id=case.id,
            officer=officer.id,
        )
        r = rows[0]
        await expand(runtime, Event(r.id, r.kind, r.at, r.case_id, r.station_id, r.actor_id, r.epoch, r.data))
        frame = await line.next("notice")
        await citizen.ok("POST", "/me/notices/seen", {"ids": [frame["id"]]})

    sender = SmallSender()
    await ledger.age()
    await deliver(runtime, sender)

    assert "已有人接手" in frame["words"]
    assert sender.given == []
    assert await _row(ledger, frame["id"]) == ("sent", None, True)


async def test_a_phone_that_says_nothing_is_written_to(citizen: Phone, runtime: Runtime, make: Make) -> None:
    ledger = Ledger(runtime)
    shown = await ledger.queue(citizen.person_id, kind="closed", priority=2)
    await ledger.run("UPDATE deliveries SET channel = 'socket', case_id = NULL")
    await ledger.run(
        "INSERT INTO windows (person_id, channel, long_left, long_until)"
        " VALUES (:id, 'official_account', 5, 'infinity')",
        id=citizen.person_id,
    )
    sender = SmallSender()

    await deliver(runtime, sender)
    await deliver(runtime, sender)

    assert [letter.channel for letter in sender.letters] == ["official_account"]
    assert (await _row(ledger, shown))[:2] == ("refused", "not_shown")


async def test_who_sees_it_late_is_not_told_again(citizen: Phone, runtime: Runtime) -> None:
    ledger = Ledger(runtime)
    shown = await ledger.queue(citizen.person_id, kind="closed", priority=2)
    await ledger.run("UPDATE deliveries SET channel = 'socket', case_id = NULL")
    await deliver(runtime, SmallSender())  # the next channel has it, and has not sent it

    await citizen.ok("POST", "/me/notices/seen", {"ids": [shown]})
    sender = SmallSender()
    await deliver(runtime, sender)

    assert sender.given == []
    states = await ledger.run("SELECT channel, state, reading FROM deliveries ORDER BY id")
    assert [(s.channel, s.state, s.reading) for s in states] == [
        ("socket", "refused", "not_shown"),
        ("official_account", "dropped", "seen_elsewhere"),
    ]


async def test_a_socket_says_who_is_here(citizen: Phone, runtime: Runtime, dial: Dial, make: Make) -> None:
    other = await make.citizen()
    async with dial(citizen) as line:
        await line.next("snapshot")
        assert await who_is_here(runtime, [citizen.person_id, other.id]) == {citizen.person_id}
    await note_here(runtime, other.id)
    assert other.id in await who_is_here(runtime, [other.id])


async def test_without_valkey_nobody_is_here_and_it_is_asked_once() -> None:
    asked = 0

    class Gone:
        @property
        def valkey(self) -> Gone:
            return self

        def pipeline(self, **_: object) -> None:
            nonlocal asked
            asked += 1
            raise ConnectionError

    process: Any = Gone()

    found = [await who_is_here(process, [UUID(int=1)]) for _ in range(3)]

    assert (found, asked) == ([set(), set(), set()], 1)


@pytest.fixture
def templates(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        "claimed": Template(id="SM1", words="thing1"),
        "closed": Template(id="SM1", words="thing1"),
        "*": Template(id="SL1", words="thing1", lasting=True),
    }
    monkeypatch.setattr(
        runtime, "settings", runtime.settings.model_copy(update={"miniprogram_templates": made})
    )


@pytest.mark.usefixtures("templates")
async def test_what_the_person_answered_is_kept_by_template(citizen: Phone) -> None:
    before = (await citizen.ok("GET", "/me/subscriptions"))["items"]
    asked = {"SM1": "accept", "SL1": "accept", "STRANGE": "accept"}
    await citizen.ok("POST", "/me/subscriptions", {"results": asked})
    twice = (await citizen.ok("POST", "/me/subscriptions", {"results": {"SM1": "accept", "SL1": "filter"}}))[
        "items"
    ]
    none = (await citizen.ok("POST", "/me/subscriptions", {"results": {"SM1": "ban", "SL1": "reject"}}))[
        "items"
    ]

    assert [(s["template_id"], s["kinds"], s["left"]) for s in before] == [
        ("SL1", ["*"], 0),
        ("SM1", ["claimed", "closed"], 0),
    ]
    assert [(s["left"], s["lasting"]) for s in twice] == [(0, True), (2, False)]
    assert [(s["left"], s["lasting"]) for s in none] == [(0, False), (0, False)]
    exported = await citizen.ok("GET", "/me/export")
    assert {(c["template_id"], c["left"]) for c in exported["consents"]} == {("SM1", 0), ("SL1", 0)}
