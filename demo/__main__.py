"""`python -m demo`: started by `didi demo`, which prepares its environment and the other processes."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import httpx

from demo.config import NotPrepared, read_config
from demo.doors.http import Refused


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
    from demo.city import load_city  # after the refusal: nothing of the demo is read in production

    signal.signal(signal.SIGTERM, _leave)
    try:
        if given.once:
            from demo.story.play import play

            return asyncio.run(play(config, load_city(), _say))
        from demo.life.run import live

        asyncio.run(live(config, load_city()))
    except (Refused, httpx.HTTPError) as refused:
        sys.exit(f"demo: a door did not do what the demo needs to begin: {refused!r}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _leave(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
