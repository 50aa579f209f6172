"""The one browser of a run, for whoever walks on a page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Browser, chromium, find


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One Chromium; without one these walks are left out."""
    if find() is None:
        pytest.skip("no Chromium here: install one, or name it in DIDI_CHROMIUM")
    async with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running
