"""A case, people around it, a folder for its files, and a source that gives what a test puts there."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.media.jobs import fetch_due
from app.media.service import note_medium
from app.media.source import Fetched, Verdict
from app.media.states import MediaKind
from app.media.store import forget_stores
from tests.factories import Made, Make


@dataclass
class Source:
    """WeChat, as the port has it: `gives` by id; a verdict instead of bytes is what it says."""

    gives: dict[str, bytes | Verdict] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], Awaitable[object]] | None = None

    async def fetch(self, source_id: str, *, max_bytes: int) -> Fetched:
        self.asked.append(source_id)
        if self.before:
            await self.before(source_id)
        given = self.gives.get(source_id, Verdict.GONE)
        if isinstance(given, Verdict):
            return Fetched(given, code=40007 if given is Verdict.GONE else None)
        return Fetched(Verdict.FETCHED, given)


@pytest.fixture
def folder(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where files lie in this test."""
    to = tmp_path / "media"
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"media_folder": to}))
    forget_stores(runtime)
    yield to
    forget_stores(runtime)


@pytest.fixture
def source() -> Source:
    return Source()


@dataclass
class Sent:
    """What people sent: the case it belongs to, and how to send and fetch more."""

    runtime: Runtime
    source: Source
    case: Made

    async def send(
        self, content: bytes | Verdict, kind: MediaKind = MediaKind.IMAGE, *, bound: bool = True
    ) -> UUID:
        """A medium of the case, noted and at the source."""
        source_id = f"m-{len(self.source.gives)}"
        self.source.gives[source_id] = content
        async with transaction(self.runtime) as db:
            case_id = self.case.id if bound else None
            return await note_medium(db, self.case.reporter.id, kind, source_id, case_id=case_id)

    async def fetch(self) -> int:
        """One round of the worker."""
        found = await fetch_due(self.runtime, self.source)
        await self.runtime.drain()
        return found

    async def fetched(self, content: bytes, kind: MediaKind = MediaKind.IMAGE) -> UUID:
        """A medium that is ready."""
        medium_id = await self.send(content, kind)
        await self.fetch()
        return medium_id

    async def row(self, medium_id: UUID) -> Any:
        [found] = await self.rows("SELECT * FROM media WHERE id = :id", id=medium_id)
        return found

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())


@pytest.fixture
async def sent(runtime: Runtime, make: Make, folder: Path, source: Source) -> Sent:
    return Sent(runtime, source, await make.case())


@pytest.fixture(scope="session")
def bucket() -> Iterator[dict[str, str]]:
    """A real S3 server, moto's, in a process of its own; the settings that lead to its bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-c",
        "from moto.server import main; main()",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]}
    )
    try:
        asyncio.run(_made(endpoint))
        yield {
            "MEDIA_STORE": "s3", "MEDIA_S3_ENDPOINT": endpoint, "MEDIA_S3_BUCKET": "didi-media",
            "MEDIA_S3_ACCESS_KEY": "key", "MEDIA_S3_SECRET_KEY": "secret",
        }  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)


async def _made(endpoint: str) -> None:
    """Wait until the server takes the bucket."""
    async with httpx.AsyncClient(base_url=endpoint, trust_env=False) as http, asyncio.timeout(30):
        while True:
            try:
                answer = await http.put("/didi-media")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            assert answer.status_code == 200, answer.text
            return
