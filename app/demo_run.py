"""The demo's processes on one machine: stores, service, worker, simulated WeChat, and the city.

Every part is a process of its own, as in production; only WeChat and the people are not real. The
secrets are made once into the data folder (mode 0600) and are marked, so that production refuses them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.events.edge import transaction
from app.kit.embedded import EmbeddedError, default_folder, lease
from app.kit.migrate import migrate
from app.people.console import create_first_administrator
from app.settings import DEMO_MARK, Settings, SettingsError, load_settings
from app.wiring import open_runtime

Say = Callable[[str], None]
Process = subprocess.Popen[bytes]
LOOK_S = 0.5
READY_S = 30.0
STOP_S = 15.0
ADMINISTRATOR = "demo.admin"
TEMPLATES = {"*": {"id": "DEMO_NOTICE", "words": "thing1", "number": "character_string2", "time": "time3"}}
"""Of the mini-program: without one there is nothing to consent to."""
LOG = "processes.log"
"""In the demo's folder: the terminal belongs to the city."""


def run(*, once: bool, port: int, say: Say) -> int:
    """Start everything, wait for the city to end (or for Ctrl-C), stop everything; returns its exit code.

    Raises:
        SettingsError: this machine is set up for production.
        EmbeddedError: something listens at one of the four ports already, or a part of the demo has ended.
    """
    if os.environ.get("DIDI_ENV") == "production":
        raise SettingsError("DIDI_ENV=production: the demo and the simulator do not run in production")
    _look_for_others(port)
    folder = (Path(os.environ.get("DIDI_FOLDER") or default_folder()) / "demo").resolve()
    say(f"The demo's data: {folder}")
    with lease(folder) as stores:
        environment = _environment(folder, port) | {
            "DATABASE_URL": stores.database_url,
            "VALKEY_URL": stores.valkey_url,
        }
        settings = load_settings(**environment)
        account = asyncio.run(_prepare(settings, folder))
        say("PostgreSQL and Valkey run; the database is up to date.")
        say(f"What the processes log: {folder / LOG}")
        with _processes(environment | account, port, once, say, log=folder / LOG) as (city, parts):
            try:
                return _until_over(city, parts, folder / LOG)
            except KeyboardInterrupt:
                say("Stopping …")
                return 0


def _look_for_others(port: int) -> None:
    """Another demo would answer in the place of this one."""
    for each in range(port, port + 4):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", each)) == 0:
                raise EmbeddedError(
                    f"something listens at port {each} already, perhaps another demo: stop it, or take other"
                    f" ports with --port ({port} to {port + 3} are needed)"
                )


def _until_over(city: Process, parts: Mapping[str, Process], log: Path) -> int:
    """The city's exit code; a city whose service has died would wait for ever."""
    while (code := city.poll()) is None:
        if gone := [name for name, part in parts.items() if part.poll() is not None]:
            raise EmbeddedError(f"the {gone[0]} of the demo has ended; {log} says why")
        time.sleep(LOOK_S)
    return code


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Everything the parts need, secrets included, kept for the next run."""
    kept = folder / "secrets.json"
    if kept.exists():
        made: dict[str, str] = json.loads(kept.read_text())
    else:
        made = {name: _key() for name in ("DIDI_SECRET_KEYS", "DIDI_INDEX_KEY", "DIDI_RECEIPT_KEY")} | {
            "WECHAT_TOKEN": "demo_" + secrets.token_hex(8),
            "WECHAT_AES_KEY": secrets.token_hex(22)[:43],
            "WECHAT_APP_ID": "wx" + secrets.token_hex(8),
            "WECHAT_APP_SECRET": secrets.token_hex(16),
            "WECHAT_ORIGINAL_ID": "gh_" + secrets.token_hex(6),
            "MINIPROGRAM_APP_ID": "wx" + secrets.token_hex(8),
            "MINIPROGRAM_APP_SECRET": secrets.token_hex(16),
            "DEMO_ADMIN_PASSWORD": secrets.token_urlsafe(18),
        }
        handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(made, file)
    return made | {
        # The simulator seals both accounts' pushes with one token and key.
        "MINIPROGRAM_PUSH_TOKEN": made["WECHAT_TOKEN"],
        "MINIPROGRAM_PUSH_AES_KEY": made["WECHAT_AES_KEY"],
        "MINIPROGRAM_TEMPLATES": json.dumps(TEMPLATES),
        "DIDI_ENV": "development",
        "DIDI_PORT": str(port + 1),
        "DIDI_METRICS_PORT": str(port + 3),
        "DIDI_CONSOLE_ORIGIN": f"http://localhost:{port + 1}",
        "DIDI_LOG_LEVEL": os.environ.get("DIDI_LOG_LEVEL", "WARNING"),
        "WECHAT_API_BASE": f"http://127.0.0.1:{port + 2}",
    }


def _key() -> str:
    return base64.b64encode(DEMO_MARK + secrets.token_bytes(32 - len(DEMO_MARK))).decode()


async def _prepare(settings: Settings, folder: Path) -> dict[str, str]:
    """A database that is up to date and has its first administrator; how to sign in as that one."""
    runtime = open_runtime(settings)
    kept = folder / "administrator.json"
    try:
        await migrate(runtime.database)
        if not kept.exists():
            secret = json.loads((folder / "secrets.json").read_text())["DEMO_ADMIN_PASSWORD"]
            async with transaction(runtime) as db:
                made = await create_first_administrator(
                    db, runtime, username=ADMINISTRATOR, password=secret, name="演示管理员"
                )
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump({"DEMO_ADMIN": ADMINISTRATOR, "DEMO_ADMIN_TOTP": made.totp_address}, file)
        return dict(json.loads(kept.read_text()))
    finally:
        await runtime.close()


@contextmanager
def _processes(
    environment: dict[str, str], port: int, once: bool, say: Say, *, log: Path
) -> Iterator[tuple[Process, dict[str, Process]]]:
    """The city, and what it lives on: service, worker and simulator. All stopped at the end, the city first."""
    env = {**os.environ, **environment}
    python = sys.executable
    commands = {
        "simulated WeChat": [python, "-m", "simulator", *_simulator_arguments(env, port)],
        "service": [python, "-m", "app.cli", "serve"],
        "worker": [python, "-m", "app.cli", "worker"],
    }
    started: list[Process] = []
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as kept:
            for name, command in commands.items():
                say(f"Starting the {name} …")
                started.append(subprocess.Popen(command, env=env, stdout=kept, stderr=kept))
        _await(f"http://127.0.0.1:{port + 2}/__wechat__/users", started, log)
        _await(f"http://127.0.0.1:{port + 1}/healthz", started, log)
        parts = dict(zip(commands, started, strict=True))
        with log.open("ab") as kept:  # nothing waits for it: the chat works without a menu
            push = [python, "-m", "app.cli", "wechat", "menu", "push"]
            started.append(subprocess.Popen(push, env=env, stdout=kept, stderr=kept))
        city = [python, "-m", "demo", "--port", str(port), *(["--once"] if once else [])]
        started.append(subprocess.Popen(city, env=env))
        yield started[-1], parts
    finally:
        for process in reversed(started):
            _stop(process)


def _simulator_arguments(env: Mapping[str, str], port: int) -> list[str]:
    """Both accounts, and where each one's pushes go; the mini-program's door takes XML alone."""
    service = f"http://127.0.0.1:{port + 1}"
    return [
        "--port", str(port + 2), "--callback", f"{service}/wechat/callback", "--mp-callback", f"{service}/wechat/miniprogram",
        "--mp-form", "xml", "--token", env["WECHAT_TOKEN"], "--aes-key", env["WECHAT_AES_KEY"],
        "--app-id", env["WECHAT_APP_ID"], "--app-secret", env["WECHAT_APP_SECRET"], "--mp-app-id", env["MINIPROGRAM_APP_ID"],
        "--mp-app-secret", env["MINIPROGRAM_APP_SECRET"], "--original-id", env["WECHAT_ORIGINAL_ID"],
        "--name", "滴滴警务（模拟）", "--sketch-map", f"http://127.0.0.1:{port}/sketch-map.json", "--centre", "32.0655,118.8200",
    ]  # fmt: skip


def _await(url: str, started: list[Process], log: Path) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if any(p.poll() is not None for p in started):
            raise OSError(f"a part of the demo ended while starting; {log} says why")
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise OSError(f"{url} does not answer after {READY_S:.0f} s; {log} may say why")


def _stop(process: Process) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
