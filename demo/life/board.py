"""The command centre's board, read every second: what runs, what the desks have, what has ended."""

from __future__ import annotations

import asyncio

from demo.cast import Cast
from demo.doors.http import Json
from demo.judgement import seconds_between
from demo.life.ledger import Handover, Ledger

EVERY_S = 1.0


class Board:
    """Keeps the ledger's running cases as the console shows them."""

    def __init__(self, cast: Cast, ledger: Ledger) -> None:
        self._cast, self._ledger = cast, ledger
        self._measured: set[str] = set()

    async def read(self) -> None:
        """Read the board once."""
        command, ledger = self._cast.command, self._ledger
        running = (await command.call("GET", "/cases/running"))["items"]
        queued = await command.every("/queue")
        loop_s = asyncio.get_running_loop().time()
        now = {case["case_id"]: self._shown(case, loop_s) for case in (*running, *queued)}
        gone = [case for case_id, case in ledger.running.items() if case_id not in now]
        ledger.running = now
        ledger.known |= now.keys()
        for case in queued:
            if case["cause"] == "deadline" and case["case_id"] not in self._measured:
                await self._measure(case)
        for case in gone:
            await self._ended(case)

    def _shown(self, case: Json, read_s: float) -> Json:
        badge = self._cast.badges.get(case["officer_id"] or "")
        return {**case, "station": self._cast.code_of(case["station_id"]), "badge": badge, "read_s": read_s}

    async def _measure(self, case: Json) -> None:
        self._measured.add(case["case_id"])
        whole = await self._cast.command.call("GET", f"/cases/{case['case_id']}")
        handed_over_at = whole["handed_over_at"]
        if handed_over_at is None or seconds_between(self._ledger.began_at.isoformat(), handed_over_at) < 0:
            return
        lateness_s = seconds_between(whole["deadline"], handed_over_at)
        station = self._cast.code_of(case["station_id"])
        self._ledger.handed_over(Handover(case["number"], station, lateness_s, handed_over_at))

    async def _ended(self, case: Json) -> None:
        whole = await self._cast.command.call("GET", f"/cases/{case['case_id']}")
        if whole["state"] in ("closed", "cancelled", "merged"):
            self._ledger.ended += 1
