"""Pages for a machine without the internet: whatever they load comes from the same server."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from simulator.main import create_simulator
from tests.simulator.account import make_config

LOADED = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


@pytest.fixture(params=["service", "simulator"])
def page(request: pytest.FixtureRequest, settings: Settings) -> tuple[FastAPI, str]:
    if request.param == "service":
        return create_app(settings), "/docs"
    return create_simulator(make_config()), "/__wechat__/docs"


async def test_the_page_of_the_api_asks_no_other_host(page: tuple[FastAPI, str]) -> None:
    app, path = page
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        told = (await client.get(path)).text
        loaded = LOADED.findall(told)
        answers = [(one, (await client.get(one)).status_code) for one in loaded if one.startswith("/")]

    assert len(loaded) >= 3  # script, style, icon
    assert answers == [(one, 200) for one in loaded]
