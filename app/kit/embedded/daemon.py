"""A server process that outlives who started it, and is found again by the lock it holds.

Every server inherits an open file that is locked (flock). The kernel keeps that lock as long as any
process of the server lives and not a moment longer, whatever a pid file says: a recycled pid cannot
pass for a server, and a server whose starter was killed before it wrote a pid is not missed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 120.0
"""A crash recovery of PostgreSQL and the loading of an append-only file are part of a start."""

STOP_TIMEOUT_S = 60.0
_POLL_S = 0.01
_LOG_KEPT_BYTES = 8 * 1024 * 1024
_LOG_LINES_SHOWN = 12

_children: list[subprocess.Popen[bytes]] = []
"""What this process started: polled, so that a dead server does not stay behind as a zombie."""


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message says what failed, its last log lines, what to do."""


@dataclass(frozen=True)
class Account:
    """The unprivileged user that the servers run as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Daemon:
    """One server below an embedded folder. Its files there are `<name>.pid`, `.json` and `.log`."""

    name: str
    folder: Path
    executable: Path
    mark: str  # an argument that only this server's command line has
    own_pid_file: Path  # the one the server writes itself
    account: Account | None

    @property
    def pid_file(self) -> Path:
        """Ours: locked by the server as long as it lives; holds its pid."""
        return self.folder / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        """What the server printed, over all its starts."""
        return self.folder / f"{self.name}.log"


@dataclass(frozen=True)
class Remembered:
    """What stays known of a server while it does not run."""

    port: int
    durable: bool


def unprivileged_account() -> Account | None:
    """Whom the servers run as: nobody else for an ordinary user, DIDI_EMBEDDED_USER or `nobody` for root.

    Raises:
        EmbeddedError: there is no such user, or it is root.
    """
    if os.geteuid() != 0:
        return None
    name = os.environ.get("DIDI_EMBEDDED_USER") or "nobody"
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise EmbeddedError(
            f"There is no user {name!r} to run PostgreSQL as (it refuses to run as root). "
            "Set DIDI_EMBEDDED_USER to an existing user without rights, or do not run as root."
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedError(f"DIDI_EMBEDDED_USER={name} is root: name a user without rights.")
    return Account(name, entry.pw_uid, entry.pw_gid)


def write_private(path: Path, text: str, *, owner: Account | None = None) -> None:
    """Replace a file whole, readable by its owner alone (0600) from its first byte on."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        if owner is not None:
            os.fchown(handle, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(handle)
    os.replace(new, path)


def remember(daemon: Daemon, what: Remembered) -> None:
    """Write down port and durability before the server starts, so that whoever finds it knows them."""
    text = json.dumps({"port": what.port, "durable": what.durable})
    write_private(daemon.folder / f"{daemon.name}.json", text)


def remembered(daemon: Daemon) -> Remembered | None:
    """What `remember` wrote last, if it did."""
    try:
        known = json.loads((daemon.folder / f"{daemon.name}.json").read_text())
        return Remembered(int(known["port"]), bool(known["durable"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def alive(daemon: Daemon) -> bool:
    """Whether any process of this server lives. Call it with the folder locked."""
    _reap()
    try:
        handle = os.open(daemon.pid_file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def running_pid(daemon: Daemon) -> int | None:
    """The pid of the server's first process, proved by its command line; None when it is not there."""
    for file in (daemon.pid_file, daemon.own_pid_file):
        pid = pid_in(file)
        if pid is not None and is_server(daemon, pid):
            return pid
    return None


def pid_in(file: Path) -> int | None:
    """The number on the first line of a pid file."""
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def is_server(daemon: Daemon, pid: int) -> bool:
    """Whether this pid runs our program on our folder, by its command line."""
    program = daemon.executable.name
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        argv = os.fsdecode(raw).split("\0")
        return Path(argv[0]).name == program and daemon.mark in argv
    # Without /proc (macOS) the arguments come joined by blanks.
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    return f"/{program} " in shown and f" {daemon.mark}" in shown


def spawn(daemon: Daemon, argv: Sequence[str]) -> None:
    """Start the server in a session of its own: Ctrl-C in our terminal does not reach it.

    Raises:
        EmbeddedError: the system refuses to execute it.
    """
    with _lock_to_inherit(daemon) as lock, _open_log(daemon) as log:
        try:
            child = subprocess.Popen(  # programs of the wheels, arguments of ours
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=daemon.folder,
                env=_environment(daemon),
                start_new_session=True,
                pass_fds=(lock,),
                **_identity(daemon.account),
            )
        except OSError as error:
            raise failure(daemon, f"cannot be executed: {error}") from error
        os.pwrite(lock, b"%d\n" % child.pid, 0)
    _children.append(child)


def run_tool(daemon: Daemon, argv: Sequence[str], *, stdin: str = "") -> None:
    """Run a program of the server (initdb) to its end, under the same lock: a killed starter's
    initdb is waited for, not run into.

    Raises:
        EmbeddedError: it cannot be executed or fails; what it said is in the server's log.
    """
    with _lock_to_inherit(daemon) as lock, _open_log(daemon) as log:
        try:
            done = subprocess.run(  # as above
                argv,
                input=stdin.encode(),
                stdout=log,
                stderr=log,
                cwd=daemon.folder,
                env=_environment(daemon),
                start_new_session=True,
                pass_fds=(lock,),
                check=False,
                **_identity(daemon.account),
            )
        except OSError as error:
            raise failure(daemon, f"cannot be set up: {error}") from error
    if done.returncode != 0:
        raise failure(daemon, f"cannot be set up: {Path(argv[0]).name} ended with {done.returncode}")


def wait_ready(daemon: Daemon, ready: Callable[[], bool]) -> bool:
    """Wait until the server says it is ready (True) or has died (False).

    Raises:
        EmbeddedError: neither within START_TIMEOUT_S.
    """
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if running_pid(daemon) is not None and ready():
            return True
        if not alive(daemon):
            return False
        time.sleep(_POLL_S)
    raise failure(daemon, f"runs, but is not ready after {START_TIMEOUT_S:.0f} s")


def terminate(daemon: Daemon, polite: signal.Signals, *, then: signal.Signals) -> None:
    """Ask the server to end; after STOP_TIMEOUT_S insist. Returns when none of its processes is left.

    Raises:
        EmbeddedError: something of it is still there.
    """
    for sign in (polite, then):
        until = time.monotonic() + STOP_TIMEOUT_S
        asked = False
        while alive(daemon):
            # A server that is only just starting has its pid a moment later.
            if not asked and (pid := running_pid(daemon)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
                asked = True
            if time.monotonic() > until:
                break
            time.sleep(_POLL_S)
        else:
            daemon.pid_file.unlink(missing_ok=True)
            return
    raise failure(daemon, "does not stop")


def failure(daemon: Daemon, what: str) -> EmbeddedError:
    """An error with the last lines of the server's log."""
    try:
        with daemon.log_file.open("rb") as file:
            file.seek(max(0, daemon.log_file.stat().st_size - 16 * 1024))
            last = file.read().decode(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    except OSError:
        last = []
    lines = "\n".join(f"  | {line}" for line in last) or "  | (nothing)"
    return EmbeddedError(
        f"The embedded {daemon.name} {what}.\nIts log, {daemon.log_file}, ends with:\n{lines}\n"
        "Mend that and start again; or set DATABASE_URL and VALKEY_URL to servers of your own; "
        f"or, to start from nothing, stop it and delete {daemon.folder}."
    )


@contextlib.contextmanager
def _lock_to_inherit(daemon: Daemon) -> Iterator[int]:
    handle = os.open(daemon.pid_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _open_log(daemon: Daemon) -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError):
        if daemon.log_file.stat().st_size > _LOG_KEPT_BYTES:
            daemon.log_file.replace(daemon.log_file.with_suffix(".log.old"))
    handle = os.open(daemon.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _environment(daemon: Daemon) -> dict[str, str]:
    # Nothing of ours: no PGDATA, no locale, no LD_PRELOAD of a test that turns our clock.
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(daemon.folder)}


def _identity(account: Account | None) -> dict[str, Any]:  # keywords of Popen, each of its own type
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
