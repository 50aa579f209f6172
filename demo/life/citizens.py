"""Citizens: at a gentle pace one reports by chat, asks how it goes, and rates it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import httpx

from demo.cast import Cast
from demo.city import Citizen, Place, Spot
from demo.doors.chat import number_in
from demo.doors.http import Refused
from demo.life.ledger import Ledger
from demo.life.officers import Corners

REPORT_EVERY_S = 10.0
QUIET_EVERY_S = 60.0
CORNER_FOR_S = 66.0
ASK_EVERY_S = 40.0
KNOWN_WITHIN_S = 10.0
RATES = 0.8
WATCHED_FOR_S = 20 * 60.0
ME_TOO = "msgmenuid=me_too.1"
"""In the answer: whoever taps this one opens no case."""
OPENINGS = ("正在通知附近民警", "Officers nearby are being asked")

WORDS = (
    "楼下烧烤店很吵，已经半夜了", "广场舞音响声音太大，噪音扰民", "邻居占道堆放杂物，说了不听", "楼上漏水一直不处理，起了争执",
    "电动车电瓶被偷了", "我的手机在地铁口被盗", "出租车绕路多收车费", "网约车司机拒载还骂人", "有人遛狗不牵绳，狗叫一晚上",
    "小区里有流浪狗翻垃圾", "捡到一个钱包，里面有证件", "我的背包忘在长椅上，找不到了", "The bar downstairs plays loud music all night",
    "I lost my passport near the metro", "A taxi driver overcharged me",
)  # fmt: skip


class Citizens:
    """Everybody who reports; who has an open report does not start another."""

    def __init__(self, cast: Cast, ledger: Ledger, corners: Corners) -> None:
        self._cast, self._ledger, self._corners = cast, ledger, corners
        # Not the same people as in the run before, whose reports may still be open.
        self._chance = Random()
        self._free = list(cast.city.citizens)
        self._chance.shuffle(self._free)

    async def report_by_turns(self, group: asyncio.TaskGroup) -> None:
        """One report every 10 s or so, as long as the demo runs."""
        while True:
            if self._free:
                group.create_task(self._one_report(self._free.pop(), quiet=None))
            await asyncio.sleep(self._chance.uniform(0.6, 1.4) * REPORT_EVERY_S)

    async def report_in_a_quiet_corner(self, group: asyncio.TaskGroup) -> None:
        """A report that nobody answers, once a minute: the desk has it after a real 60 s."""
        while True:
            opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            if self._free:
                group.create_task(self._one_report(self._free.pop(), quiet=opened))
                if not await opened:
                    continue  # this one had a report open from an earlier run: somebody else
            await asyncio.sleep(QUIET_EVERY_S)

    async def _one_report(self, who: Citizen, *, quiet: asyncio.Future[bool] | None) -> None:
        """From the first words to the rating; `quiet` is told whether a case was opened."""
        at = who.home if quiet or self._chance.random() < 0.6 else self._somewhere(who)
        if quiet:
            self._corners.add(at)
            asyncio.get_running_loop().call_later(CORNER_FOR_S, self._corners.remove, at)
        number = None
        with suppress(Refused, httpx.HTTPError):
            number = await self._reported(who, at)
        if quiet:
            quiet.set_result(number is not None)
        if number is not None:
            with suppress(Refused, httpx.HTTPError):
                await self._watch(who, number)
        self._free.insert(0, who)

    def _somewhere(self, who: Citizen) -> Spot:
        places: list[Place] = [place for place in self._cast.city.places if place.station == who.station]
        return self._chance.choice(places).at if places else who.home

    async def _reported(self, who: Citizen, at: Spot) -> str | None:
        """Words, then the place; the number of the case that this opened."""
        chat = self._cast.doors.chat
        reply = await chat.write(who.id, self._chance.choice(WORDS))
        if reply.number is None:
            await asyncio.sleep(self._chance.uniform(1, 3))
            reply = await chat.send_place(who.id, at)
        if ME_TOO in reply.text:  # others have reported it here
            await chat.write(who.id, "1")
            return None
        number = number_in(reply.text)
        if number is None or not any(opening in reply.text for opening in OPENINGS):
            return None  # it was added to a report that is still open
        self._ledger.reported[number] = who.id
        return number

    async def _watch(self, who: Citizen, number: str) -> None:
        """See that the city knows it; ask how it goes; rate it when it is closed."""
        await asyncio.sleep(KNOWN_WITHIN_S)
        chat = self._cast.doors.chat
        said = (await chat.write(who.id, "进度")).text
        if number not in said and number not in self._ledger.numbers:
            self._ledger.missing.add(number)
        end = asyncio.get_running_loop().time() + WATCHED_FOR_S
        while number in self._ledger.numbers and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self._chance.uniform(2, 6))
            if self._chance.random() < 4 / ASK_EVERY_S:
                await chat.write(who.id, "进度")
        if self._chance.random() < RATES:
            await asyncio.sleep(self._chance.uniform(3, 10))
            reply = await chat.write(who.id, f"评分{self._chance.choice((5, 5, 5, 4, 4, 3))}")
            if "谢谢评价" in reply.text or "Thank you for rating" in reply.text:
                self._ledger.rated += 1
