"""A case, a folder for its files, and a real S3 server."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.kit.runtime import Runtime
from tests.app.media.sending import Sent, Source, files_in
from tests.factories import Make


@pytest.fixture
def folder(runtime: Runtime, tmp_path: Path) -> Iterator[Path]:
    """Where files lie in this test."""
    with files_in(tmp_path / "media", runtime) as folder:
        yield folder


@pytest.fixture
def source() -> Source:
    return Source()


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
