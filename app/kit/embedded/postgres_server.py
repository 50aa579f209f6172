"""PostgreSQL 18: set up once, started, stopped. Every change of state happens with the folder locked."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from app.kit.embedded import ports
from app.kit.embedded.binaries import Binaries
from app.kit.embedded.daemon import (
    Account,
    Daemon,
    EmbeddedError,
    Remembered,
    alive,
    failure,
    is_server,
    pid_in,
    remember,
    remembered,
    run_tool,
    running_pid,
    spawn,
    terminate,
    wait_ready,
    write_private,
)
from app.kit.embedded.folders import make_data_folder, password

ROLE = "didi"
DATABASE = "didi"
_SOCKET_PATH_MAX = 103  # bytes of sun_path on macOS without its end mark; Linux has four more
_SOCKET_NAME_MAX = len("/.s.PGSQL.65535.lock")

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    # DETAIL and STATEMENT carry values of rows: they stay out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
"""Of the wheel's PostgreSQL; the proof on an older one, which has no such provider, gives its own."""

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def postgres_daemon(folder: Path, binaries: Binaries, account: Account | None) -> Daemon:
    """The one PostgreSQL of a folder."""
    data = folder / "postgres"
    return Daemon("postgres", folder, binaries.postgres, str(data), data / "postmaster.pid", account)


def start_postgres(
    daemon: Daemon, binaries: Binaries, *, durable: bool, locale: Sequence[str] = BUILTIN_LOCALE
) -> str:
    """Run it, setting it up first if need be; its URL. `locale` holds initdb's options for a new folder.

    Raises:
        EmbeddedError: it cannot be set up or started; or it runs without fsync and `durable` is asked.
    """
    if not (alive(daemon) and wait_ready(daemon, lambda: _says_ready(daemon))):
        _set_up(daemon, binaries, locale)
        _clear_what_is_left(daemon)
        _launch(daemon, durable=durable)
    known = remembered(daemon)
    if known is None:
        raise failure(daemon, "runs, but its port is not known: postgres.json is gone")
    if durable and not known.durable:
        raise EmbeddedError(
            f"The PostgreSQL in {daemon.folder} runs without fsync (durable=False). "
            "Stop it before starting it for data that must last."
        )
    return f"postgresql://{ROLE}:{password(daemon.folder, 'postgres')}@127.0.0.1:{known.port}/{DATABASE}"


def stop_postgres(daemon: Daemon) -> None:
    """Fast shutdown: sessions are ended, everything is on disk. Nothing to do when it does not run."""
    terminate(daemon, signal.SIGINT, then=signal.SIGQUIT)


def _launch(daemon: Daemon, *, durable: bool) -> None:
    def attempt(port: int) -> bool:
        remember(daemon, Remembered(port, durable))
        settings = _SETTINGS | (_DURABLE if durable else _QUICK)
        settings |= {"port": str(port), "unix_socket_directories": _socket_folder(daemon)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        spawn(daemon, [str(daemon.executable), "-D", daemon.mark, *options])
        return wait_ready(daemon, lambda: _says_ready(daemon))

    if not ports.with_free_port(remembered(daemon), attempt):
        raise failure(daemon, "does not start")


def _says_ready(daemon: Daemon) -> bool:
    """What pg_ctl looks at: the eighth line of postmaster.pid."""
    with contextlib.suppress(FileNotFoundError):
        lines = daemon.own_pid_file.read_text().splitlines()
        return (
            len(lines) >= 8
            and lines[7].strip() == "ready"
            and pid_in(daemon.own_pid_file) == running_pid(daemon)
        )
    return False


def _set_up(daemon: Daemon, binaries: Binaries, locale: Sequence[str]) -> None:
    data = Path(daemon.mark)
    if data.exists():
        return
    new = data.with_name("postgres.new")  # renamed when whole: what was cut off is made again
    shutil.rmtree(new, ignore_errors=True)
    make_data_folder(new, daemon.account)
    secret = daemon.folder / "initdb.password"
    write_private(secret, password(daemon.folder, "postgres", make=True), owner=daemon.account)
    try:
        run_tool(
            daemon,
            [
                str(binaries.initdb),
                f"--pgdata={new}",
                f"--username={ROLE}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
                "--data-checksums",
                "--no-sync",
                "--no-instructions",
            ],
        )
    finally:
        secret.unlink(missing_ok=True)
    run_tool(
        daemon,
        [str(binaries.postgres), "--single", "-F", "-j", "-D", str(new), "template1"],
        stdin=f"CREATE DATABASE {DATABASE};\n",
    )
    run_tool(daemon, [str(binaries.initdb), "--sync-only", f"--pgdata={new}"])
    new.rename(data)


def _clear_what_is_left(daemon: Daemon) -> None:
    """After kill -9: a pid file whose pid now belongs to somebody else would stop PostgreSQL.

    A pid that is dead is left for PostgreSQL itself, which then also looks for shared memory still in use.
    """
    pid = pid_in(daemon.own_pid_file)
    if pid is not None and is_server(daemon, pid):
        raise EmbeddedError(
            f"Somebody else runs PostgreSQL on {daemon.mark} (pid {pid}). Stop it, then start again."
        )
    if pid is not None and _exists(pid):
        daemon.own_pid_file.unlink(missing_ok=True)
    for left in (daemon.folder / "run").glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _socket_folder(daemon: Daemon) -> str:
    """Where the unix socket goes; nowhere when its path would be longer than the system takes."""
    folder = daemon.folder / "run"
    if len(os.fsencode(folder)) + _SOCKET_NAME_MAX > _SOCKET_PATH_MAX or set(str(folder)) & set(",'\""):
        return ""
    make_data_folder(folder, daemon.account)
    return str(folder)
