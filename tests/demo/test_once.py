"""The whole story on real processes: stores, service, worker, simulated WeChat, and everybody in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORY_WITHIN_S = 300


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own, which the servers' user can enter."""
    made = Path(tempfile.mkdtemp(prefix="didi-story-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def four_free_ports() -> int:
    """The first of four ports in a row that nobody listens on."""
    for first in range(21_000, 29_000, 4):
        taken = False
        for port in range(first, first + 4):
            with socket.socket() as probe:
                taken |= probe.connect_ex(("127.0.0.1", port)) == 0
        if not taken:
            return first
    raise AssertionError("no four free ports in a row between 21000 and 29000")


@pytest.mark.slow
@pytest.mark.timeout(STORY_WITHIN_S + 30)
def test_the_story_holds_from_report_to_audit(folder):
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("DIDI_", "WECHAT_", "DATABASE_", "VALKEY_"))
    }
    command = [sys.executable, "-m", "app.cli", "demo", "--once", "--port", str(four_free_ports())]

    played = subprocess.run(
        command, env={**kept, "DIDI_FOLDER": str(folder)}, cwd=ROOT, capture_output=True, text=True,
        timeout=STORY_WITHIN_S, check=False,
    )  # fmt: skip

    assert played.returncode == 0, played.stdout + played.stderr
    lines = [line for line in played.stdout.splitlines() if line.strip()]
    assert lines[-1].startswith("All 8 hold")
    assert sum(line.startswith("ok ") for line in lines) == 8
