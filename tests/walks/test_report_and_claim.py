"""Report in chat, Claim: from a line in WeChat to one officer's thumb."""

from __future__ import annotations

import asyncio

from tests.walks.world import REPORT, World


async def test_report_in_chat_reaches_the_phones_of_officers_near(world: World) -> None:
    near, also = await world.officer(), await world.officer()
    neighbour = await world.neighbour()

    async with world.dial(near) as first, world.dial(also) as second:
        replies = [await neighbour.say(REPORT), await neighbour.stand()]
        offers = [await first.next("offer"), await second.next("offer")]

    case = await world.newest_case()
    assert case.number in replies[-1]  # the number stands in the second of at most four messages
    assert "请立即拨打110" not in replies[0]  # what happened is no danger
    assert {o["case_id"] for o in offers} == {str(case.id)}
    assert REPORT not in str(offers)
    assert (await world.kinds(case))[:2] == ["case_reported", "offers_made"]
    [row] = await world.rows("SELECT extract(epoch FROM deadline - reported_at) AS window FROM cases")
    assert row.window == 60


async def test_a_message_that_wechat_repeats_is_one_case_with_one_answer(world: World) -> None:
    await world.officer()
    neighbour = await world.neighbour()
    await neighbour.say(REPORT)
    await world.wechat.control("faults/callbacks", {"kind": "lose_answer", "times": 1})

    place = {"kind": "location", "lat": 32.06, "lng": 118.82, "datum": "wgs84"}
    outcome = await world.wechat.control(f"users/{neighbour.user['id']}/send", place)

    [case] = await world.rows("SELECT number FROM cases")
    assert len(outcome["attempts"]) == 2  # the first answer was lost on its way
    assert case.number in outcome["text"]


async def test_the_same_message_at_once_is_one_case(world: World) -> None:
    await world.officer()
    neighbour = await world.neighbour()
    await neighbour.say(REPORT)
    await world.wechat.control("faults/callbacks", {"kind": "concurrent", "copies": 4, "times": 1})

    reply = await neighbour.stand()

    [case] = await world.rows("SELECT number FROM cases")
    assert case.number in reply


async def test_five_officers_race_and_one_has_it(world: World) -> None:
    officers = [await world.officer() for _ in range(5)]
    neighbour = await world.neighbour()
    case = await world.reports(neighbour)
    lines = []
    for officer in officers:
        line = world.dial(officer)
        lines.append((line, await line.__aenter__()))

    answers = await asyncio.gather(*(o.post(f"/offers/{case.id}/claim", {"epoch": 0}) for o in officers))
    await world.settle()

    won = [i for i, a in enumerate(answers) if a.status_code == 201]
    lost = [i for i in range(5) if i not in won]
    assert len(won) == 1
    assert {answers[i].json()["code"] for i in lost} == {"case_already_taken"}
    for i in lost:
        assert (await lines[i][1].next("withdrawn"))["case_id"] == str(case.id)
        assert (await officers[i].ok("GET", "/offers"))["items"] == []
    for line, _ in lines:
        await line.__aexit__(None, None, None)
    again = await officers[won[0]].ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})
    assert again == answers[won[0]].json()
    assert (await world.kinds(case)).count("case_claimed") == 1


async def test_the_reporter_is_told_by_the_worker(world: World) -> None:
    neighbour, officer = await world.neighbour(), await world.officer()
    case, _ = await world.claimed(neighbour, officer)

    await world.deliver()

    [told] = await neighbour.told()
    assert case.number in told
    assert "已有人接手" in told
    assert REPORT not in told


async def test_a_token_that_wechat_threw_away_costs_no_notice(world: World) -> None:
    neighbour, officer = await world.neighbour(), await world.officer()
    first, epoch = await world.claimed(neighbour, officer)
    await world.deliver()
    await world.wechat.control("tokens", {"how": "kill"})

    await officer.ok("POST", f"/cases/{first.id}/en-route", {"epoch": epoch})
    await officer.ok(
        "POST",
        f"/cases/{first.id}/arrived",
        {"epoch": epoch, "at": {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}},
    )
    await officer.ok("POST", f"/cases/{first.id}/close", {"epoch": epoch, "disposition": "mediated"})
    await world.settle()
    await world.deliver()

    told = await neighbour.told()
    assert "已办结" in told[-1]
