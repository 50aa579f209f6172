"""`python -m tests.prove [--only G1,G2] [--scale 0.1]`: one line a figure, one row in docs/proofs.md."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable

from app.kit.logging import set_up_logging
from tests.prove.deadlines import promises, without_valkey
from tests.prove.figures import Figure, keep, say
from tests.prove.grants import grants
from tests.prove.runs import fuzzing, machine
from tests.prove.telling import following, repeats

Proof = Callable[[float], Awaitable[Figure | list[Figure]]]

PROOFS: dict[str, Proof] = {
    "G1": grants,
    "G2": promises,  # and G3
    "G4": without_valkey,
    "G7": following,
    "G8": repeats,
    "G11": fuzzing,
    "G12": machine,
}


def main() -> int:
    """0 when every figure held."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--only", default=",".join(PROOFS), help="figures, by commas; G3 is measured with G2")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--note", default="", help="kept beside the row, such as who else used the machine")
    given = parser.parse_args()
    names = [name.strip().upper().replace("G3", "G2") for name in given.only.split(",")]
    if unknown := set(names) - set(PROOFS):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(PROOFS)}")
    set_up_logging(json=False, level="CRITICAL")  # kills make much noise that is meant
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    held = True
    for name in dict.fromkeys(names):
        begun = time.monotonic()
        found = asyncio.run(PROOFS[name](given.scale))  # type: ignore[arg-type]
        for figure in found if isinstance(found, list) else [found]:
            say(figure)
            keep(figure, seconds=time.monotonic() - begun, note=given.note)
            held = held and figure.ok
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
