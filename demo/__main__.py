"""`python -m demo`: started by `didi demo`, which prepares its environment and the other processes."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import httpx

from demo.city import City, load_city
from demo.config import DemoConfig, NotPrepared, read_config
from demo.doors.http import Refused
from demo.life.run import live
from demo.story.play import play

STOPPED = 130
"""The exit code of whatever Ctrl-C ended."""


def main() -> int:
    """Run the city until it is stopped, or the story until it ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A city to try it on")
    parser.add_argument("--port", type=int, default=8000, help="of the page; the next three are used too")
    parser.add_argument("--once", action="store_true", help="play a fixed story without a browser, then exit")
    given = parser.parse_args()
    try:
        config = read_config(given.port)
    except NotPrepared as refused:
        sys.exit(f"demo: {refused}")
    try:
        return asyncio.run(_run(config, load_city(), once=given.once))
    except (Refused, httpx.HTTPError) as refused:
        sys.exit(f"demo: a door did not do what the demo needs to begin: {refused!r}")
    except (asyncio.CancelledError, KeyboardInterrupt):
        return STOPPED


async def _run(config: DemoConfig, city: City, *, once: bool) -> int:
    """The story or the living city; SIGTERM ends either as Ctrl-C does."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    if once:
        return await play(config, city, _say)
    await live(config, city)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
