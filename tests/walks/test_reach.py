"""Asleep: an officer with the phone in the pocket hears of a case, by WeChat and by pager, and renews WeChat's window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from pydantic import SecretStr

from app.events.edge import transaction
from app.notices.consents import allow
from app.notices.tables import Channel
from app.people.identity import add_openid
from app.settings import Settings, Template
from simulator import pagers
from tests.console.people import Person
from tests.factories import Made
from tests.miniprogram.phones import Phone
from tests.walks.conftest import open_world
from tests.walks.world import REPORT, World

TEMPLATE = "T-offer"
SET_UP: dict[str, Any] = {
    "pager_police_app_url": "http://pagers.test/pagers/police-app",
    "pager_police_app_key": SecretStr(pagers.POLICE_APP_KEY),
    "pager_wecom_api_base": "http://pagers.test/wecom",
    "pager_wecom_corp_id": pagers.CORP_ID,
    "pager_wecom_agent_id": pagers.AGENT_ID,
    "pager_wecom_secret": SecretStr(pagers.CORP_SECRET),
    "pager_sms_url": "http://pagers.test/pagers/sms",
    "pager_sms_token": SecretStr(pagers.SMS_TOKEN),
    "pager_loudspeaker_url": "http://pagers.test/pagers/loudspeaker",
    "pager_loudspeaker_token": SecretStr(pagers.LOUDSPEAKER_TOKEN),
    "miniprogram_templates": {"*": Template(id=TEMPLATE, words="thing1")},
}


@dataclass
class Pocket:
    """An officer whose phone the simulator knows."""

    world: World
    phone: Phone
    user: dict[str, Any]
    made: Made = field(init=False)

    def __post_init__(self) -> None:
        self.made = self.phone.made

    async def write(self, words: str = "在岗") -> None:
        """To the account: its window is full again."""
        await self.world.wechat.say(self.user, words)

    async def rang(self) -> list[str]:
        """What rang the phone, in order."""
        path = f"users/{self.user['id']}/phone"
        told = await self.world.wechat.control(path, method="GET")
        return [n["by"] for n in told["notified"]]

    async def reach(self) -> Any:
        return (await self.phone.ok("GET", "/duty"))["reach"]


@pytest_asyncio.fixture
async def asleep(runtime: Any, settings: Settings) -> AsyncIterator[World]:
    """A world with every pager and a subscription template."""
    async with open_world(settings.model_copy(update=SET_UP)) as world:
        yield world


async def pocket(world: World, *carries: str, consents: int = 0, on_duty: bool = True) -> Pocket:
    """An officer on duty for an hour, silent for minutes, the phone locked, bound to the account."""
    phone = await world.officer(on_duty=on_duty)
    user = await world.wechat.user(id=f"officer-{phone.facts['badge']}")
    async with transaction(world.runtime) as db:
        for app_id, openid in (
            (world.runtime.settings.wechat_app_id, user["openid"]),
            (world.runtime.settings.miniprogram_app_id, user["mp_openid"]),
        ):
            await add_openid(db, world.runtime, person_id=phone.person_id, app_id=app_id, openid=openid)
        for _ in range(consents):
            await allow(db, phone.person_id, Channel.SUBSCRIPTION, TEMPLATE, lasting=False)
    if consents:
        await world.wechat.control(f"users/{user['id']}/grants", {"template_id": TEMPLATE, "times": consents})
    await world.wechat.control(
        f"users/{user['id']}/pagers", {"badge": phone.facts["badge"], "carries": list(carries)}
    )
    await world.wechat.control(f"users/{user['id']}/phone", {"locked": True})
    await sleep(world)
    return Pocket(world, phone, user)


async def sleep(world: World) -> None:
    """Nothing was heard of any phone for minutes."""
    await world.run(
        "UPDATE officers SET last_seen_at = clock_timestamp() - interval '5 minutes',"
        " duty_since = CASE WHEN on_duty THEN clock_timestamp() - interval '1 hour' END"
    )


async def test_a_locked_phone_is_rung_by_the_first_way_that_has_something_left(asleep: World) -> None:
    by_account = await pocket(asleep, "police_app", consents=1)
    await by_account.write()
    by_notice = await pocket(asleep, "police_app", consents=1)
    by_app, by_sms = await pocket(asleep, "police_app", "sms"), await pocket(asleep, "sms")
    by_nothing = await pocket(asleep)
    neighbour = await asleep.neighbour()

    await asleep.reports(neighbour)
    await asleep.deliver()

    assert await by_account.rang() == ["custom"]
    assert await by_notice.rang() == ["subscription"]
    assert await by_app.rang() == ["police_app"]
    assert await by_sms.rang() == ["sms"]
    assert await by_nothing.rang() == []
    spoken = (await asleep.wechat.control("pagers/spoken", method="GET"))["spoken"]
    assert [s["badge"] for s in spoken] == [by_nothing.made.badge]  # the desk calls whom nothing reached


async def test_nothing_that_rings_says_what_where_or_who(asleep: World) -> None:
    for carries, wrote, consents in (((), True, 0), ((), False, 1), (("police_app",), False, 0)):
        officer = await pocket(asleep, *carries, consents=consents)
        if wrote:
            await officer.write()
    neighbour = await asleep.neighbour()
    await asleep.reports(neighbour)
    await asleep.deliver()

    out = ("/cgi-bin/message/custom/send", "/cgi-bin/message/subscribe/send", "/pagers/police-app")
    sent = [str(e["body"]) for e in await asleep.wechat.log("api") if e["path"] in out]

    assert len(sent) >= 3
    for words in sent:
        assert not any(told in words for told in (REPORT, "珠江路", "噪", "noise", "李雷", "118.8", "32.06"))


async def test_pagers_that_fail_are_passed_over_and_the_steps_are_kept(asleep: World) -> None:
    officer = await pocket(asleep, "police_app", "wecom", "sms")
    await asleep.wechat.control(
        "faults/api", {"path": "/pagers/police-app", "http_status": 502, "times": None}
    )
    await asleep.wechat.control(
        "faults/api", {"path": "/wecom/cgi-bin/message/send", "errcode": 81013, "times": None}
    )
    case = await asleep.reports(await asleep.neighbour())
    await asleep.deliver()

    steps = await asleep.rows(
        "SELECT channel, outcome FROM reaches WHERE case_id = :id ORDER BY at", id=case.id
    )
    assert [(s.channel, s.outcome) for s in steps] == [
        ("official_account", "no_budget"), ("subscription", "no_consent"), ("police_app", "unreachable"),
        ("wecom", "unknown_badge"), ("sms", "sent"),
    ]  # fmt: skip
    assert await officer.rang() == ["sms"]


async def test_five_messages_and_then_the_next_way_until_the_officer_writes_again(asleep: World) -> None:
    officer = await pocket(asleep, "sms")
    await officer.write()
    for _ in range(6):
        await asleep.reports(await asleep.neighbour())
        await asleep.deliver()
        await asleep.run("UPDATE cases SET state = 'cancelled', closed_at = clock_timestamp()")

    assert await officer.rang() == ["custom"] * 5 + ["sms"]
    told = [e["body"]["text"] for e in await asleep.wechat.seen(officer.user) if e["channel"] == "custom"]
    assert ["在岗" in words for words in told] == [False, False, False, True, True]
    assert (await officer.reach())["renew"] is True

    await officer.write()
    await asleep.reports(await asleep.neighbour())
    await asleep.deliver()

    assert (await officer.rang())[-1] == "custom"
    assert (await officer.reach())["messages_left"] == 4


async def test_going_on_duty_tests_the_way_and_the_desk_sees_that_it_failed(
    asleep: World, desk_of: Person
) -> None:
    officer = await pocket(asleep, on_duty=False)
    await officer.write()
    await asleep.wechat.control("faults/api", {"path": "/cgi-bin/message/custom/send", "errcode": 43004})

    async with asleep.dial(officer.phone) as line, asleep.dial(desk_of) as board:
        await officer.phone.ok("POST", "/duty/on")
        await asleep.settle()
        await asleep.deliver()
        tested = [await line.next("reach_tested")]
        failed = await board.next("reach_failed")

    assert tested[0]["outcome"] != "sent"
    assert failed["badge"] == officer.made.badge
    [row] = (await desk_of.ok("GET", "/officers/on-duty"))["items"]
    assert row["reach"]["messages_left"] == 0


@pytest_asyncio.fixture
async def desk_of(asleep: World) -> AsyncIterator[Person]:
    """The desk of this world's station."""
    import httpx

    from tests.console.people import People

    people = People(asleep.runtime, asleep.make, httpx.ASGITransport(asleep.app))
    yield await people.signed_in("desk", station=asleep.station)
    await people.close()
