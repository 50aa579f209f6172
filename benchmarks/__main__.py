"""`python -m benchmarks [names] [--seconds N] [--full]`: measure, each figure against its anchor."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from app.settings import Settings
from benchmarks import answers, callback, claims, deliveries, fanout, handover, ingest, nearest, race
from benchmarks.stage import stores

Benchmark = Callable[[Settings, float], Awaitable[None]]

BENCHMARKS: dict[str, Benchmark] = {
    "claims_lost": claims.lost,
    "claims_won": claims.won,
    "claims_won_http": claims.won_http,
    "race": race.run,
    "nearest": nearest.run,
    "ingest": ingest.run,
    "callback": callback.run,
    "emergency_gate": callback.gate,
    "answers": answers.run,
    "fanout": fanout.run,
    "handover": handover.run,
    "deliveries": deliveries.run,
}


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="of load for each figure (default 10)")
    given = parser.parse_args()
    if unknown := set(given.names) - BENCHMARKS.keys():
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}"
        )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    uvloop.run(_run(given.names or list(BENCHMARKS), given.seconds))


async def _run(names: list[str], seconds: float) -> None:
    async with stores() as settings:
        for name in names:
            await BENCHMARKS[name](settings, seconds)


if __name__ == "__main__":
    main()
