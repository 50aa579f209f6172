from __future__ import annotations

import re

import httpx
import pytest

from app.cases.states import CaseState, Cause
from app.dispatch.acts import Disposition
from console.board import FILES, STATIC
from tests.console.people import ORIGIN


@pytest.fixture
async def browser(transport: httpx.ASGITransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN)


async def test_the_page_comes_with_a_policy_that_runs_nothing_inline(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/console/board")

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=|<style", page.text)


async def test_whatever_the_page_loads_is_there_and_comes_from_here(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/console/board")).text
    scripts = "".join((STATIC / name).read_text("utf-8") for name in FILES if name.endswith(".js"))
    loaded = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    loaded |= {f"/console/static/{name}" for name in re.findall(r'from "\./([^"]+)"', scripts)}

    for address in loaded:
        assert (await browser.get(address)).status_code == 200, address
    assert {address.rsplit("/", 1)[1] for address in loaded} == set(FILES)
    assert "innerHTML" not in scripts


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fauth.py", "board.html", "%2e%2e/router.py"])
async def test_no_other_file_is_served(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/console/static/{name}")).status_code == 404


def test_every_word_of_the_page_is_said_in_both_languages() -> None:
    words = (STATIC / "words.js").read_text("utf-8")
    said = set(re.findall(r'^  (\w+): \["[^"]+", "[^"]+"\],$', words, re.MULTILINE))
    page = (STATIC / "board.html").read_text("utf-8") + "".join(
        (STATIC / name).read_text("utf-8") for name in ("board.js", "case.js")
    )
    asked = set(re.findall(r'data-word="(\w+)"', page)) | set(re.findall(r'\bword\("(\w+)"\)', page))

    assert asked
    assert asked <= said


def test_the_page_offers_every_disposition_and_says_every_state_and_cause() -> None:
    words = (STATIC / "words.js").read_text("utf-8")

    def keys(table: str) -> set[str]:
        part = words.split(f"const {table} = {{", 1)[1].split("};", 1)[0]
        return set(re.findall(r"^  (\w+): ", part, re.MULTILINE))

    assert keys("ENDINGS") == set(Disposition)
    assert keys("CAUSES") == set(Cause)
    assert keys("STATES") == set(CaseState)
