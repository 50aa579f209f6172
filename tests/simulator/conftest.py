"""A fresh simulator for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.simulator.account import Receiver, WeChat, connect


@pytest_asyncio.fixture
async def wechat() -> AsyncIterator[WeChat]:
    """A simulator whose account answers `success`."""
    connected = connect(Receiver())
    yield connected
    await connected.http.aclose()
