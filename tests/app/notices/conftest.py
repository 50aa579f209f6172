"""A ledger to test with: people who may be written to, and a notice that is always true."""

from __future__ import annotations

import pytest
import pytest_asyncio

from app.kit.runtime import Runtime
from app.notices.words import WORDS, Words
from tests.app.notices.ledger import PROBE, Ledger


@pytest.fixture(autouse=True)
def _probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORDS, PROBE, Words("第{n}条", "No. {n}"))


@pytest_asyncio.fixture
async def ledger(runtime: Runtime) -> Ledger:
    return Ledger(runtime)
