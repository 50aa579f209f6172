"""The socket, over real WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import pytest
import websockets
from fastapi import FastAPI

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.live import door as live
from app.live.tickets import issue
from app.people.sessions import revoke
from tests.factories import Make
from tests.miniprogram.phones import POINT, Dial, Phone, Settle, SignIn, Socket


def fix() -> dict[str, object]:
    return POINT | {"accuracy_m": 10, "at": datetime.now(UTC).isoformat()}


async def test_the_first_frame_says_everything_an_officer_needs_and_nothing_of_a_reporter(
    make: Make, officer: Phone, dial: Dial
) -> None:
    case = await make.case(state="claimed", officer=officer.made, epoch=1)
    other = await make.case()
    await make.offer(other, officer.made)

    async with dial(officer) as socket:
        snapshot = await socket.next("snapshot")

    assert snapshot["on_duty"] is True
    assert [o["case_id"] for o in snapshot["offers"]] == [str(other.id)]
    assert (snapshot["case"]["case_id"], snapshot["case"]["epoch"]) == (str(case.id), 1)
    assert snapshot["cases"] == []
    assert not {"words", "place"} & set(snapshot["case"])


async def test_the_first_frame_gives_a_reporter_their_running_cases_with_the_track(
    make: Make, sign_in: SignIn, officer: Phone, dial: Dial
) -> None:
    reporter = await make.citizen()
    case = await make.case(reporter=reporter, state="en_route", officer=officer.made, epoch=1)
    await make.case(reporter=reporter, state="closed", reported_ago_s=100)

    async with dial(await sign_in(reporter)) as socket:
        snapshot = await socket.next("snapshot")

    assert [(c["case_id"], c["track"]["state"]) for c in snapshot["cases"]] == [(str(case.id), "no_position")]
    assert (snapshot["on_duty"], snapshot["offers"], snapshot["case"]) == (None, [], None)


async def test_a_snapshot_takes_one_connection_at_a_time(
    app: FastAPI, officer: Phone, dial: Dial, runtime: Runtime
) -> None:
    """Else as many phones at once as the pool is large would wait for one another."""
    async with dial(officer) as socket, contextlib.AsyncExitStack() as others:
        await socket.next("snapshot")
        app.state.ingest.forget(officer.person_id)
        for pool in (runtime.database.transactions, runtime.database.autocommitted):
            for _ in range(pool.size - 1):
                await others.enter_async_context(pool.connection())
        await socket.send(type="snapshot")

        assert await socket.next("snapshot")


async def test_an_offer_arrives_and_goes_when_another_takes_it(
    make: Make, sign_in: SignIn, officer: Phone, citizen: Phone, dial: Dial
) -> None:
    rival = await sign_in(await make.officer())
    for phone in (officer, rival):
        await phone.ok("POST", "/fixes", {"fixes": [fix()]})

    async with dial(officer) as socket:
        await socket.next("snapshot")
        opened = await citizen.report()
        offer = await socket.next("offer")
        await socket.send(type="seen", case_id=offer["case_id"], epoch=offer["epoch"])
        await rival.ok("POST", f"/offers/{offer['case_id']}/claim", {"epoch": offer["epoch"]})
        withdrawn = await socket.next("withdrawn")

    assert offer["case_id"] == withdrawn["case_id"] == opened["case_id"]
    assert (withdrawn["why"], withdrawn["by"]) == ("claimed", str(rival.person_id))


async def test_the_reporter_watches_the_officer_come_and_the_view_ends_with_the_case(
    make: Make, sign_in: SignIn, officer: Phone, dial: Dial
) -> None:
    case = await make.case(state="arrived", officer=officer.made, epoch=1)
    reporter = await sign_in(case.reporter)

    async with dial(officer) as sending, dial(reporter) as watching:
        await watching.next("snapshot")
        await sending.next("snapshot")
        await sending.send(type="fixes", fixes=[fix()])
        taken = await sending.next("fixes_taken")
        seen = await watching.next("fix")
        await officer.ok("POST", f"/cases/{case.id}/close", {"epoch": 1, "disposition": "solved"})
        changed = await watching.next("case_changed")
        await sending.send(type="fixes", fixes=[fix()])
        after = await sending.next("fixes_taken")
        await watching.send(type="ping")
        left = json.loads(await watching.connection.recv())
        while left["type"] in ("case_changed", "notice"):
            left = json.loads(await watching.connection.recv())

    assert taken["case_ids"] == [str(case.id)]
    assert (seen["lat"], seen["epoch"]) == (POINT["lat"], 1)
    assert changed["state"] == "closed"
    assert after["case_ids"] == []
    assert left["type"] == "pong"


async def test_a_case_reported_after_connecting_is_heard_after_a_snapshot(
    make: Make, officer: Phone, citizen: Phone, dial: Dial, settle: Settle
) -> None:
    await officer.ok("POST", "/fixes", {"fixes": [fix()]})
    async with dial(citizen) as socket:
        await socket.next("snapshot")
        opened = await citizen.report()
        await settle()
        await officer.ok("POST", f"/offers/{opened['case_id']}/claim", {"epoch": 0})
        changed = await socket.next("case_changed")
        while changed["kind"] != "case_claimed":
            changed = await socket.next("case_changed")
        await socket.send(type="snapshot")
        snapshot = await socket.next("snapshot")
        await officer.ok("POST", "/fixes", {"fixes": [fix()]})
        seen = await socket.next("fix")

    assert [c["case_id"] for c in snapshot["cases"]] == [opened["case_id"]] == [seen["case_id"]]


async def test_off_duty_a_sockets_fixes_are_refused_and_nothing_is_kept(
    make: Make, sign_in: SignIn, dial: Dial
) -> None:
    phone = await sign_in(await make.officer(on_duty=False))

    async with dial(phone) as socket:
        await socket.send(type="fixes", fixes=[fix()])
        error = await socket.next("error")

    assert error["code"] == "off_duty"


async def test_a_citizens_fixes_are_nobodys(citizen: Phone, dial: Dial) -> None:
    async with dial(citizen) as socket:
        await socket.send(type="fixes", fixes=[fix()])

        assert (await socket.next("error"))["code"] == "off_duty"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"type":"claim"}',
        '{"type":"ping","more":1}',
        '{"type":"seen","case_id":"1","epoch":0}',
    ],
)
async def test_what_cannot_be_understood_is_answered_and_the_socket_stays(
    citizen: Phone, dial: Dial, said: str
) -> None:
    async with dial(citizen) as socket:
        await socket.connection.send(said)
        error = await socket.next("error")
        await socket.send(type="ping")
        await socket.next("pong")

    assert error["code"] == "invalid"


async def test_a_socket_without_a_ticket_is_closed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_MESSAGE_S", 0.05)

    async with websockets.connect(address) as connection:
        assert await Socket(connection).closed() == live.NO_TICKET


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("x", live.NOT_A_TICKET),
        ('{"type":"ping"}', live.NOT_A_TICKET),
        ('{"ticket":"unknown"}', live.TICKET_REFUSED),
        ("x" * (live.FRAME_MAX + 1), live.TOO_BIG),
    ],
)
async def test_a_first_message_that_is_no_good_ticket_closes(address: str, first: str, code: int) -> None:
    async with websockets.connect(address) as connection:
        await connection.send(first)

        assert await Socket(connection).closed() == code


async def test_a_ticket_opens_one_socket(citizen: Phone, address: str) -> None:
    ticket = json.dumps({"ticket": (await citizen.ok("POST", "/live/tickets"))["ticket"]})

    async with websockets.connect(address) as first, websockets.connect(address) as second:
        await first.send(ticket)
        await Socket(first).next("snapshot")
        await second.send(ticket)

        assert await Socket(second).closed() == live.TICKET_REFUSED


async def test_a_ticket_of_the_console_opens_nothing_here(
    make: Make, sign_in: SignIn, runtime: Runtime, address: str
) -> None:
    station = await make.the_station()
    person = await sign_in(await make.staff("desk", station=station))
    topics = [f"desk:{station.id}"]
    ticket = await issue(runtime, person_id=person.person_id, session_id=person.session_id, topics=topics)

    async with websockets.connect(address) as connection:
        await connection.send(json.dumps({"ticket": ticket}))

        assert await Socket(connection).closed() == live.TICKET_REFUSED


async def test_a_ticket_of_a_session_that_has_ended_opens_nothing(
    citizen: Phone, address: str, runtime: Runtime
) -> None:
    ticket = json.dumps({"ticket": (await citizen.ok("POST", "/live/tickets"))["ticket"]})
    async with transaction(runtime) as db:
        await revoke(db, citizen.session_id, by=None)

    async with websockets.connect(address) as connection:
        await connection.send(ticket)

        assert await Socket(connection).closed() == live.TICKET_REFUSED


async def test_signing_out_closes_the_socket_within_a_second(citizen: Phone, dial: Dial) -> None:
    async with dial(citizen) as socket:
        await socket.next("snapshot")
        await citizen.ok("DELETE", "/sessions/current")

        async with asyncio.timeout(1):
            code = await socket.closed()

    assert code == 4401


async def test_a_message_over_8_kib_closes(officer: Phone, dial: Dial) -> None:
    async with dial(officer) as socket:
        await socket.next("snapshot")
        await socket.connection.send(json.dumps({"type": "ping", "x": "x" * live.FRAME_MAX}))

        assert await socket.closed() == live.TOO_BIG


async def test_too_many_messages_close(citizen: Phone, dial: Dial) -> None:
    async with dial(citizen) as socket:
        await socket.next("snapshot")
        for _ in range(live.MESSAGES_IN + 1):
            await socket.send(type="ping")

        assert await socket.closed() == live.TOO_MANY_MESSAGES


@pytest.mark.parametrize("who", ["citizen", "officer"])
async def test_one_socket_too_many_takes_the_place_of_the_oldest(
    citizen: Phone, officer: Phone, dial: Dial, who: str
) -> None:
    phone, most = (citizen, 2) if who == "citizen" else (officer, 3)

    async with contextlib.AsyncExitStack() as stack:
        sockets = []
        for _ in range(most + 1):
            sockets.append(await stack.enter_async_context(dial(phone)))
            await sockets[-1].next("snapshot")  # opened, before the next one is

        assert await sockets[0].closed() == live.REPLACED
        for socket in sockets[1:]:
            await socket.send(type="ping")
            await socket.next("pong")
