"""Where we call: WeChat's API at the address that the settings name, and nothing else."""

from __future__ import annotations

import ast
import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.kit.runtime import Runtime
from app.settings import Settings
from tests.conftest import ROOT
from tests.walks.conftest import open_world

OURS = ("app", "wechat", "miniprogram", "console", "pagers")
CALLERS = {
    "app/doctor.py",
    "app/main.py",
    "app/worker_process.py",
    "pagers/__init__.py",
    "pagers/loudspeaker.py",
    "pagers/police_app.py",
    "pagers/sms.py",
    "pagers/wecom.py",
    "pagers/wire.py",
    "wechat/access_token.py",
    "wechat/client.py",
    "wechat/sender.py",
    "wechat/media.py",
    "wechat/wire.py",
}
"""Who holds an HTTP client; each is given its address by the settings: `WECHAT_API_BASE`, or a pager's own."""
NAMED = {
    "api.weixin.qq.com": "the default of WECHAT_API_BASE",
    "qyapi.weixin.qq.com": "the default of PAGER_WECOM_API_BASE",
    "app.police.internal": "an example of a setting",
    "sms.police.internal": "an example of a setting",
    "localhost": "the default of DIDI_CONSOLE_ORIGIN",
    "127.0.0.1": "the demo and the embedded servers, on this machine",
    "didi.example.gov.cn": "an example of a setting",
    "s3.internal": "an example of MEDIA_S3_ENDPOINT, the operator's own storage",
    "www.w3.org": "the name of SVG's namespace, which nobody fetches",
}
"""Hosts that stand in our code, and why."""
CLIENTS = (
    "aiohttp",
    "http.client",
    "requests",
    "smtplib",
    "ftplib",
    "urllib.request",
    "urllib3",
    "telnetlib",
    "xmlrpc.client",
)
"""Ways out that are not httpx: none is used."""


def sources() -> Iterator[tuple[str, str]]:
    for package in OURS:
        for page in sorted((ROOT / package).rglob("*")):
            if page.suffix in (".py", ".html", ".js", ".css"):
                yield page.relative_to(ROOT).as_posix(), page.read_text()


def imports(page: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(page)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_other_host_is_named_in_our_code() -> None:
    named: dict[str, set[str]] = {}
    for path, page in sources():
        for url in re.findall(r"(?:https?|wss?)://[A-Za-z0-9_.-]+", page):
            named.setdefault(urlsplit(url).hostname or "", set()).add(path)

    assert {host: paths for host, paths in named.items() if host not in NAMED} == {}


def test_only_the_client_of_wechat_speaks_http_and_nothing_else_leaves() -> None:
    speaks = {path for path, page in sources() if path.endswith(".py") and "httpx" in imports(page)}
    others = {
        (path, name)
        for path, page in sources()
        if path.endswith(".py")
        for name in imports(page) & set(CLIENTS)
    }

    assert speaks - CALLERS - {"app/demo_run.py"} == set()
    assert {(p, n) for p, n in others if p != "app/demo_run.py"} == set()


def test_only_the_store_of_media_speaks_to_a_bucket_at_the_address_of_the_settings() -> None:
    stores = {path for path, page in sources() if path.endswith(".py") and "obstore" in page}

    assert stores == {"app/media/store.py"}
    assert "endpoint=settings.media_s3_endpoint" in (ROOT / "app/media/store.py").read_text()


class Recorder:
    """Every address that this process looks up or connects to."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()

    def note(self, host: Any) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and not name.startswith("/"):
            self.hosts.add(name)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    resolve, connect = socket.getaddrinfo, socket.socket.connect
    loop_connect = asyncio.selector_events.BaseSelectorEventLoop.sock_connect

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        made.note(host)
        return resolve(host, *rest, **more)

    def connected(self: socket.socket, address: Any) -> Any:
        made.note(address[0] if isinstance(address, tuple) else address)
        return connect(self, address)

    async def sock_connect(self: Any, sock: socket.socket, address: Any) -> None:
        made.note(address[0] if isinstance(address, tuple) else address)
        await loop_connect(self, sock, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", sock_connect)
    return made


async def test_on_a_walk_from_report_to_stars_only_wechat_is_called(
    runtime: Runtime, settings: Settings, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    handle = httpx.AsyncClient.send

    async def send(self: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
        called.append(request.url.host)
        return await handle(self, request, **more)

    monkeypatch.setattr(httpx.AsyncClient, "send", send)
    stores = {urlsplit(settings.database_url or "").hostname, urlsplit(settings.valkey_url or "").hostname}
    async with open_world(settings) as world:
        neighbour, officer = await world.neighbour(), await world.officer()
        case, epoch = await world.claimed(neighbour, officer)
        there = {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}
        await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": epoch})
        await officer.ok("POST", f"/cases/{case.id}/arrived", {"epoch": epoch, "at": there})
        await officer.ok("POST", f"/cases/{case.id}/close", {"epoch": epoch, "disposition": "mediated"})
        await world.settle()
        await world.deliver()
        await neighbour.say("5")
        await world.phones.post("sessions", json={"code": await neighbour.login_code()})

    wechat = urlsplit(settings.wechat_api_base).hostname
    assert recorder.hosts  # the stores at least were seen
    assert wechat in called
    assert set(called) - {wechat} == {
        "test",
        "wechat.test",
        "account.test",
    }  # this test's own: phones and simulator
    assert recorder.hosts - {h for h in stores if h} - {"127.0.0.1", "localhost", "::1"} == set()


@pytest.mark.parametrize("page", ["console/static", "simulator/static"])
def test_no_page_loads_anything_from_elsewhere(page: str) -> None:
    loads = re.compile(
        r"""(?:src|href|action|import|url|fetch|WebSocket)\s*[=(]\s*["'`]?(?:https?:|wss?:)?//""",
        re.IGNORECASE,
    )

    found = [
        p.name
        for p in sorted(Path(ROOT / page).rglob("*"))
        if p.is_file() and loads.search(p.read_text(errors="replace"))
    ]

    assert found == []
