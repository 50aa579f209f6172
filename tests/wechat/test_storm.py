"""Four processes, 200 calls, one expired token: one refresh, and every call succeeds."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from app.kit.runtime import Runtime
from app.settings import Settings
from simulator.main import create_simulator
from tests.conftest import ROOT
from tests.simulator.account import MP, MP_SECRET, OA, OA_SECRET, Receiver, WeChat, make_config

PROCESSES, CALLS = 4, 50


@pytest.fixture
async def wechat() -> AsyncIterator[WeChat]:
    """A simulator that other processes can reach."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(create_simulator(make_config()), log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(base_url=base) as http:
        yield WeChat(http, Receiver())
    server.should_exit = True
    await serving
    listening.close()


async def _refreshes(wechat: WeChat) -> int:
    """How often a token was asked for."""
    return sum(e["path"] == "/cgi-bin/stable_token" for e in await wechat.log("api"))


async def _said(child: asyncio.subprocess.Process, word: bytes) -> None:
    """Reads up to this line; logs stand between."""
    assert child.stdout is not None
    while (line := await child.stdout.readline()) != word:
        assert line, "the process has ended"


@pytest.mark.slow
@pytest.mark.parametrize(("app_id", "secret"), [(OA, OA_SECRET), (MP, MP_SECRET)])
async def test_200_calls_of_4_processes_with_an_expired_token_refresh_it_once(
    wechat: WeChat, settings: Settings, runtime: Runtime, app_id: str, secret: str
) -> None:
    assert not await runtime.valkey.exists(f"wx:{{{app_id}}}:token")
    base = str(wechat.http.base_url)
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.wechat.storm", settings.valkey_url or "", base, app_id, secret, str(CALLS),
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    try:
        for child in children:
            await asyncio.wait_for(_said(child, b"ready\n"), 60)
        before = await _refreshes(wechat)
        await wechat.control("tokens", {"how": "expire", "app_id": app_id})
        answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()

    assert [int(out.splitlines()[-1]) for out, _ in answers] == [CALLS] * PROCESSES
    assert before == 1  # at the start too: three processes found the first one's token
    assert await _refreshes(wechat) == 2
