"""What every strand of the story uses: its teller, an officer's phone that listens, a reporter, waiting for a door."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from demo.cast import Cast, Say
from demo.city import Officer, Spot
from demo.doors.http import Json, Refused
from demo.doors.phone import Line, Phone, fix_of

METRES_OF_A_DEGREE = 111_195.0
ASKED_EVERY_S = 0.25

T = TypeVar("T")


class StoryBroke(Exception):
    """Something the story waits for did not come."""


@dataclass(slots=True)
class Teller:
    """Prints what happens with seconds since the story began."""

    say: Say
    began: float = field(default_factory=time.monotonic)

    def tell(self, strand: str, line: str) -> None:
        """One line of the story."""
        self.say(f"{time.monotonic() - self.began:6.1f} s  {strand}  {line}")


@dataclass(slots=True)
class ListeningOfficer:
    """An officer in the story: a phone, its socket, and what came over it."""

    badge: str
    phone: Phone
    at: Spot
    line: Line | None = None
    heard: list[Json] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, line: Line) -> None:
        """Keep what comes."""
        async for frame in line.frames():
            self.heard.append(frame)
            self.news.set()

    async def offered(self, case_id: str, *, within_s: float, after: int = -1) -> Json:
        """The offer of this case, of an epoch above `after`.

        Raises:
            StoryBroke: none came in time.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    self.news.clear()
                    for offer in self.offers():
                        if offer["case_id"] == case_id and offer["epoch"] > after:
                            return offer
                    await self.news.wait()
        raise StoryBroke(f"officer {self.badge} was not offered the case within {within_s:.0f} s")

    def offers(self) -> list[Json]:
        """Every offer that came, those of snapshots too."""
        found = [frame for frame in self.heard if frame["type"] == "offer"]
        for frame in self.heard:
            found += frame["offers"] if frame["type"] == "snapshot" else []
        return found

    async def stand(self, at: Spot) -> None:
        """Be there, and tell it."""
        self.at = at
        assert self.line is not None
        await self.line.send_fixes([fix_of(at)])

    async def finish_what_is_left(self) -> None:
        """A case of an earlier run that was broken off is closed, so that this officer is free."""
        held = (await self.phone.call("GET", "/my-case"))["case"]
        if held is None:
            return
        case, act = held["case_id"], {"epoch": held["epoch"]}
        at = (held["place"] or {}).get("point")
        with suppress(Refused):
            await self.phone.call("POST", f"/cases/{case}/en-route", act)
        if at:
            there = {"lat": at["lat"], "lng": at["lng"], "datum": "wgs84"}
            with suppress(Refused):
                await self.phone.call("POST", f"/cases/{case}/arrived", {**act, "at": there})
        with suppress(Refused):
            await self.phone.call("POST", f"/cases/{case}/close", {**act, "disposition": "advised"})


@asynccontextmanager
async def listening(
    phones: dict[str, Phone], officers: list[Officer], around: Spot
) -> AsyncIterator[list[ListeningOfficer]]:
    """Officers with open sockets, standing around a place, 150 m to 500 m away."""
    async with AsyncExitStack() as stack:
        listeners: list[ListeningOfficer] = []
        tasks: list[asyncio.Task[None]] = []
        for place, officer in enumerate(officers):
            one = ListeningOfficer(officer.badge, phones[officer.badge], around)
            await one.finish_what_is_left()
            one.line = await stack.enter_async_context(one.phone.line())
            tasks.append(asyncio.create_task(one.listen(one.line)))
            await one.stand(beside(around, metres=150 + 60 * place, degrees=60.0 * place))
            listeners.append(one)
        try:
            yield listeners
        finally:
            for task in tasks:
                task.cancel()


def beside(at: Spot, *, metres: float, degrees: float) -> Spot:
    """A place so far away, in a direction counted from the north clockwise."""
    north, east = math.cos(math.radians(degrees)) * metres, math.sin(math.radians(degrees)) * metres
    return Spot(
        lat=at.lat + north / METRES_OF_A_DEGREE,
        lng=at.lng + east / (METRES_OF_A_DEGREE * math.cos(math.radians(at.lat))),
    )


@dataclass(slots=True)
class Reporter:
    """A citizen of the story, who has nothing but the chat."""

    cast: Cast
    user_id: str

    @classmethod
    async def arrive(cls, cast: Cast, user_id: str, name: str) -> Reporter:
        """Somebody new, so that no limit of an earlier run counts."""
        await cast.doors.chat.person(user_id, name)
        return cls(cast, user_id)

    async def report(self, words: str, at: Spot) -> tuple[str, str]:
        """Report by chat: words, then the place; returns the case's number, and its id as the command centre has it.

        Raises:
            StoryBroke: the chat gave no number, or the command centre does not know it.
        """
        first = await self.cast.doors.chat.write(self.user_id, words)
        reply = first if first.number else await self.cast.doors.chat.send_place(self.user_id, at)
        if reply.number is None:
            raise StoryBroke(f"the chat gave no number, but: {reply.text}")
        for case in (await self.cast.command.call("GET", "/cases/running"))["items"]:
            if case["number"] == reply.number:
                return reply.number, str(case["case_id"])
        raise StoryBroke(f"the chat gave {reply.number}, but the command centre does not know it")

    async def write(self, text: str) -> str:
        """Write in the chat; returns the answer."""
        return (await self.cast.doors.chat.write(self.user_id, text)).text


async def until(what: str, look: Callable[[], Awaitable[T | None]], *, within_s: float) -> T:
    """Ask a door again and again until it has what is looked for.

    Raises:
        StoryBroke: it has not, in time.
    """
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(ASKED_EVERY_S)
    raise StoryBroke(f"{what}: not within {within_s:.0f} s")
