"""The simulator's chat page in a browser: a person who sees and taps, nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image, ImageDraw

from tests.browser.chromium import Browser, Page

PHONE = {"width": 390, "height": 844, "touch": True}
_QUIET = "document.querySelector('.phone').dataset.working === '0'"
# Where a place stands on the map's picture, whose middle is the middle of what is drawn, else the simulator's centre.
_ON_MAP = """(async () => {
  const known = await (await fetch("__wechat__/sketch-map")).json(), metres = 111320;
  const all = (known.geojson?.features ?? []).flatMap((one) => one.geometry.coordinates.flat(9).reduce(
    (pairs, value, at, list) => at % 2 ? [...pairs, [list[at - 1], value]] : pairs, []));
  const middle = (at) => (Math.min(...all.map((one) => one[at])) + Math.max(...all.map((one) => one[at]))) / 2;
  const lat0 = all.length ? middle(1) : known.centre.lat, lng0 = all.length ? middle(0) : known.centre.lng;
  const map = document.querySelector("#map");
  const at = new DOMPoint((LNG - lng0) * metres * Math.cos(lat0 * Math.PI / 180), (lat0 - LAT) * metres);
  const on = at.matrixTransform(map.getScreenCTM());
  return { x: on.x, y: on.y };
})()"""


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """Where this app listens while the block lasts, `http://127.0.0.1:port`."""
    at = socket.socket()
    at.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve(sockets=[at]))
    yield f"http://127.0.0.1:{at.getsockname()[1]}"
    server.should_exit = True
    await serving
    at.close()


@dataclass
class Handset:
    """A person's phone on the page."""

    page: Page

    async def say(self, words: str) -> str:
        """Type and send; what the account answers."""
        before = await self._answers()
        await self._write()
        await self.page.type("textarea.draft", words)
        await self.page.click(".send")
        return await self._answer(before)

    async def stand(self, lat: float, lng: float, name: str = "") -> str:
        """Tap a place on the map and send it."""
        before = await self._answers()
        await self._tool("location")
        await self.page.until("document.querySelector('#map-dialog[open] #map path')")
        at = await self.page.run(  # WGS-84
            _ON_MAP.replace("LAT", str(lat)).replace("LNG", str(lng))
        )
        where = {"x": at["x"], "y": at["y"], "button": "left", "clickCount": 1}
        await self.page.send("Input.dispatchMouseEvent", type="mousePressed", **where)
        await self.page.send("Input.dispatchMouseEvent", type="mouseReleased", **where)
        if name:
            await self.page.type("#label", name)
        await self.page.click("#map-send")
        return await self._answer(before)

    async def show(self, *pictures: Path) -> str:
        """Send pictures from the album; the last answer."""
        before = await self._answers()
        await self._write()
        await self.page.choose_files(".file", *pictures)
        return await self._answer(before, count=len(pictures))

    async def speak(self, seconds: float = 1.0) -> str:
        """Hold the button and talk."""
        before = await self._answers()
        await self._write()
        await self.page.click(".speak")
        held = "document.querySelector('.hold.held') && performance.now() - (window.held_at ??= performance.now())"
        await self.page.press(".hold", until=f"({held}) > {seconds * 1000}")
        said = await self._answer(before)
        await self.page.click(".speak")
        return said

    async def tap(self, words: str) -> str:
        """Tap an item of the newest message that has it."""
        before = await self._answers()
        await self.page.run(
            "[...document.querySelectorAll('.choice, .bubble a')]"
            f".findLast(one => one.innerText.includes({words!r})).click()"
        )
        return await self._answer(before)

    async def seen(self) -> list[str]:
        """The words of every bubble, oldest first."""
        shown = "[...document.querySelectorAll('.line, .wide')].map(one => one.innerText)"
        return [str(words) for words in await self.page.run(shown)]

    async def sent(self) -> int:
        """How many messages of one's own are on the screen."""
        return int(await self.page.run("document.querySelectorAll('.line.own').length"))

    async def _write(self) -> None:
        if await self.page.run("!document.querySelector('.phone.writes')"):
            await self.page.click(".swap")

    async def _tool(self, name: str) -> None:
        await self._write()
        await self.page.click(".plus")
        await self.page.click(f"[data-tool={name}]")

    async def _answers(self) -> int:
        return int(await self.page.run("document.querySelectorAll('.line.passive').length"))

    async def _answer(self, before: int, *, count: int = 1) -> str:
        await self.page.until(
            f"document.querySelectorAll('.line.passive').length >= {before + count} && {_QUIET}"
        )
        newest = "[...document.querySelectorAll('.line.passive .bubble')].at(-1).innerText"
        return str(await self.page.run(newest))


async def handset(browser: Browser, address: str, user_id: str, **how: Any) -> Handset:
    """The page, opened as this person, once their chat is there."""
    page = await browser.open(f"{address}/chat#{user_id}", **{**PHONE, **how})
    await page.until("document.querySelector('.phone .log .system, .phone .log .line')")
    return Handset(page)


def photo(to: Path, *, night: bool = False) -> Path:
    """A drawn photo: an electric bicycle before a wall, by day or by night."""
    sky, wall, floor = (
        ((38, 44, 58), (70, 72, 80), (48, 48, 52))
        if night
        else ((206, 222, 235), (203, 188, 166), (150, 146, 140))
    )
    image = Image.new("RGB", (640, 480), sky)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 90, 640, 350), fill=wall)
    draw.rectangle((0, 350, 640, 480), fill=floor)
    for x in range(0, 640, 80):
        draw.line((x, 90, x, 350), fill=tuple(part - 12 for part in wall), width=2)
    for x in (190, 450):
        draw.ellipse((x - 62, 318 - 62, x + 62, 318 + 62), outline=(25, 25, 28), width=15)
        draw.ellipse((x - 8, 310, x + 8, 326), fill=(110, 110, 115))
    draw.polygon(
        ((230, 300), (410, 300), (445, 210), (410, 205), (385, 265), (265, 265), (240, 215), (190, 215)),
        fill=(30, 60, 120),
    )
    draw.line((445, 318, 420, 170), fill=(40, 40, 45), width=12)
    draw.line((395, 168, 450, 160), fill=(25, 25, 28), width=10)
    draw.rounded_rectangle((170, 195, 300, 220), 10, fill=(35, 35, 38))
    out = BytesIO()
    image.save(out, "JPEG", quality=82)
    to.write_bytes(out.getvalue())
    return to
