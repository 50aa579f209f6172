"""Every refusal is a problem (RFC 9457) with a stable code, and the reference page knows each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app.kit.errors import AppError
from app.kit.problems import status_of
from app.kit.runtime import Runtime
from app.main import create_app
from app.settings import Settings
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "api.md"


@pytest.fixture
async def client(runtime: Runtime, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nothing/here", b"", 404, "http_404"),
        ("PUT", "/miniprogram/v1/sessions", b"", 405, "http_405"),
        ("GET", "/miniprogram/v1/me", b"", 401, "sign_in"),
        ("GET", "/console/v1/me", b"", 401, "sign_in"),
        ("POST", "/miniprogram/v1/sessions", b"{}", 422, "invalid"),
        ("POST", "/miniprogram/v1/sessions", b"{not json", 422, "invalid"),
        ("POST", "/miniprogram/v1/sessions", b'{"code": "\xff"}', 400, "unreadable"),
        ("POST", "/miniprogram/v1/sessions", b'{"code": "' + b"x" * 2_000_000 + b'"}', 413, "http_413"),
    ],
)
async def test_a_refusal_is_a_problem_with_a_code(
    client: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"} if content else {}

    answer = await client.request(method, path, content=content, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["code"], body["status"], body["instance"]) == (code, status, path)
    assert body["title"]


async def test_with_the_database_away_it_is_503_and_nothing_was_done(
    settings: Settings, runtime: Runtime
) -> None:
    app = create_app(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:9/none"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client,
    ):
        answer = await client.get("/miniprogram/v1/me", headers={"Authorization": "Bearer " + "x" * 43})
        ready = await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert ready.status_code == 503
    assert ready.json()["ready"] is False


def _errors(of: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _errors(kind)


def errors() -> list[type[AppError]]:
    """Every error of the core and the doors that clients can meet, by code."""
    ours = [
        e for e in _errors() if e.__module__.partition(".")[0] in ("app", "miniprogram", "console", "wechat")
    ]
    return sorted({e.code: e for e in ours}.values(), key=lambda e: e.code)


def test_a_code_means_one_thing() -> None:
    codes: dict[str, set[str]] = {}
    for error in _errors():
        if error.__module__.partition(".")[0] in ("app", "miniprogram", "console"):
            codes.setdefault(error.code, set()).add(str(int(status_of(error))))

    assert {code: statuses for code, statuses in codes.items() if len(statuses) > 1} == {}


def test_the_reference_page_lists_every_code_with_its_status() -> None:
    listed = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (\d{3}) \|", Path(PAGE).read_text(), re.MULTILINE))

    assert listed == {error.code: str(int(status_of(error))) for error in errors()}
