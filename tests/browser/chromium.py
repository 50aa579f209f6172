"""A Chromium without a library: its DevTools protocol over one WebSocket, as much of it as the walks need."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WITHIN_S = 15.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # walks run as root in containers, on pages of our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)


def find() -> str | None:
    """Where a Chromium is: `DIDI_CHROMIUM`, else by its usual names; None when there is none."""
    return os.environ.get("DIDI_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class PageFailed(AssertionError):
    """A page did what it should not: an exception, an error on its console, or nothing in time."""


@dataclass
class Browser:
    """A running Chromium. Commands go out with a number and come back with it."""

    socket: websockets.ClientConnection
    pages: dict[str, Page] = field(default_factory=dict)  # by session
    waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        number = next(self.numbers)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        named = {"sessionId": session} if session else {}
        await self.socket.send(json.dumps({"id": number, "method": method, "params": params, **named}))
        async with asyncio.timeout(WITHIN_S):
            return await self.waiting[number]

    async def listen(self) -> None:
        """Hand out what comes, until the socket closes."""
        async for line in self.socket:
            told = json.loads(line)
            if "id" in told:
                waiter = self.waiting.pop(told["id"])
                if "error" in told:
                    waiter.set_exception(PageFailed(told["error"]["message"]))
                else:
                    waiter.set_result(told["result"])
            elif page := self.pages.get(told.get("sessionId", "")):
                page.hear(told["method"], told["params"])

    async def open(
        self,
        url: str,
        *,
        width: int,
        height: int,
        touch: bool = False,
        dark: bool = False,
        locale: str = "zh-CN",
    ) -> Page:
        """A page in a profile of its own, loaded."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], context, touch)
        self.pages[page.session] = page
        for domain in ("Page", "Runtime", "DOM", "Log"):
            await page.send(f"{domain}.enable")
        await page.send("Emulation.setLocaleOverride", locale=locale)
        await page.send("Emulation.setTimezoneOverride", timezoneId="Asia/Shanghai")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.send("Emulation.setEmulatedMedia", features=[scheme])
        await page.resize(width, height)
        await page.send("Page.navigate", url=url)
        async with asyncio.timeout(WITHIN_S):
            await page.loaded.wait()
        return page


@dataclass
class Page:
    """One tab. What it says on its console as an error is kept in `errors`."""

    browser: Browser
    session: str
    context: str
    touch: bool
    errors: list[str] = field(default_factory=list)
    loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this tab."""
        return await self.browser.send(method, self.session, **params)

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """An event of this tab."""
        if method == "Page.loadEventFired":
            self.loaded.set()
        if method == "Runtime.exceptionThrown":
            self.errors.append(
                params["exceptionDetails"].get("exception", {}).get("description", "exception")
            )
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def close(self) -> None:
        """Close the tab and forget its profile."""
        del self.browser.pages[self.session]
        await self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)

    async def resize(self, width: int, height: int) -> None:
        """A screen of so many CSS pixels, drawn at their double."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=self.touch
        )  # fmt: skip

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited when it is a promise."""
        told = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise PageFailed(told["exceptionDetails"]["exception"].get("description", script))
        return told["result"].get("value")

    async def until(self, script: str) -> Any:
        """Wait until an expression is true, at each frame; its value. It may not last longer than 15 s."""
        waits = f"new Promise(done => {{ const look = () => {{ const found = ({script}); found ? done(found) : setTimeout(look, 16); }}; look(); }})"
        try:
            return await self.run(waits)
        except TimeoutError:
            seen = await self.run("document.body.innerText.slice(-600)")
            raise PageFailed(f"never: {script}\nthe page says: {seen}\nerrors: {self.errors}") from None

    async def click(self, selector: str, words: str | None = None) -> None:
        """Press what a selector finds, by its words when there are several; it must be on the screen."""
        at = await self.until(_MIDDLE % (json.dumps(selector), json.dumps(words)))
        where = {"x": at["x"], "y": at["y"], "button": "left", "clickCount": 1}
        await self.send("Input.dispatchMouseEvent", type="mousePressed", **where)
        await self.send("Input.dispatchMouseEvent", type="mouseReleased", **where)

    async def press(self, selector: str, *, until: str) -> None:
        """Hold something down until an expression is true."""
        at = await self.until(_MIDDLE % (json.dumps(selector), "null"))
        where = {"x": at["x"], "y": at["y"], "button": "left", "clickCount": 1}
        await self.send("Input.dispatchMouseEvent", type="mousePressed", **where)
        await self.until(until)
        await self.send("Input.dispatchMouseEvent", type="mouseReleased", **where)

    async def type(self, selector: str, words: str) -> None:
        """Click into a field and type."""
        await self.click(selector)
        await self.send("Input.insertText", text=words)

    async def choose_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a file field."""
        document = await self.send("DOM.getDocument")
        found = await self.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        await self.send("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(path) for path in paths])

    async def picture(self, to: Path, *, quality: int = 70, width_px: int | None = None) -> None:
        """A screenshot: WebP, or PNG by the file's ending; `width_px` scales it down to so many pixels."""
        kind = to.suffix.removeprefix(".")
        how: dict[str, Any] = {"format": kind} | ({"quality": quality} if kind == "webp" else {})
        if width_px is not None:
            size = await self.run("({ w: innerWidth, h: innerHeight })")
            how["clip"] = {
                "x": 0,
                "y": 0,
                "width": size["w"],
                "height": size["h"],
                "scale": width_px / size["w"] / 2,
            }
        told = await self.send("Page.captureScreenshot", **how)
        to.write_bytes(base64.b64decode(told["data"]))


# The middle of the first element that is shown and not covered, once it stands still enough to be hit.
_MIDDLE = """(() => {
  const words = %s, said = %s;
  for (const node of document.querySelectorAll(words)) {
    if (said !== null && !node.innerText.includes(said)) continue;
    node.scrollIntoView({ block: "nearest" });
    const box = node.getBoundingClientRect();
    if (!box.width || node.disabled) continue;
    const x = box.left + box.width / 2, y = box.top + box.height / 2, hit = document.elementFromPoint(x, y);
    if (hit && (node === hit || node.contains(hit))) return { x, y };
  }
  return null;
})()"""


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Browser]:
    """A Chromium with an empty profile in this folder; ended with everything it started.

    Raises:
        FileNotFoundError: there is none here; `find` says so beforehand.
    """
    binary = find()
    if binary is None:
        raise FileNotFoundError("no Chromium: install one, or name it in DIDI_CHROMIUM")
    process = await asyncio.create_subprocess_exec(
        binary, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            address = await _address(process)
        draining = asyncio.create_task(_drain(process))
        async with websockets.connect(address, max_size=None, compression=None, proxy=None) as socket:
            browser = Browser(socket)
            listening = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listening.cancel()
                draining.cancel()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    seen = b""
    while line := await process.stderr.readline():
        seen += line
        if b"DevTools listening on " in line:
            return line.decode().rpartition(" ")[2].strip()
    raise PageFailed(f"Chromium ended at once: {seen[-600:].decode(errors='replace')}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.readline():
        pass
