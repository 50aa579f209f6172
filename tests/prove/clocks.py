"""libfaketime from Debian's package, unpacked beside the proof; the system stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path


def wrong_clock(folder: Path, offset_s: int) -> dict[str, str]:
    """Environment of a process whose wall clock is off by `offset_s`; its monotonic clock is right.

    Raises:
        RuntimeError: the package cannot be had (no Debian, no network).
    """
    found = list(folder.rglob("libfaketime.so.1"))
    if not found:
        fetched = subprocess.run(
            ["apt-get", "download", "libfaketime"], cwd=folder, capture_output=True, check=False
        )
        packages = list(folder.glob("libfaketime_*.deb"))
        if not packages:
            raise RuntimeError(f"apt-get download libfaketime: {fetched.stderr.decode()[-200:]}")
        subprocess.run(["dpkg", "-x", str(packages[0]), str(folder)], check=True, capture_output=True)
        found = list(folder.rglob("libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": f"{offset_s:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
