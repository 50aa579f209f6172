"""The service, WeChat's simulator and a worker in one process, and the people who act through the doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from app import worker
from app.dispatch import handover
from app.kit.geo import Point
from app.kit.runtime import Runtime
from app.notices.sender import Sender
from tests.factories import CENTRE, Made, Make
from tests.miniprogram.phones import Dial, Phone, SignIn
from tests.simulator.account import WeChat
from tests.wechat.callback_door import taps

REPORT = "半夜唱歌太吵"
DESK_PHONE = "025-0000"


@dataclass
class Neighbour:
    """A person with the account in their chat list."""

    wechat: WeChat
    user: dict[str, Any]

    async def say(self, words: str) -> str:
        """Type; the reply that the phone shows."""
        return _shown(await self.wechat.say(self.user, words))

    async def tap(self, reply: str, shown: str) -> str:
        """Tap the answer of a reply whose words hold `shown`."""
        sends, tap_id, _ = next(found for found in taps(reply) if shown in found[2])
        send = {"kind": "text", "text": sends, "menu_id": tap_id}
        return _shown(await self.wechat.control(f"users/{self.user['id']}/send", send))

    async def click(self, key: str) -> str:
        """Tap an item of the account's menu."""
        return _shown(
            await self.wechat.control(f"users/{self.user['id']}/send", {"kind": "click", "key": key})
        )

    async def stand(self, at: Point = CENTRE) -> str:
        """Tap a location and send it."""
        place = {"kind": "location", "lat": at.lat, "lng": at.lng, "datum": "wgs84", "label": "珠江路88号"}
        return _shown(await self.wechat.control(f"users/{self.user['id']}/send", place))

    async def told(self) -> list[str]:
        """What the account said by itself, not in answer."""
        return [e["body"]["text"] for e in await self.wechat.seen(self.user) if e["channel"] == "custom"]

    async def login_code(self) -> str:
        """Of `wx.login` on this person's phone."""
        return str((await self.wechat.control(f"users/{self.user['id']}/login-code"))["code"])


def _shown(outcome: dict[str, Any]) -> str:
    assert outcome["shown"] == "reply", outcome
    return str(outcome["text"])


@dataclass
class World:
    """Everything that a walk goes through. `runtime` is the service's own."""

    app: FastAPI
    runtime: Runtime
    wechat: WeChat
    sender: Sender
    make: Make
    phones: httpx.AsyncClient
    sign_in: SignIn
    dial: Dial
    station: Made
    command: Made
    _neighbours: int = 0
    _keys: dict[str, int] = field(default_factory=dict)

    async def neighbour(self) -> Neighbour:
        """Somebody who has just followed the account."""
        self._neighbours += 1
        user = await self.wechat.user(id=f"neighbour-{self._neighbours}", name="李雷")
        return Neighbour(self.wechat, user)

    async def reports(self, neighbour: Neighbour) -> Made:
        """By chat: words, then the place. The case."""
        await neighbour.say(REPORT)
        reply = await neighbour.stand()
        await self.settle()
        case = await self.newest_case()
        assert case.number in reply
        return case

    async def newest_case(self) -> Made:
        [row] = await self.rows(
            "SELECT id, number, state, epoch FROM cases ORDER BY reported_at DESC LIMIT 1"
        )
        return Made(row.id, {"number": row.number})

    async def work(self, *names: str) -> None:
        """One round of each of these jobs, as the worker runs them, and what follows."""
        jobs = {tick.name: tick.job for tick in worker.ticks(self.runtime, self.sender)}
        for name in names:
            await jobs[name]()
            await self.settle()

    async def deliver(self) -> None:
        """The worker's rounds until no notice is due: of each person the oldest goes first."""
        while await self.rows(
            "SELECT 1 FROM deliveries WHERE state = 'queued' AND due_at <= clock_timestamp()"
        ):
            await self.work("deliver")

    async def hand_over(self) -> list[UUID]:
        """One sweep of deadlines, and what follows."""
        handed = await handover.sweep(self.runtime)
        await self.settle()
        return handed

    async def settle(self) -> None:
        """Wait until everything that follows the commits so far is done."""
        await self.runtime.drain()

    async def age(self, case_id: UUID, seconds: float) -> None:
        """Make a case older: every time on its row moves back."""
        times = (
            "reported_at", "deadline", "next_ring_at", "claimed_at", "sign_at", "act_by", "handed_over_at", "ack_by",
        )  # fmt: skip
        moved = ", ".join(f"{t} = {t} - make_interval(secs => :s)" for t in times)
        await self.run(f"UPDATE cases SET {moved} WHERE id = :id", s=seconds, id=case_id)

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())

    async def run(self, sql: str, **values: Any) -> None:
        async with self.runtime.database.moves() as db:
            await db.execute(text(sql), values)

    async def kinds(self, case: Made) -> list[str]:
        """What happened to a case, in order."""
        return [
            r.kind
            for r in await self.rows("SELECT kind FROM events WHERE case_id = :id ORDER BY id", id=case.id)
        ]

    async def officer(self, **facts: Any) -> Phone:
        """An officer on duty at the station, signed in with the second factor."""
        return await self.sign_in(await self.make.officer(station=self.station, **facts))

    async def claimed(self, neighbour: Neighbour, officer: Phone) -> tuple[Made, int]:
        """A case reported by chat and claimed by this officer; with its epoch."""
        case = await self.reports(neighbour)
        taken = await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})
        await self.settle()
        return case, taken["epoch"]
