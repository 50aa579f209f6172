"""A world with a case in every state, and a caller of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from app.community.service import ask, bind
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.settings import Settings
from tests.api.callers import Bearer, Browser, Stranger
from tests.api.examples import Known
from tests.console.people import People
from tests.walks.conftest import open_world
from tests.walks.world import World

STATES = ("open", "claimed", "assigned", "en_route", "arrived", "handed_over", "closed", "cancelled")
HELD = ("claimed", "assigned", "en_route", "arrived")


@dataclass
class Stage:
    """The world, who calls, and what there is; `restore` puts cases, duty and roles back."""

    world: World
    callers: list[Stranger]
    known: Known

    async def restore(self) -> None:
        columns = await self.world.rows(
            "SELECT string_agg(format('%1$I = s.%1$I', column_name), ', ') AS all FROM information_schema.columns"
            " WHERE table_schema = 'stage' AND table_name = 'cases' AND column_name <> 'id'"
        )
        await self.world.run(
            "UPDATE cases SET state = 'cancelled', officer_id = NULL"
        )  # one active case an officer
        await self.world.run(f"UPDATE cases c SET {columns[0].all} FROM stage.cases s WHERE s.id = c.id")
        await self.world.run("UPDATE people SET active = TRUE WHERE NOT active")
        await self.world.run(
            "UPDATE officers SET on_duty = TRUE, duty_since = clock_timestamp() WHERE NOT on_duty"
        )
        await self.world.run("INSERT INTO roles SELECT * FROM stage.roles ON CONFLICT DO NOTHING")


@pytest.fixture
async def stage(runtime: Runtime, settings: Settings) -> AsyncIterator[Stage]:
    async with open_world(settings) as world:
        people = People(world.runtime, world.make, httpx.ASGITransport(world.app))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app)) as client:
            yield await _set(world, people, client)
        await world.run("DROP SCHEMA stage CASCADE")
        await people.close()


async def _set(world: World, people: People, client: httpx.AsyncClient) -> Stage:
    make, station = world.make, world.station
    citizen = await make.citizen()
    officer, colleague = [await make.officer(station=station) for _ in range(2)]
    accounts = {
        role: await people.account((role, at))
        for role, at in (("desk", station), ("administrator", None), ("auditor", None))
    }
    callers = [
        Stranger(world, client),
        Bearer(world, client, citizen, "citizen"),
        Bearer(world, client, officer, "officer"),
        *(Browser(world, person, role) for role, person in accounts.items()),
    ]
    cases = []
    for state in STATES:
        for reporter in (citizen, None):
            holder = officer if state == "en_route" and reporter else None
            if state in HELD and holder is None:
                holder = await make.officer(station=station)
            case = await make.case(
                station=station, state=state, reporter=reporter, officer=holder, epoch=1 if state in HELD else 0,
                reported_ago_s=5 if state in ("open", *HELD) else 30,
            )  # fmt: skip
            for asked in (officer, colleague):
                await make.offer(case, asked, epoch=0)
            # Who may act acts mostly on what can be acted on, else little but refusals would be seen.
            often = 8 if holder is officer or (state == "handed_over" and reporter) else 2 if reporter else 1
            cases += [case.id] * often
    async with transaction(world.runtime) as db:
        await bind(db, citizen.id, officer.id)
        with_officer = await ask(db, world.runtime, person_id=citizen.id, words="几点开门？", key="stage")
    await world.settle()
    await world.run("CREATE SCHEMA stage")
    for table in ("cases", "roles"):
        await world.run(f"CREATE TABLE stage.{table} AS TABLE {table}")
    persons = [officer.id, colleague.id, *(a.person_id for a in accounts.values())]
    known = Known({
        "case_id": cases, "person_id": persons, "officer_id": persons[:2], "lead_id": persons[:2],
        "station_id": [station.id, world.command.id], "to_station_id": [station.id, world.command.id],
        "into": cases, "into_id": cases, "epoch": [0, 1], "role": ["desk", "auditor"],
        "question_id": [with_officer.id],
    })  # fmt: skip
    return Stage(world, callers, known)
