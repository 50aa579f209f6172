"""Nobody claimed: the desk has it; a silent phone loses it; a desk that sleeps is passed over."""

from __future__ import annotations

from tests.console.people import People, Person
from tests.walks.world import DESK_PHONE, World


async def test_nobody_claims_and_the_desk_assigns(world: World, desk: Person) -> None:
    officer, free = await world.officer(), await world.officer()
    neighbour = await world.neighbour()
    case = await world.reports(neighbour)

    async with world.dial(desk) as board, world.dial(officer) as phone:
        await world.age(case.id, 59)
        young = await world.hand_over()
        await world.age(case.id, 1)
        handed = await world.hand_over()
        rang = await board.next("case_changed")
        await phone.next("withdrawn")
    late = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})
    [item] = (await desk.ok("GET", "/queue"))["items"]
    await world.deliver()
    await desk.ok("POST", f"/cases/{case.id}/acknowledge")
    taken = await desk.ok("POST", f"/cases/{case.id}/take", {"epoch": item["epoch"]})
    assigned = await desk.ok(
        "POST", f"/cases/{case.id}/assignment", {"epoch": taken["epoch"], "officer_id": str(free.person_id)}
    )
    await world.settle()
    await world.deliver()

    assert (young, handed) == ([], [case.id])
    assert (rang["case_id"], rang["kind"]) == (str(case.id), "case_handed_over")
    assert (late.status_code, late.json()["code"]) == (409, "case_handed_over")
    assert item["case_id"] == str(case.id)
    in_hand = (await free.ok("GET", "/my-case"))["case"]
    assert (in_hand["case_id"], in_hand["epoch"]) == (str(case.id), assigned["epoch"])
    told = await neighbour.told()
    assert DESK_PHONE in told[0]
    assert "已有人接手" in told[1]


async def test_a_silent_phone_is_nudged_and_loses_the_case(world: World, desk: Person) -> None:
    silent, other = await world.officer(), await world.officer()
    neighbour = await world.neighbour()
    case, epoch = await world.claimed(neighbour, silent)

    for seconds in (60, 60, 60):
        await world.age(case.id, seconds)
        await world.work("silent")

    assert [k for k in await world.kinds(case) if k in ("case_nudged", "case_alarmed", "case_taken_back")] == [
        "case_nudged", "case_alarmed", "case_taken_back",
    ]  # fmt: skip
    [row] = await world.rows("SELECT state, officer_id, epoch FROM cases")
    assert row.state == "handed_over"  # reported three minutes ago: its window is over
    assert row.epoch > epoch
    late = await silent.post(f"/cases/{case.id}/en-route", {"epoch": epoch})
    assert late.status_code in (404, 409)
    assert [i["case_id"] for i in (await desk.ok("GET", "/queue"))["items"]] == [str(case.id)]
    await world.deliver()
    assert DESK_PHONE in (await neighbour.told())[-1]
    assert (await other.ok("GET", "/my-case"))["case"] is None


async def test_a_sign_of_life_keeps_the_case(world: World) -> None:
    officer, neighbour = await world.officer(), await world.neighbour()
    case, epoch = await world.claimed(neighbour, officer)
    await world.age(case.id, 60)
    await world.work("silent")

    await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": epoch})
    await world.age(case.id, 130)
    await world.work("silent")

    assert await world.make.column(case, "state") == "en_route"


async def test_a_desk_that_does_not_answer_is_passed_over(world: World, people: People, desk: Person) -> None:
    commander = await people.signed_in("desk", station=world.command)
    neighbour = await world.neighbour()
    case = await world.reports(neighbour)  # nobody is on duty: the desk has it at once
    born = await world.make.column(case, "state")

    async with world.dial(commander) as board:
        await world.age(case.id, 60)
        await world.work("unacknowledged")
        rang = await board.next("case_changed")
    await commander.ok("POST", f"/cases/{case.id}/acknowledge")
    await world.age(case.id, 600)
    await world.work("unacknowledged")

    assert born == "handed_over"
    assert (rang["case_id"], rang["kind"]) == (str(case.id), "case_escalated")
    assert (await world.kinds(case)).count("case_escalated") == 1


async def test_nobody_reachable_and_it_is_said_whom_to_call(world: World) -> None:
    neighbour = await world.neighbour()
    case = await world.reports(neighbour)

    status = await neighbour.say("进度")
    await world.deliver()

    [row] = await world.rows("SELECT state, handover_cause, handed_over_at - reported_at AS after FROM cases")
    assert (row.state, row.handover_cause) == ("handed_over", "nobody_reachable")
    assert row.after.total_seconds() < 5
    assert case.number in status
    assert DESK_PHONE in (await neighbour.told())[0]


async def test_an_officer_joins_from_the_invitation_to_the_first_offer(
    world: World, people: People, desk: Person
) -> None:
    administrator = await people.signed_in("administrator")
    invited = await administrator.ok(
        "POST", "/officers", {"name": "王小明", "badge": "031234", "station_id": str(world.station.id)}
    )
    policeman = await world.neighbour()
    body = {"badge": "031234", "code": invited["code"], "js_code": await policeman.login_code()}
    bound = await world.phones.post("officers/bind", json=body)
    headers = {"Authorization": f"Bearer {bound.json()['token']}"}

    early = await world.phones.post("duty/on", headers=headers)
    await world.phones.post("me/second-factor/approval", headers=headers)
    [asked] = (await desk.ok("GET", "/approvals"))["items"]
    await desk.ok("POST", f"/approvals/{asked['id']}", {"approve": True})
    await world.settle()
    on = await world.phones.post("duty/on", headers=headers)
    here = {"lat": 32.06, "lng": 118.82, "datum": "wgs84", "accuracy_m": 10}
    now = (await world.rows("SELECT clock_timestamp() AS now"))[0].now.isoformat()
    await world.phones.post("fixes", json={"fixes": [here | {"at": now}]}, headers=headers)
    case = await world.reports(await world.neighbour())

    assert bound.status_code == 201, bound.text
    assert early.json()["code"] == "second_factor_needed"
    assert on.status_code == 200, on.text
    offers = (await world.phones.get("offers", headers=headers)).json()["items"]
    assert [o["case_id"] for o in offers] == [str(case.id)]
