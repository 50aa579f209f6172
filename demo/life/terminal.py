"""The live view in the terminal: cases by state, countdowns, who took what, handovers, one counter line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.city import City
from demo.config import DemoConfig
from demo.doors.http import Json
from demo.life.ledger import Ledger, seconds_left
from demo.life.officers import PatrollingOfficer

STATES = {
    "open": ("派单中", "open", "yellow"),
    "claimed": ("已接警", "claimed", "cyan"),
    "assigned": ("已指派", "assigned", "cyan"),
    "en_route": ("出警途中", "en route", "blue"),
    "arrived": ("到场", "arrived", "green"),
    "handed_over": ("值班台", "at the desk", "red"),
}
ROWS = 16
WITHOUT_A_TERMINAL_EVERY_S = 10.0


async def show(
    console: Console, config: DemoConfig, city: City, ledger: Ledger, officers: Sequence[PatrollingOfficer]
) -> None:
    """Print the address, then show the city until cancelled; without a terminal, the counter line now and then."""
    names = {station.code: station.name.removesuffix("（虚构）") for station in city.stations}
    console.print()
    console.print(
        f"  [bold]http://localhost:{config.port}[/]   模拟微信 · 虚构派出所 / simulated WeChat, fictional stations",
        soft_wrap=True,
    )
    console.print("  Ctrl-C ends the demo.", style="dim")
    console.print()
    if not console.is_terminal:
        while True:
            console.print(counter_line(ledger.counters()), soft_wrap=True)
            await asyncio.sleep(WITHOUT_A_TERMINAL_EVERY_S)
    with Live(console=console, auto_refresh=False) as view:
        while True:
            view.update(_picture(ledger, officers, names), refresh=True)
            await asyncio.sleep(1)


def counter_line(counted: Json) -> Text:
    """cases, double grants, lost, handover p99."""
    p99_ms = counted["handover_p99_ms"]
    late = "no handover yet" if p99_ms is None else f"{p99_ms} ms"
    line = Text()
    line.append(f"cases {counted['cases']}", "bold")
    line.append(f" · ended {counted['ended']} · races {counted['races']}")
    for name, value in (("double grants", counted["double_grants"]), ("lost", counted["lost"])):
        line.append(" · ")
        line.append(f"{name} {value}", "bold green" if value == 0 else "bold red")
    line.append(f" · handovers {counted['handovers']}, p99 after the deadline: {late}")
    return line


def _picture(ledger: Ledger, officers: Sequence[PatrollingOfficer], names: dict[str, str]) -> RenderableType:
    sides = Table.grid(expand=True, padding=(0, 2))
    sides.add_column(ratio=3)
    sides.add_column(ratio=2)
    sides.add_row(_cases(ledger, names), Group(_taken(ledger), Text(), _handovers(ledger, names)))
    return Group(_by_state(ledger, officers), Text(), sides, Text(), counter_line(ledger.counters()))


def _by_state(ledger: Ledger, officers: Sequence[PatrollingOfficer]) -> Text:
    counted = Counter(case["state"] for case in ledger.running.values())
    line = Text()
    for state, (zh, en, colour) in STATES.items():
        line.append(f"{zh} {en} ", "dim")
        line.append(f"{counted[state]}   ", f"bold {colour}")
    free = sum(officer.doing == "patrol" for officer in officers)
    line.append("巡逻 on patrol ", "dim")
    line.append(f"{free} / {len(officers)}", "bold")
    return line


def _cases(ledger: Ledger, names: dict[str, str]) -> Table:
    table = Table(
        "编号 number", "派出所 station", "状态 state", "倒计时", "民警 officer", box=None, header_style="dim"
    )
    table.columns[3].justify = "right"
    now_s = asyncio.get_running_loop().time()
    order = sorted(ledger.running.values(), key=lambda case: (not case["urgent"], -case["age_s"]))
    order.sort(key=lambda case: case["state"] not in ("handed_over", "open"))
    for case in order[:ROWS]:
        zh, _, colour = STATES[case["state"]]
        left_s = seconds_left(case, now_s)
        table.add_row(
            Text(case["number"], "bold red" if case["urgent"] else ""), names.get(case["station"], ""), Text(zh, colour),
            "" if left_s is None else f"{left_s:.0f} s", case["badge"] or "",
        )  # fmt: skip
    if len(order) > ROWS:
        table.add_row(Text(f"… {len(order) - ROWS} more", "dim"))
    return table


def _taken(ledger: Ledger) -> Table:
    table = Table("谁接了什么 who took what", "", "", box=None, header_style="dim")
    for taken in ledger.taken:
        rivals = ledger.refused.get((taken.case_id, taken.epoch), 0)
        race = f"beat {rivals}" if rivals else ""
        table.add_row(f"{taken.badge}", taken.number, Text(race, "yellow"))
    return table


def _handovers(ledger: Ledger, names: dict[str, str]) -> Table:
    table = Table("移交值班台 handovers", "", "after 60 s", box=None, header_style="dim")
    for handover in ledger.handovers:
        late = f"+{handover.lateness_s * 1000:.0f} ms"
        table.add_row(handover.number, names.get(handover.station, ""), Text(late, "red"))
    return table
