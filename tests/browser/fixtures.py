"""The one browser of a run, for whoever walks on a page."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, Page, chromium, find

Picture = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One Chromium; without one these walks are left out."""
    if find() is None:
        pytest.skip("no Chromium here: install one, or name it in DIDI_CHROMIUM")
    async with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def picture() -> Picture:
    """Keeps what a page shows, where DIDI_PICTURES says: how the pictures of the documents are made."""

    async def keep(page: Page, name: str, *, width_px: int = 390) -> None:
        if folder := os.environ.get("DIDI_PICTURES"):
            await page.picture(Path(folder) / f"{name}.webp", width_px=width_px)

    return keep
