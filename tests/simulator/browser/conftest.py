"""A simulator that a browser reaches."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.fixtures import browser, picture
from tests.browser.phones import listening
from tests.simulator.account import WeChat

__all__ = ["browser", "picture"]


@pytest.fixture
async def address(wechat: WeChat) -> AsyncIterator[str]:
    """Where the simulator listens."""
    async with listening(wechat.http._transport.app) as at:  # type: ignore[attr-defined]
        yield at
