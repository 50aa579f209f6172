"""Officers: they patrol, look at offers, claim by chance, drive there, arrive, close, and patrol again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import httpx
from websockets.exceptions import WebSocketException

from demo.city import Officer, Spot
from demo.doors.http import Json, Refused
from demo.doors.phone import Line, Phone, fix_of, point_of
from demo.life.ledger import Ledger, Taken
from demo.roads import Roads, Walker, metres

PATROL_MPS, DRIVE_MPS = 5.0, 13.0
FREE_FIX_EVERY_S, BUSY_FIX_EVERY_S = 15, 5
NEAR_ENOUGH_M = 60.0
AGAIN_S = 3.0
CLAIMS, DECLINES, RELEASES = 0.72, 0.12, 0.04
DISPOSITIONS = ("mediated", "advised", "solved")
CORNER_M = 350.0
"""An offer names the centre of a 300 m square; this far around a corner it is the corner's."""


class Corners:
    """Places whose cases no officer answers for now, so that the desk has to."""

    def __init__(self) -> None:
        self._places: list[Spot] = []

    def add(self, at: Spot) -> None:
        """Nobody answers here."""
        self._places.append(at)

    def remove(self, at: Spot) -> None:
        """Answered again."""
        self._places.remove(at)

    def hold(self, rough: Json | None) -> bool:
        """Whether an offer's rough place is in one."""
        if rough is None:
            return False
        spot = Spot(lat=rough["lat"], lng=rough["lng"])
        return any(metres(spot, place) < CORNER_M for place in self._places)


class PatrollingOfficer:
    """One officer, from the first socket to the end of the demo."""

    def __init__(self, who: Officer, phone: Phone, roads: Roads, corners: Corners, ledger: Ledger) -> None:
        self.who, self.phone = who, phone
        self._roads, self._corners, self._ledger = roads, corners, ledger
        self._chance = Random(who.badge)
        path = list(who.patrol)
        start = self._chance.randrange(len(path) - 1)  # so that a station's officers do not walk in a row
        self._patrol = [*path[start:-1], *path[: start + 1]]
        self.walker = Walker(self._patrol, speed_mps=PATROL_MPS, loop=True)
        self.doing = "patrol"
        self._case_id: str | None = None
        self._work: set[asyncio.Task[None]] = set()

    async def live(self) -> None:
        """Keep a socket open; connect again when it ends."""
        while True:
            with suppress(Refused, OSError, httpx.HTTPError, WebSocketException, TimeoutError):
                async with self.phone.line() as line:
                    moving = asyncio.create_task(self._move(line))
                    try:
                        async for frame in line.frames():
                            self._hear(frame)
                    finally:
                        moving.cancel()
            await asyncio.sleep(AGAIN_S)

    async def _move(self, line: Line) -> None:
        """Walk on every second; tell it as often as a phone would."""
        fixes: list[Json] = []
        second = self._chance.randrange(FREE_FIX_EVERY_S)
        with suppress(WebSocketException):
            await line.send_fixes([fix_of(self.walker.at)])
        while True:
            await asyncio.sleep(1)
            second += 1
            if self.doing != "scene":
                self.walker.advance(1)
            every_s = FREE_FIX_EVERY_S if self._case_id is None else BUSY_FIX_EVERY_S
            if second % 3 == 0:
                fixes.append(fix_of(self.walker.at))
            if second % every_s == 0 and fixes:
                with suppress(WebSocketException):
                    await line.send_fixes(fixes[-5:])
                fixes.clear()

    def _hear(self, frame: Json) -> None:
        match frame["type"]:
            case "snapshot":
                for offer in frame["offers"]:
                    self._begin(self._consider(offer))
                if frame["case"] and self._case_id is None:
                    self._begin(self._handle(frame["case"]["case_id"], frame["case"]["epoch"]))
            case "offer":
                self._begin(self._consider(frame))
            case "case_changed" if frame["state"] == "assigned" and self._case_id is None:
                self._begin(self._look_at_assignment(frame["case_id"]))

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(_quietly(work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _consider(self, offer: Json) -> None:
        """See it, think, then claim, decline, or do nothing."""
        if self._case_id is not None or self._corners.hold(offer["rough"]):
            return
        seconds = self._chance.uniform(1.5, 5) + (offer["distance_m"] or 1500) / 400
        await asyncio.sleep(min(seconds, max(0.5, offer["seconds_left"] - 1)))
        luck = self._chance.random()
        if self._case_id is not None or luck > CLAIMS + DECLINES:
            return
        opening = {"epoch": offer["epoch"]}
        if luck > CLAIMS:
            await self.phone.call(
                "POST", f"/offers/{offer['case_id']}/decline", {**opening, "reason": "另有紧急警情"}
            )
            return
        await self._claim(offer["case_id"], offer["epoch"])

    async def _claim(self, case_id: str, epoch: int) -> None:
        try:
            won = await self.phone.call("POST", f"/offers/{case_id}/claim", {"epoch": epoch})
        except Refused as refused:
            if refused.status == 409:
                self._ledger.was_refused(case_id, epoch)
            return
        known = self._ledger.running.get(case_id)
        after_s = known["age_s"] if known else 0.0
        self._ledger.granted(Taken(case_id, self.who.badge, won["number"], after_s, epoch))
        await self._handle(case_id, won["epoch"])

    async def _look_at_assignment(self, case_id: str) -> None:
        held = (await self.phone.call("GET", "/my-case"))["case"]
        if held and held["case_id"] == case_id:
            await asyncio.sleep(self._chance.uniform(2, 6))
            await self._handle(case_id, held["epoch"])

    async def _handle(self, case_id: str, epoch: int) -> None:
        """From the claim to the close; whatever goes wrong, the patrol goes on."""
        if self._case_id is not None:
            return
        self._case_id = case_id
        with suppress(Refused, httpx.HTTPError, TimeoutError):
            await self._go(case_id, {"epoch": epoch})
        self._case_id, self.doing = None, "patrol"
        back = [*self._roads.way(self.walker.at, self._patrol[0]), *self._patrol[1:]]
        self.walker.take(back, speed_mps=PATROL_MPS)
        self._begin(self._patrol_again())

    async def _go(self, case_id: str, act: Json) -> None:
        await asyncio.sleep(self._chance.uniform(1.5, 5))
        if self._chance.random() < RELEASES:
            with suppress(Refused):  # an assigned case is not released but returned
                await self.phone.call("POST", f"/cases/{case_id}/release", {**act, "reason": "车辆故障"})
                return
        held = (await self.phone.call("GET", "/my-case"))["case"]
        if held is None or held["case_id"] != case_id:
            return
        if held["state"] in ("claimed", "assigned"):
            await self.phone.call("POST", f"/cases/{case_id}/en-route", act)
        point = (held["place"] or {}).get("point")
        if point and held["state"] != "arrived":
            there = Spot(lat=point["lat"], lng=point["lng"])
            await self._drive(there)
            await self.phone.call(
                "POST", f"/cases/{case_id}/arrived", {**act, "at": point_of(self.walker.at)}
            )
        self.doing = "scene"
        await asyncio.sleep(self._chance.uniform(12, 35))
        ending = {**act, "disposition": self._chance.choice(DISPOSITIONS), "note": "演示：现场处理完毕"}
        await self.phone.call("POST", f"/cases/{case_id}/close", ending)

    async def _drive(self, there: Spot) -> None:
        self.doing = "driving"
        self.walker.take(self._roads.way(self.walker.at, there), speed_mps=DRIVE_MPS)
        while metres(self.walker.at, there) > NEAR_ENOUGH_M:
            await asyncio.sleep(1)

    async def _patrol_again(self) -> None:
        while self._case_id is None and not self.walker.stands:
            await asyncio.sleep(1)
        if self._case_id is None:
            self.walker.take(self._patrol, speed_mps=PATROL_MPS, loop=True)


async def _quietly(work: object) -> None:
    """A door may refuse what has changed meanwhile, as for any phone; the officer goes on."""
    with suppress(Refused, httpx.HTTPError, TimeoutError):
        await work  # type: ignore[misc]  # a coroutine of this file
