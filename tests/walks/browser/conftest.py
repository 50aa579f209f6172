"""A browser for all walks, and people who use the chat page in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from demo.city import load_city
from tests.browser.chromium import Browser
from tests.browser.fixtures import browser, picture
from tests.browser.phones import Handset, handset, listening
from tests.walks.world import World

__all__ = ["browser", "picture"]
Hand = Callable[..., Awaitable[Handset]]


@pytest.fixture
async def hand(browser: Browser, world: World, tmp_path: Path) -> AsyncIterator[Hand]:
    """Gives somebody a phone: `await hand("李雷")`. No page may have said that something is wrong with it."""
    given: list[Handset] = []
    # Drawn on the sketch of the demo's city, as people see it there.
    simulated = world.wechat.http._transport.app.state.world  # type: ignore[attr-defined]
    sketch = tmp_path / "sketch.geojson"
    sketch.write_text(json.dumps(load_city().sketch_map()), "utf-8")
    simulated.config = replace(simulated.config, sketch_map=str(sketch), account_name="滴滴警务（演示）")
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
