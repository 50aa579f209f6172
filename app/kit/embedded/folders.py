"""The embedded folder: who owns it, its lock, its secrets, and who holds a lease on it.

Only folders that we made ourselves are ever given a mode or an owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from app.kit.embedded.binaries import may_enter
from app.kit.embedded.daemon import Account, EmbeddedError, write_private

_LOCK_TIMEOUT_S = 180.0  # longer than one start may take
_POLL_S = 0.02


def default_folder() -> Path:
    """`.didi` below the current folder; for root, whose servers run as somebody else, /var/lib/didi."""
    return Path("/var/lib/didi") if os.geteuid() == 0 else Path.cwd() / ".didi"


def prepare_folder(folder: Path, account: Account | None) -> None:
    """Make the folder if it is not there, and look whether it can be used.

    Raises:
        EmbeddedError: it belongs to another user, or the servers' user cannot enter it.
    """
    mode = 0o700 if account is None else 0o711  # the servers' user passes through, and sees nothing
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        _make(missing, mode)
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise EmbeddedError(
            f"{folder} belongs to user {owner}, not to {os.geteuid()}, who runs this. "
            "Run as its owner, or set DIDI_FOLDER to another folder."
        )
    if account is not None and not may_enter(folder, account):
        raise EmbeddedError(
            f"{folder} is below a folder that the user {account.name} may not enter, and PostgreSQL "
            "does not run as root. Set DIDI_FOLDER to one that it can reach, as /var/lib/didi."
        )


def make_data_folder(path: Path, account: Account | None) -> None:
    """A folder of the servers' own, 0700, unless it is there."""
    if path.is_dir():
        return
    _make(path, 0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def password(folder: Path, name: str, *, make: bool = False) -> str:
    """The password in `<name>.password`, 0600; made when it is not there and `make` says so.

    Raises:
        EmbeddedError: it is gone.
    """
    path = folder / f"{name}.password"
    if make and not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    try:
        return path.read_text()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{path} is gone, and without it nobody can use the data beside it. "
            f"Put it back, or stop the servers and delete {folder} to start from nothing."
        ) from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time starts and stops the servers of a folder; a dead one's lock is gone with it.

    Raises:
        EmbeddedError: another holds the lock longer than a start may take.
    """
    handle = os.open(folder / "folder.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        until = time.monotonic() + _LOCK_TIMEOUT_S
        while not _try_lock(handle):
            if time.monotonic() > until:
                raise EmbeddedError(
                    f"Another process has been starting or stopping the servers in {folder} for "
                    f"{_LOCK_TIMEOUT_S:.0f} s. Look at it, end it if it hangs, and start again."
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def take_hold(folder: Path) -> tuple[int, Path]:
    """Say that this process uses the servers. The lock on the file counts, not the file: it ends with us."""
    holders = folder / "holders"
    if not holders.is_dir():
        _make(holders, 0o700)
    path = holders / f"{os.getpid()}-{secrets.token_hex(4)}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle, path


def let_go(handle: int, path: Path) -> bool:
    """End a hold. True when nobody else holds; files of the dead are cleared on the way."""
    os.close(handle)
    path.unlink(missing_ok=True)
    held = [_is_held(other) for other in path.parent.iterdir()]  # looks at all, to clear all
    return not any(held)


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not _try_lock(handle):
            return True
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    return False


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(path: Path, mode: int) -> None:
    try:
        path.mkdir(mode)
    except FileExistsError:
        return  # another process was first
    path.chmod(mode)  # mkdir's own mode is cut by the umask
