"""The first page: no login, its banner, and of a case nothing but what a passer-by may know."""

from __future__ import annotations

import re
from types import SimpleNamespace

import httpx
import pytest

from demo.city import Spot, load_city
from demo.life.ledger import Ledger
from demo.page.server import PUBLIC, STATIC, Scene, create_page


@pytest.fixture
async def page():
    ledger = Ledger()
    ledger.running["a"] = dict.fromkeys(PUBLIC) | {
        "number": "482-915-3067", "state": "open", "seconds_left": 41.0, "read_s": 0.0,
        "reporter": "somebody", "words": "secret", "place": {"label": "secret"},
    }  # fmt: skip
    officer = SimpleNamespace(
        who=SimpleNamespace(badge="DEMO-001"), walker=SimpleNamespace(at=Spot(32.06, 118.8)), doing="patrol"
    )
    scene = Scene(SimpleNamespace(port=8000), load_city(), ledger, [officer])
    transport = httpx.ASGITransport(create_page(scene))
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        yield client


async def test_the_page_says_what_it_is_before_anything_else(page):
    first = (await page.get("/")).text

    assert "模拟微信 · 虚构派出所" in first
    assert "simulated WeChat, fictional stations" in first
    for file in ("page.css", "page.js", "map.js", "words.js"):
        assert (await page.get(f"/static/{file}")).status_code == 200


async def test_the_state_tells_counts_cases_and_officers_and_no_words(page):
    answer = await page.get("/state")

    told = answer.json()
    assert told["counters"]["double_grants"] == 0
    assert set(told["cases"][0]) == {*PUBLIC, "seconds_left"}
    assert told["officers"] == [["DEMO-001", 118.8, 32.06, "patrol"]]
    assert "secret" not in answer.text
    assert "somebody" not in answer.text


async def test_the_maps_are_served_and_the_links_know_their_ports(page):
    city = (await page.get("/map.json")).json()
    sketch = (await page.get("/sketch-map.json")).json()

    assert city["ports"] == {"service": 8001, "simulator": 8002}
    assert len(city["stations"]) == 11
    assert sketch["type"] == "FeatureCollection"


def test_both_languages_say_the_same_things():
    words = (load_words("zh"), load_words("en"))

    assert words[0] == words[1]


def load_words(language: str) -> list[str]:
    """The keys of one language, in order, as words.js writes them."""
    text = (STATIC / "words.js").read_text("utf-8")
    part = text.split(f"  {language}: {{", 1)[1].split("\n  },", 1)[0]
    return sorted(re.findall(r"[{,\n]\s*([a-z0-9_]+):", part))
