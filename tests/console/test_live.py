from __future__ import annotations

import json

import pytest
import websockets
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.live.tickets import issue
from app.people.roles import revoke_role
from app.people.sessions import Role, revoke_all
from tests.console.people import ORIGIN, Dial, People, Person
from tests.console.test_desk import ELSEWHERE
from tests.factories import Make


async def test_the_board_starts_with_everything_and_hears_what_happens(
    desk: Person, make: Make, dial: Dial
) -> None:
    officer = await make.officer()
    waiting = await make.case(state="handed_over", reported_ago_s=20)
    running = await make.case(state="claimed", officer=officer, reported_ago_s=10)
    free = await make.officer()

    async with dial(desk) as line:
        snapshot = await line.next("snapshot")
        await desk.ok("POST", f"/cases/{waiting.id}/assignment", {"epoch": 0, "officer_id": str(free.id)})
        changed = await line.next("case_changed")
        await line.send(type="snapshot")
        after = await line.next("snapshot")

    assert [i["case_id"] for i in snapshot["queue"]["items"]] == [str(waiting.id)]
    assert [i["case_id"] for i in snapshot["running"]] == [str(running.id)]
    assert {i["officer_id"] for i in snapshot["on_duty"]} == {str(officer.id), str(free.id)}
    assert (changed["case_id"], changed["kind"], changed["state"]) == (
        str(waiting.id),
        "case_assigned",
        "assigned",
    )
    assert after["queue"]["items"] == []
    assert "楼上很吵" not in json.dumps(snapshot, ensure_ascii=False)


async def test_a_desk_hears_nothing_of_another_station(people: People, make: Make, dial: Dial) -> None:
    other = await make.station(ring=ELSEWHERE, code="B1")
    case = await make.case(state="handed_over", reported_ago_s=20)
    own = await make.case(state="handed_over", station=other, reported_ago_s=20)
    first = await people.signed_in("desk", station=await make.the_station())
    stranger = await people.signed_in("desk", station=other)

    async with dial(stranger) as line:
        await line.next("snapshot")
        await first.ok("POST", f"/cases/{case.id}/take", {"epoch": 0})
        await first.runtime.drain()
        await stranger.ok("POST", f"/cases/{own.id}/take", {"epoch": 0})
        heard = await line.next("case_changed")

    assert heard["case_id"] == str(own.id)


async def test_a_desk_whose_bell_stops_is_told_so(
    people: People, make: Make, desk: Person, dial: Dial
) -> None:
    neighbour = await make.station(ring=ELSEWHERE, code="B1")
    case = await make.case(state="handed_over", reported_ago_s=70, ringing_id=neighbour.id, ack_step=1)
    theirs = await people.signed_in("desk", station=neighbour)

    async with dial(theirs) as line:
        before = await line.next("snapshot")
        await desk.ok("POST", f"/cases/{case.id}/take", {"epoch": 0})
        heard = await line.next("case_changed")
        await line.send(type="snapshot")
        after = await line.next("snapshot")

    assert heard["case_id"] == str(case.id)
    assert [len(one["queue"]["items"]) for one in (before, after)] == [1, 0]


async def test_command_hears_every_station(people: People, make: Make, dial: Dial) -> None:
    await make.the_station()
    other = await make.station(ring=ELSEWHERE, code="B1")
    case = await make.case(state="handed_over", station=other, reported_ago_s=20)
    commander = await people.signed_in("commander")

    async with dial(commander) as line:
        snapshot = await line.next("snapshot")
        await commander.ok("POST", f"/cases/{case.id}/acknowledge")
        heard = await line.next("case_changed")

    assert len(snapshot["stations"]) == 2
    assert snapshot["unheard"] == 0
    assert heard["kind"] == "case_acknowledged"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://localhost:8001"])
async def test_another_pages_socket_does_not_open(address: str, origin: str | None) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(address, origin=websockets.Origin(origin) if origin else None)

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "first", ['{"ticket": "unknown"}', '{"type": "ping"}', "[]", "x" * 9000, '{"ticket": ""}']
)
async def test_what_is_no_ticket_opens_nothing(address: str, first: str) -> None:
    async with websockets.connect(address, origin=websockets.Origin(ORIGIN)) as connection:
        await connection.send(first)
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()

    expected = {'{"ticket": "unknown"}': 4403, "x" * 9000: 1009}
    assert connection.close_code == expected.get(first, 4400)


async def test_a_socket_without_a_ticket_is_closed_after_its_seconds(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.live.door.FIRST_MESSAGE_S", 0.05)

    async with websockets.connect(address, origin=websockets.Origin(ORIGIN)) as connection:
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()

    assert connection.close_code == 4402


async def test_a_ticket_works_once(desk: Person, address: str) -> None:
    ticket = (await desk.ok("POST", "/live/tickets"))["ticket"]
    codes = []

    for _ in range(2):
        async with websockets.connect(address, origin=websockets.Origin(ORIGIN)) as connection:
            await connection.send(json.dumps({"ticket": ticket}))
            try:
                await connection.recv()
            except websockets.ConnectionClosed:
                codes.append(connection.close_code)

    assert codes == [4403]


async def test_the_ticket_of_a_phone_opens_no_board(desk: Person, address: str, runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        session_id = (await db.execute(text("SELECT id FROM sessions"))).scalar_one()
    ticket = await issue(
        runtime, person_id=desk.person_id, session_id=session_id, topics=[f"person:{desk.person_id}"]
    )

    async with websockets.connect(address, origin=websockets.Origin(ORIGIN)) as connection:
        await connection.send(json.dumps({"ticket": ticket}))
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()

    assert connection.close_code == 4403


async def test_signing_out_closes_the_board(desk: Person, dial: Dial) -> None:
    async with dial(desk) as line:
        await line.next("snapshot")
        async with transaction(desk.runtime) as db:
            await revoke_all(db, desk.person_id, by=None)
        code = await line.closed()

    assert code == 4401


async def test_a_desk_that_loses_its_role_loses_the_board(desk: Person, make: Make, dial: Dial) -> None:
    station = await make.the_station()
    async with dial(desk) as line:
        await line.next("snapshot")
        async with transaction(desk.runtime) as db:
            await revoke_role(db, person_id=desk.person_id, role=Role.DESK, station_id=station.id, by=None)
        await line.send(type="snapshot")
        code = await line.closed()

    assert code == 4410


async def test_a_fourth_socket_takes_the_place_of_the_first(desk: Person, dial: Dial) -> None:
    async with dial(desk) as first:
        await first.next("snapshot")
        async with dial(desk) as second, dial(desk) as third, dial(desk) as fourth:
            for line in (second, third, fourth):
                await line.next("snapshot")
            code = await first.closed()

    assert code == 4409


async def test_a_flood_of_messages_closes_the_socket(desk: Person, dial: Dial) -> None:
    async with dial(desk) as line:
        await line.next("snapshot")
        for _ in range(61):
            await line.send(type="ping")
        code = await line.closed()

    assert code == 4429
