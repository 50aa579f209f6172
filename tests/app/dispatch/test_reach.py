"""An offer reaches an officer whose mini-program sleeps: by which ways, in which order, and what is left of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app import worker
from app.dispatch.broadcast import offer_ring
from app.dispatch.claim import seen
from app.dispatch.pagers import PagerKind, Pagers
from app.dispatch.reach import LIVE_GRACE_S, ReachChannel
from app.dispatch.reachable import reach_of
from app.kit import valkey
from app.kit.runtime import Runtime
from app.notices.queries import take_waiting
from app.notices.sender import Letter, Outcome, Senders, Verdict
from app.notices.tables import Channel
from app.settings import Settings, Template
from tests.app.dispatch.reaching import SETTINGS_OF_PAGERS, TEMPLATE, Reaching
from tests.factories import Made, acting

SILENT_S = 120


def with_settings(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> Settings:
    """The same settings but for these; checked elsewhere, so not read anew."""
    settings = runtime.settings.model_copy(update=changed)
    monkeypatch.setattr(runtime, "settings", settings)
    return settings


@pytest.fixture
async def reaching(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Reaching:
    """Every way is set up."""
    template = Template(id=TEMPLATE, words="thing1")
    with_settings(runtime, monkeypatch, miniprogram_templates={"*": template}, **SETTINGS_OF_PAGERS)
    return Reaching(runtime)


async def offered(reaching: Reaching, **facts: Any) -> Made:
    case = await reaching.make.case(**facts)
    await offer_ring(reaching.runtime, case.id)
    await reaching.runtime.drain()
    return case


async def test_a_silent_phone_is_told_at_once_a_live_one_has_two_seconds(reaching: Reaching) -> None:
    silent = await reaching.officer(asleep_s=SILENT_S, messages=5)
    live = await reaching.officer(asleep_s=10, messages=5)
    await offered(reaching)
    due = {
        r.person_id: r.due_s
        for r in await reaching.rows(
            "SELECT d.person_id, extract(epoch FROM d.due_at - o.offered_at)::float8 AS due_s FROM deliveries d"
            " JOIN offers o ON o.officer_id = d.person_id AND o.case_id = d.case_id"
        )
    }

    await reaching.deliver()

    assert due[silent.id] < 1.0 < LIVE_GRACE_S <= due[live.id] < LIVE_GRACE_S + 1.0
    assert reaching.account.told == [silent.id]
    await reaching.two_seconds_later()
    await reaching.deliver()
    assert reaching.account.told == [silent.id, live.id]
    assert await reaching.reached(silent) == [("official_account", "sent")]
    assert await reaching.reached(live) == [("socket", "not_shown"), ("official_account", "sent")]


async def test_who_has_shown_it_is_not_told_again_and_has_nothing_waiting(reaching: Reaching) -> None:
    officer = await reaching.officer(messages=5)
    case = await offered(reaching)

    await seen(reaching.runtime, case.id, epoch=0, officer=acting(officer))
    await reaching.two_seconds_later()
    await reaching.deliver()

    [delivery] = await reaching.rows("SELECT state, reading, seen_at FROM deliveries")
    assert (delivery.state, delivery.reading) == ("dropped", "seen_live")
    assert delivery.seen_at is not None  # the chat's next answer counts no update
    assert reaching.account.told == []
    assert await reaching.reached(officer) == [("socket", "seen")]


async def test_a_screen_that_shows_it_while_the_message_is_leased_gets_no_message(reaching: Reaching) -> None:
    officer = await reaching.officer(messages=5)
    case = await offered(reaching)
    await reaching.rows("UPDATE offers SET seen_at = clock_timestamp() WHERE case_id = :id", id=case.id)
    await reaching.two_seconds_later()

    await reaching.deliver()

    assert reaching.account.told == []
    assert await reaching.reached(officer) == []


async def test_without_a_window_the_next_way_has_it_and_each_step_is_kept(reaching: Reaching) -> None:
    by_notice = await reaching.officer(asleep_s=SILENT_S, consents=1)
    by_page = await reaching.officer(asleep_s=SILENT_S)
    await offered(reaching)

    await reaching.deliver()

    assert reaching.account.told == []
    assert reaching.notice.told == [by_notice.id]
    assert await reaching.reached(by_notice) == [("official_account", "no_budget"), ("subscription", "sent")]
    assert await reaching.reached(by_page) == [
        ("official_account", "no_budget"),
        ("subscription", "no_consent"),
        ("police_app", "sent"),
    ]
    assert [p.badge for p in reaching.pager(PagerKind.POLICE_APP).pages] == [by_page.badge]


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (Outcome(Verdict.RETRY, -1, "retry"), "retry"),
        (Outcome(Verdict.UNCERTAIN, reading="unreachable"), "unreachable"),
        (Outcome(Verdict.SOON, reading="one_by_one"), "one_by_one"),
        (Outcome(Verdict.STOP, 45009, "wait_quota", 60.0), "wait_quota"),
        (Outcome(Verdict.NO_WINDOW, 45047, "window_closed"), "window_closed"),
        (Outcome(Verdict.REFUSED, 43004, "not_following"), "not_following"),
        (Outcome(Verdict.DEAD, 40003, "our_fault"), "our_fault"),
        (RuntimeError("the client broke"), "uncertain"),
    ],
)
async def test_an_offer_waits_for_no_way_that_fails(
    reaching: Reaching, answer: Outcome | Exception, reading: str
) -> None:
    officer = await reaching.officer(asleep_s=SILENT_S, messages=5, consents=1)
    reaching.account.outcomes = [answer]
    await offered(reaching)

    await reaching.deliver()

    assert reaching.notice.told == [officer.id]
    assert await reaching.reached(officer) == [("official_account", reading), ("subscription", "sent")]


async def test_a_stopped_account_is_not_waited_for(reaching: Reaching) -> None:
    officer = await reaching.officer(asleep_s=SILENT_S, messages=5, consents=1)
    await reaching.rows(
        "INSERT INTO channel_stops (channel, until, reading)"
        " VALUES ('official_account', clock_timestamp() + interval '30 seconds', 'refresh')"
    )
    await offered(reaching)

    await reaching.deliver()

    assert await reaching.reached(officer) == [("official_account", "refresh"), ("subscription", "sent")]


async def test_a_phone_that_shows_it_late_is_reached_by_its_socket_too(reaching: Reaching) -> None:
    officer = await reaching.officer(messages=5)
    case = await offered(reaching)
    await reaching.two_seconds_later()
    await reaching.deliver()

    await seen(reaching.runtime, case.id, epoch=0, officer=acting(officer))

    assert sorted(await reaching.reached(officer)) == [("official_account", "sent"), ("socket", "seen")]


async def test_an_offer_that_no_way_carried_is_no_update_afterwards(runtime: Runtime) -> None:
    reaching = Reaching(runtime)  # no template, no pager
    officer = await reaching.officer(asleep_s=SILENT_S)
    await reaching.officer()
    await offered(reaching)
    await reaching.deliver()

    assert await reaching.reached(officer) == [("official_account", "no_budget")]
    async with runtime.database.transaction() as db:
        assert await take_waiting(db, officer.id) == []


async def test_an_urgent_case_uses_every_way_at_once_and_waits_for_no_phone(reaching: Reaching) -> None:
    officer = await reaching.officer(messages=5, consents=1)
    await offered(reaching, urgent=True, ack_by=None, category="missing_person")

    await reaching.deliver()

    ways = {way for way, outcome in await reaching.reached(officer) if outcome == "sent"}
    assert ways == {"official_account", "subscription", "police_app", "wecom", "sms", "loudspeaker"}


async def test_two_offers_to_one_officer_do_not_wait_for_each_other(reaching: Reaching) -> None:
    officer = await reaching.officer(messages=5)
    await offered(reaching)
    await offered(reaching, urgent=True, ack_by=None, category="missing_person")

    await reaching.deliver()

    assert [letter.kind for letter in reaching.account.letters] == ["offer_now"]
    assert reaching.account.told == [officer.id]


async def test_pagers_are_tried_in_order_until_one_takes_it(reaching: Reaching) -> None:
    officer = await reaching.officer(asleep_s=SILENT_S)
    reaching.pager(PagerKind.POLICE_APP).outcomes = [Outcome(Verdict.REFUSED, 404, "unknown_badge")]
    reaching.pager(PagerKind.WECOM).outcomes = [RuntimeError("no route")]
    await offered(reaching)

    await reaching.deliver()

    assert (await reaching.reached(officer))[-3:] == [
        ("police_app", "unknown_badge"),
        ("wecom", "unreachable"),
        ("sms", "sent"),
    ]
    assert reaching.pager(PagerKind.LOUDSPEAKER).pages == []
    async with reaching.runtime.database.moves() as db:
        reach = (await reach_of(db, reaching.runtime, [officer.id]))[officer.id]
    assert reach.channels == (ReachChannel.WECOM, ReachChannel.SMS)  # the app does not know the badge


async def test_a_pager_that_knows_the_badge_again_counts_again(reaching: Reaching) -> None:
    officer = await reaching.officer(asleep_s=SILENT_S)
    await reaching.rows(
        "INSERT INTO officer_reach (person_id, unknown_to) VALUES (:id, '{police_app,sms}')", id=officer.id
    )
    await offered(reaching)

    await reaching.deliver()

    [row] = await reaching.rows("SELECT unknown_to FROM officer_reach")
    assert row.unknown_to == ["sms"]


async def test_what_is_left_is_read_with_the_ways_in_order(reaching: Reaching) -> None:
    rich = await reaching.officer(messages=3, consents=2)
    poor = await reaching.officer(asleep_s=SILENT_S, messages=1)
    await reaching.rows(
        "INSERT INTO officer_reach (person_id, unknown_to) VALUES (:id, '{police_app,wecom,sms}')", id=poor.id
    )
    async with reaching.runtime.database.moves() as db:
        reach = await reach_of(db, reaching.runtime, [rich.id, poor.id, (await reaching.make.citizen()).id])

    assert set(reach) == {rich.id, poor.id}
    assert (reach[rich.id].messages_left, reach[rich.id].notices_left, reach[rich.id].renew) == (3, 2, False)
    assert reach[rich.id].channels[:3] == ("socket", "official_account", "subscription")
    assert reach[poor.id].channels == ("official_account",)
    assert reach[poor.id].renew


async def test_the_message_after_which_few_are_left_asks_to_write(reaching: Reaching) -> None:
    await reaching.officer(asleep_s=SILENT_S, messages=3)
    await reaching.officer(asleep_s=SILENT_S, messages=2)
    await offered(reaching)

    await reaching.deliver()

    asks = ["在岗" in letter.words for letter in reaching.account.letters]
    assert sorted(asks) == [False, True]


async def test_whom_nothing_reaches_is_nobody_and_the_desk_has_it_at_once(runtime: Runtime) -> None:
    reaching = Reaching(runtime)  # no template, no pager
    await reaching.officer(asleep_s=SILENT_S)
    case = await offered(reaching)

    assert await reaching.make.column(case, "state") == "handed_over"
    assert await reaching.make.column(case, "handover_cause") == "nobody_reachable"
    assert await reaching.rows("SELECT FROM offers") == []


@pytest.mark.parametrize("left", [{"messages": 1}, {"asleep_s": 10.0}])
async def test_one_way_is_enough_to_be_asked(runtime: Runtime, left: dict[str, Any]) -> None:
    reaching = Reaching(runtime)
    await reaching.officer(asleep_s=SILENT_S)
    await reaching.officer(**({"asleep_s": SILENT_S} | left))
    case = await offered(reaching)

    assert await reaching.make.column(case, "state") == "open"
    assert len(await reaching.rows("SELECT FROM offers")) == 2  # who opens the mini-program may still take it


async def test_one_reachable_officer_far_away_keeps_the_case_open(runtime: Runtime) -> None:
    reaching = Reaching(runtime)
    await reaching.officer(asleep_s=SILENT_S)
    await reaching.officer(asleep_s=SILENT_S, messages=5, at=None)
    case = await offered(reaching)

    assert await reaching.make.column(case, "state") == "open"


async def test_a_loudspeaker_alone_reaches_nobody(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_settings(runtime, monkeypatch, pager_loudspeaker_url="board")
    reaching = Reaching(runtime)
    await reaching.officer(asleep_s=SILENT_S)
    case = await offered(reaching)

    assert await reaching.make.column(case, "handover_cause") == "nobody_reachable"


async def test_without_valkey_nobody_is_called_unreachable(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaching = Reaching(runtime)
    await reaching.officer(asleep_s=SILENT_S)
    away = valkey.connect("redis://127.0.0.1:9/0", timeout_s=0.2)
    monkeypatch.setattr(runtime, "valkey", away)
    case = await reaching.make.case()

    assert await offer_ring(runtime, case.id) == 1
    assert await reaching.make.column(case, "state") == "open"
    await runtime.drain()
    await away.aclose()


async def test_while_one_channel_hangs_an_offer_goes_out_by_another(reaching: Reaching) -> None:
    await reaching.officer(asleep_s=SILENT_S, messages=5)
    hangs, may_answer, paged, stop = (asyncio.Event() for _ in range(4))

    class Hanging:
        async def send(self, letter: Letter) -> Outcome:
            hangs.set()
            await may_answer.wait()
            return Outcome(Verdict.SENT)

    class Paging:
        async def send(self, letter: Letter) -> Outcome:
            paged.set()
            return Outcome(Verdict.SENT)

    senders = Senders({Channel.OFFICIAL_ACCOUNT: Hanging(), Channel.PAGER: Paging()})
    working = asyncio.create_task(worker.run(reaching.runtime, senders, stop))
    async with asyncio.timeout(15):
        await offered(reaching)
        await hangs.wait()
        await reaching.officer(asleep_s=SILENT_S)
        await offered(reaching)
        await paged.wait()

    may_answer.set()
    stop.set()
    await working


async def test_a_pager_that_does_not_answer_is_left_alone_and_nobody_waits_for_it(reaching: Reaching) -> None:
    now = [0.0]
    officer = await reaching.officer()
    app, sms = reaching.pager(PagerKind.POLICE_APP), reaching.pager(PagerKind.SMS)
    app.outcomes = [Outcome(Verdict.RETRY, reading="unreachable")] * 2
    paging = Pagers(reaching.runtime, [app, sms], lambda: now[0])

    async def page() -> list[str]:
        outcome = await paging.page(officer.id, "有一条可接的任务", page_id="1")
        return [f"{kind} {step.reading or step.verdict}" for kind, step in outcome.steps]

    steps = [await page(), await page(), await page()]
    now[0] += 11
    steps.append(await page())

    assert steps == [
        ["police_app unreachable", "sms sent"],
        ["police_app unreachable", "sms sent"],
        ["police_app quiet", "sms sent"],
        ["police_app sent"],
    ]
    assert len(app.pages) == 3


async def test_a_page_that_is_our_fault_stops_nobody_elses(reaching: Reaching) -> None:
    officer = await reaching.officer()
    app = reaching.pager(PagerKind.POLICE_APP)
    app.outcomes = [Outcome(Verdict.DEAD, 400, "our_fault")]
    paging = Pagers(reaching.runtime, [app])

    first = await paging.page(officer.id, "有一条可接的任务", page_id="1")
    second = await paging.page(officer.id, "有一条可接的任务", page_id="2")

    assert (first.verdict, second.verdict) == (Verdict.REFUSED, Verdict.SENT)


async def test_a_pager_that_asks_for_quiet_gets_it(reaching: Reaching) -> None:
    now = [0.0]
    officer = await reaching.officer()
    sms = reaching.pager(PagerKind.SMS)
    sms.outcomes = [Outcome(Verdict.STOP, 429, "wait_quota", 30.0)]
    paging = Pagers(reaching.runtime, [sms], lambda: now[0])

    found = []
    for later_s in (0, 29, 2):
        now[0] += later_s
        found.append((await paging.page(officer.id, "有一条可接的任务", page_id="1")).verdict)

    assert found == [Verdict.RETRY, Verdict.RETRY, Verdict.SENT]
    assert len(sms.pages) == 2
