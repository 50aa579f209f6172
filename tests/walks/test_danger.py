"""Danger: "call 110" in the same answer and an urgent item at the desk, whatever stands in the way."""

from __future__ import annotations

import pytest

from tests.console.people import People, Person
from tests.walks.world import REPORT, World

DANGER = "他有刀"


@pytest.fixture
async def command(people: People, world: World) -> Person:
    """At the command centre: it has what has no place yet."""
    return await people.signed_in("desk", station=world.command)


async def urgent_items(desk: Person) -> list[str]:
    return [i["case_id"] for i in (await desk.ok("GET", "/queue"))["items"] if i["urgent"]]


async def test_in_the_first_line(world: World, command: Person) -> None:
    await world.officer()

    reply = await (await world.neighbour()).say(DANGER)
    await world.settle()

    case = await world.newest_case()
    assert "110" in reply
    assert await urgent_items(command) == [str(case.id)]


async def test_in_a_draft(world: World, command: Person) -> None:
    await world.officer()
    neighbour = await world.neighbour()
    await neighbour.say(REPORT)

    async with world.dial(command) as board:
        reply = await neighbour.say(DANGER)
        rang = await board.next("case_changed")

    assert "110" in reply
    assert await urgent_items(command) == [rang["case_id"]]
    assert await world.make.column(await world.newest_case(), "state") == "handed_over"


async def test_with_a_place_it_rings_at_the_station_there(world: World, desk: Person) -> None:
    neighbour = await world.neighbour()
    await neighbour.stand()

    reply = await neighbour.say(DANGER)
    await world.settle()

    assert "110" in reply
    assert await urgent_items(desk) == [str((await world.newest_case()).id)]


async def test_in_a_claimed_case_its_officer_hears_of_it(world: World, desk: Person) -> None:
    officer, neighbour = await world.officer(), await world.neighbour()
    case, _ = await world.claimed(neighbour, officer)

    async with world.dial(officer) as phone, world.dial(desk) as board:
        reply = await neighbour.say(DANGER)
        for line in (phone, board):
            while (await line.next("case_changed"))["kind"] != "case_raised":
                pass  # the words themselves came first

    assert "110" in reply
    assert await world.make.column(case, "urgent") is True
    assert len(await world.rows("SELECT 1 FROM cases")) == 1


async def test_over_every_limit(world: World, command: Person) -> None:
    await world.officer()
    neighbour = await world.neighbour()
    for _ in range(12):
        await neighbour.say("新报警")
        await neighbour.say(REPORT)
        await neighbour.stand()
    before = len(await world.rows("SELECT 1 FROM cases"))
    await world.run(
        "UPDATE cases SET state = 'cancelled', closed_at = clock_timestamp(), next_ring_at = NULL"
    )

    reply = await neighbour.say(DANGER)
    await world.settle()

    assert before >= 10
    assert "110" in reply
    assert len(await urgent_items(command)) == 1
