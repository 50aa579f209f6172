"""The desks: each acknowledges what rings and puts the nearest free officer on it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import httpx

from demo.cast import Cast
from demo.doors.desk import Desk
from demo.doors.http import Json, Refused
from demo.life.ledger import Ledger

LOOK_EVERY_S = 1.0


class Desks:
    """Everybody at a desk, one act at a time on each case."""

    def __init__(self, cast: Cast, ledger: Ledger) -> None:
        self._cast, self._ledger = cast, ledger
        self._chance = Random(110)
        self._in_hand: set[str] = set()

    async def serve(self, group: asyncio.TaskGroup) -> None:
        """Look at the queue as long as the demo runs."""
        while True:
            for case in list(self._ledger.running.values()):
                if case["state"] == "handed_over" and case["case_id"] not in self._in_hand:
                    self._in_hand.add(case["case_id"])
                    group.create_task(self._see_to(case))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _see_to(self, case: Json) -> None:
        case_id = case["case_id"]
        try:
            with suppress(Refused, httpx.HTTPError):
                desk = await self._cast.desk_of(case["station"])
                await asyncio.sleep(self._chance.uniform(3, 9))
                if case["acknowledged_at"] is None:
                    await desk.call("POST", f"/cases/{case_id}/acknowledge")
                await asyncio.sleep(self._chance.uniform(3, 8))
                await self._dispose(desk, case_id, has_place=case["rough"] is not None)
        finally:
            await asyncio.sleep(2 * LOOK_EVERY_S)  # until the board shows what was done
            self._in_hand.discard(case_id)

    async def _dispose(self, desk: Desk, case_id: str, *, has_place: bool) -> None:
        """Assign the nearest free officer; what has no place is answered by telephone and closed."""
        case = await desk.call("GET", f"/cases/{case_id}")
        act: Json = {"epoch": case["epoch"]}
        if not has_place:
            taken = await desk.call("POST", f"/cases/{case_id}/take", act)
            ending: Json = {
                "epoch": taken["epoch"],
                "disposition": "advised",
                "note": "演示：已电话回复报案人",
            }
            await desk.call("POST", f"/cases/{case_id}/close", ending)
            return
        free = (await desk.call("GET", f"/cases/{case_id}/officers"))["items"]
        fit = [each for each in free if each["fit"] and each["distance_m"] is not None]
        if fit:
            await desk.call(
                "POST", f"/cases/{case_id}/assignment", {**act, "officer_id": fit[0]["officer_id"]}
            )
