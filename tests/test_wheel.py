"""The wheel: what a machine without our source gets, built as `pip wheel` builds it and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT

PACKAGES = ("app", "wechat", "miniprogram", "console", "pagers", "simulator", "demo", "migrations")
pytestmark = pytest.mark.slow
PARTS_OF_A_BUILD = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every file of the wheel. Built from a copy: setuptools leaves `build` and an egg-info beside its source."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=PARTS_OF_A_BUILD)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PATH": os.environ["PATH"]}
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "-w", str(made)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(source)], env=offline, check=True, timeout=60
    )
    [wheel] = made.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def _in_source(package: str) -> set[str]:
    files = (path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(ROOT)) for path in files}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file_of_a_package(held: set[str], package: str) -> None:
    used_by_us_alone = {"migrations/script.py.mako"}  # alembic's pattern for a new migration

    assert _in_source(package) - held <= used_by_us_alone


def test_the_wheel_holds_nothing_else(held: set[str]) -> None:
    tops = {name.partition("/")[0] for name in held}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert [name for name in held if name.endswith((".pyc", ".env", ".md"))] == []
