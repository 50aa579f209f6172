"""The living city from its first officer to Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from rich.console import Console

from demo import cast as casting
from demo.cast import Cast
from demo.city import City
from demo.config import DemoConfig
from demo.doors.http import Refused
from demo.life import terminal
from demo.life.board import EVERY_S, Board
from demo.life.citizens import Citizens
from demo.life.desks import Desks
from demo.life.ledger import Ledger
from demo.life.officers import Corners, PatrollingOfficer
from demo.page.server import Scene, serve
from demo.roads import Roads

HEAD_START_S = 20.0
"""How long the first case that nobody takes has run when the address is printed: its handover falls into the
viewer's first minute."""


async def live(config: DemoConfig, city: City) -> None:
    """Bring the city to life and show it until it is cancelled."""
    console = Console()
    ledger, corners, roads = Ledger(), Corners(), Roads(city)
    cast, officers = await _awake(config, city, console, Setting(ledger, corners, roads))
    board = Board(cast, ledger)
    citizens, desks = Citizens(cast, ledger, corners), Desks(cast, ledger)
    scene = Scene(config, city, ledger, officers)
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(scene))
        for officer in officers:
            group.create_task(officer.live())
        group.create_task(_every(EVERY_S, board.read))
        group.create_task(desks.serve(group))
        group.create_task(citizens.report_in_a_quiet_corner(group))
        group.create_task(citizens.report_by_turns(group))
        with console.status(
            "The first reports come in; nobody will take one of them, so that its minute passes …"
        ):
            await asyncio.sleep(HEAD_START_S)
        await terminal.show(console, config, city, ledger, officers)


class Setting:
    """What the officers share."""

    def __init__(self, ledger: Ledger, corners: Corners, roads: Roads) -> None:
        self.ledger, self.corners, self.roads = ledger, corners, roads


async def _awake(
    config: DemoConfig, city: City, console: Console, setting: Setting
) -> tuple[Cast, list[PatrollingOfficer]]:
    """Everybody made, signed in, on duty."""
    with console.status("The city wakes up …") as status:

        def say(line: str) -> None:
            console.print(f"  {line}", style="dim", highlight=False)
            status.update("The city wakes up …")

        cast = await casting.assemble(casting.open_doors(config), city, say)
        await casting.citizens(cast)
        say(f"{len(city.citizens)} citizens in the simulated WeChat.")
        phones = await casting.officers_on_duty(cast, city.officers, say)
    officers = [
        PatrollingOfficer(who, phones[who.badge], setting.roads, setting.corners, setting.ledger)
        for who in city.officers
    ]
    return cast, officers


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Again and again; a door that does not answer now is asked again."""
    while True:
        try:
            await work()
        except (Refused, httpx.HTTPError):
            await asyncio.sleep(seconds)
        await asyncio.sleep(seconds)
