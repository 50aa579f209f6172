"""Valkey 9: one server, or the nodes of a cluster, each with its settings in a file of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.kit.embedded import ports
from app.kit.embedded.daemon import (
    Account,
    Daemon,
    EmbeddedError,
    Remembered,
    alive,
    failure,
    remember,
    remembered,
    spawn,
    terminate,
    wait_ready,
    write_private,
)
from app.kit.embedded.folders import make_data_folder, password

_CONNECT_TIMEOUT_S = 5.0


def valkey_daemon(folder: Path, executable: Path, account: Account | None, *, name: str = "valkey") -> Daemon:
    """A Valkey of this folder, by name."""
    return Daemon(
        name, folder, executable, str(folder / f"{name}.conf"), folder / name / "valkey.pid", account
    )


def start_valkey(
    daemon: Daemon, *, durable: bool, more: Callable[[], Mapping[str, str]] | None = None
) -> str:
    """Run it; its URL. `more` gives settings beyond ours, anew for each attempt.

    Raises:
        EmbeddedError: it does not start; or it runs without its append-only file and `durable` is asked.
    """
    if not (alive(daemon) and wait_ready(daemon, lambda: _answers(daemon))):
        password(daemon.folder, "valkey", make=True)
        _launch(daemon, durable=durable, more=more or dict)
    known = remembered(daemon)
    if known is None:
        raise failure(daemon, f"runs, but its port is not known: {daemon.name}.json is gone")
    if durable and not known.durable:
        raise EmbeddedError(
            f"The Valkey in {daemon.folder} runs without its append-only file (durable=False). "
            "Stop it before starting it for data that must last."
        )
    return f"redis://:{password(daemon.folder, 'valkey')}@127.0.0.1:{known.port}/0"


def stop_valkey(daemon: Daemon) -> None:
    """A clean SHUTDOWN, which is what SIGTERM means to it: the append-only file is written out first."""
    terminate(daemon, signal.SIGTERM, then=signal.SIGKILL)


def connect(url: str) -> Redis:
    """A client that tries once and gives up after 5 s."""
    return Redis.from_url(
        url,
        socket_timeout=_CONNECT_TIMEOUT_S,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _launch(daemon: Daemon, *, durable: bool, more: Callable[[], Mapping[str, str]]) -> None:
    make_data_folder(daemon.own_pid_file.parent, daemon.account)

    def attempt(port: int) -> bool:
        remember(daemon, Remembered(port, durable))
        settings = _settings(daemon, port, durable=durable) | dict(more())
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        write_private(Path(daemon.mark), text, owner=daemon.account)
        spawn(daemon, [str(daemon.executable), daemon.mark])
        return wait_ready(daemon, lambda: _answers(daemon))

    if not ports.with_free_port(remembered(daemon), attempt):
        raise failure(daemon, "does not start")


def _settings(daemon: Daemon, port: int, *, durable: bool) -> dict[str, str]:
    return {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "requirepass": password(daemon.folder, "valkey"),
        "daemonize": "no",
        "pidfile": _quoted(daemon.own_pid_file),
        "set-proc-title": "no",  # the command line is how we know our server
        "dir": _quoted(daemon.own_pid_file.parent),
        "save": '""',
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
    }


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _answers(daemon: Daemon) -> bool:
    known = remembered(daemon)
    if known is None:
        return False
    try:
        with connect(f"redis://:{password(daemon.folder, 'valkey')}@127.0.0.1:{known.port}/0") as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False  # not listening yet, or still loading its file
