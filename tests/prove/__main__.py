"""`make prove ARGS="NAMES --scale 0.1"`: one line a figure, one row in docs/proofs.md; no name: all, at full size."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable

from app.kit.logging import set_up_logging
from tests.prove.deadlines import promises, without_valkey
from tests.prove.figures import PAGE, Figure, Skipped, keep, say
from tests.prove.fuzz import fuzzing_callbacks
from tests.prove.grants import grants
from tests.prove.notices import notices
from tests.prove.postgres15 import older
from tests.prove.reach import reach
from tests.prove.rounds import rounds
from tests.prove.runs import fuzzing, machine
from tests.prove.telling import following, repeats

Proof = Callable[[float], Awaitable[Figure | list[Figure]]]

PROOFS: dict[str, Proof] = {
    "postgres15": older,
    "notices": notices,
    "race": rounds,
    "reach": reach,
    "G1": grants,
    "G2": promises,  # and G3
    "G4": without_valkey,
    "G7": following,
    "G8": repeats,
    "G11": fuzzing,
    "G12": machine,
    "G13": fuzzing_callbacks,
}


def main() -> int:
    """0 when every figure held; what this machine cannot run is said and does not count."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(PROOFS)}; G3 is measured with G2"
    )
    parser.add_argument("--only", default="", help="the same names, by commas")
    parser.add_argument(
        "--scale", type=float, default=float(os.environ.get("PROVE_SCALE", "1")),
        help="share of the full size; PROVE_SCALE otherwise, or 1",
    )  # fmt: skip
    parser.add_argument("--note", default="", help="kept beside the row, such as who else used the machine")
    given = parser.parse_args()
    known = {name.upper(): name for name in PROOFS} | {"G3": "G2"}
    asked = [name.strip().upper() for name in [*given.names, *given.only.split(",")] if name.strip()]
    if unknown := set(asked) - set(known):
        parser.error(f"no such proof: {', '.join(sorted(unknown))}; there are {', '.join(PROOFS)}")
    if not 0 < given.scale <= 1:
        parser.error(f"--scale is {given.scale}: above 0, at most 1")
    if not os.access(PAGE, os.W_OK):
        parser.error(f"{PAGE} cannot be written, and every figure leaves a row there")
    set_up_logging(json=False, level="CRITICAL")  # kills make much noise that is meant
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    held = [_prove(name, given.scale, given.note) for name in dict.fromkeys(known[a] for a in asked or known)]
    return 0 if all(held) else 1


def _prove(name: str, scale: float, note: str) -> bool:
    """Run one; what breaks it is its figure, and the next one still runs."""
    load, begun = os.getloadavg()[0], time.monotonic()
    print(f"prove {name} begins, scale {scale:g}", flush=True)
    try:
        found = asyncio.run(PROOFS[name](scale))  # type: ignore[arg-type]  # a coroutine, by another name
    except Skipped as lacks:
        print(f"prove {name} skipped: {lacks}", flush=True)
        return True
    except Exception as error:
        traceback.print_exc()
        found = Figure(
            name, False, f"broke off: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        )
    figures = found if isinstance(found, list) else [found]
    for figure in figures:
        say(figure)
        keep(figure, seconds=time.monotonic() - begun, load=load, note=note)
    return all(figure.ok for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
