"""Five thousand inputs that nobody means well: no 5xx, no answer outside the documented ones, no error in the log."""

from __future__ import annotations

import os

import pytest
import structlog
from fastapi import FastAPI

from app.kit.runtime import Runtime
from tests.factories import Made
from tests.wechat import fuzz
from wechat.callback import router

COUNT = int(os.environ.get("DIDI_CALLBACK_FUZZ", "5000"))
SEED = int(os.environ.get("DIDI_CALLBACK_FUZZ_SEED", "1"))


@pytest.mark.slow
async def test_whatever_comes_is_answered_as_documented_and_is_no_error(
    runtime: Runtime, station: Made
) -> None:
    app = FastAPI()
    app.include_router(router(runtime.settings, deadline_s=30, emergency_s=30))
    app.state.runtime = runtime
    counter = fuzz.ErrorCounter()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[counter])
    try:
        tally = await fuzz.run(app, fuzz.inputs(SEED, COUNT), at_once=12)
        await runtime.drain()
    finally:
        structlog.configure(processors=before)
    print(
        f"{tally.count} inputs in {tally.elapsed_s:.1f} s, {tally.count / tally.elapsed_s:.0f}/s: {dict(tally.statuses)}"
    )

    assert tally.wrong == []
    assert dict(counter.errors) == {}
    assert tally.count == COUNT
    assert tally.accepted > COUNT / 3  # else the fuzz does not get past the cryptography
    assert {200, 400, 403, 413} <= set(tally.statuses)


def test_the_same_seed_gives_the_same_ways() -> None:
    first, again = ([one.ways for one in fuzz.inputs(3, 200)] for _ in range(2))

    assert first == again
