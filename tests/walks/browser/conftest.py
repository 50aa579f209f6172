"""A browser for all walks, and people who use the chat page in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.fixtures import browser
from tests.browser.phones import Handset, handset, listening
from tests.walks.world import World

__all__ = ["browser"]
Hand = Callable[..., Awaitable[Handset]]


@pytest.fixture
async def hand(browser: Browser, world: World) -> AsyncIterator[Hand]:
    """Gives somebody a phone: `await hand("李雷")`. No page may have said that something is wrong with it."""
    given: list[Handset] = []
    async with listening(world.wechat.http._transport.app) as address:  # type: ignore[attr-defined]

        async def give(name: str, **how: object) -> Handset:
            language = "en" if how.get("locale") == "en-GB" else "zh_CN"
            user = await world.wechat.user(id=f"person-{len(given)}", name=name, language=language)
            given.append(await handset(browser, address, user["id"], **how))
            return given[-1]

        yield give
        for phone in given:
            await phone.page.close()
    assert [error for phone in given for error in phone.page.errors] == []


@pytest.fixture
def picture() -> Callable[[Handset, str], Awaitable[None]]:
    """Keeps what a phone shows, where DIDI_PICTURES says: how the pictures of the documents are made."""

    async def keep(phone: Handset, name: str) -> None:
        if folder := os.environ.get("DIDI_PICTURES"):
            await phone.page.picture(Path(folder) / f"{name}.webp", width_px=390)

    return keep
