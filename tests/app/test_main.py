"""The service's edges: bodies too large, errors as problems, readiness without stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.body_cap import BODY_MAX
from app.kit.runtime import Runtime
from app.main import create_app
from app.settings import Settings


@pytest.fixture
async def client(runtime: Runtime, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost:8000") as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/miniprogram/v1/sessions", "/console/v1/sessions"])
async def test_a_body_over_the_cap_is_refused_before_it_is_read(client: httpx.AsyncClient, path: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_MAX // 1024 + 2):
            yield b" " * 1024

    said = await client.post(
        path, content=b" " * (BODY_MAX + 1), headers={"Content-Type": "application/json"}
    )
    streamed = await client.post(path, content=endless(), headers={"Content-Type": "application/json"})

    assert (said.status_code, streamed.status_code) == (413, 413)
    assert said.json()["code"] == "http_413"


async def test_an_unknown_path_is_a_problem_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "http_404"


async def test_ready_says_what_it_looked_at(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")

    assert answer.json() == {
        "ready": True, "database": "ok", "migrations": "ok", "valkey": "ok", "stations_without_desk": [],
    }  # fmt: skip


async def test_without_a_database_the_service_lives_and_says_unready(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    app = create_app(gone)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://t") as down,
    ):
        ready, health = await down.get("/readyz"), await down.get("/healthz")
        refused = await down.get("/miniprogram/v1/categories", headers={"Authorization": "Bearer x"})

    assert (ready.status_code, health.status_code) == (503, 200)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_metrics_tell_cases_and_outbox(client: httpx.AsyncClient) -> None:
    page = (await client.get("/metrics")).text

    for name in ("didi_cases{", "didi_claims_total", "didi_handover_lateness_seconds_bucket", "didi_outbox_age_seconds",
                 "didi_offers_open", "didi_officers_reachable", "didi_sockets", "didi_callback_seconds_bucket"):  # fmt: skip
        assert name in page
