"""Both stores keep, read in part and delete alike; of a silent one nothing is said to be done."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from app.media.errors import MediaUnreadable
from app.media.store import FolderStore, Store, _open
from app.settings import load_settings
from tests.conftest import SECRETS


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return FolderStore(tmp_path / "media")
    return _open(load_settings(**SECRETS, **request.getfixturevalue("bucket")), "s3")


async def test_what_is_put_is_read_whole_and_in_part_until_it_is_deleted(store: Store) -> None:
    await store.put("a-1/original", b"0123456789")
    await store.put("a-1/served", b"x" * 300_000)

    assert await store.read("a-1/original", 2, 3) == b"234"
    assert len(await store.read("a-1/served", 0, 300_000)) == 300_000
    assert await store.read("a-1/original", 8, 100) == b"89"  # it ends before

    for _ in range(2):  # twice is once
        await store.delete("a-1/original")
    with pytest.raises(MediaUnreadable):
        await store.read("a-1/original", 0, 1)
    assert await store.read("a-1/served", 0, 1) == b"x"


async def test_a_probe_leaves_nothing(store: Store, tmp_path: Path) -> None:
    await store.probe()

    assert not (tmp_path / "media").exists()


async def test_the_folder_is_for_its_owner_alone_and_holds_no_half_of_a_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "media")
    await asyncio.gather(*(store.put("a-1/original", b"x" * 10_000) for _ in range(5)))

    [file] = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "media", file.parent, file)]
    assert modes == [0o700, 0o700, 0o600]

    await store.delete("a-1/original")
    assert list((tmp_path / "media").iterdir()) == []


async def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file stands here")

    with pytest.raises(MediaUnreadable, match="folder"):
        await FolderStore(tmp_path / "media").put("a-1/original", b"x")
    with pytest.raises(MediaUnreadable, match="folder"):
        await FolderStore(tmp_path / "media").probe()


async def test_a_silent_bucket_is_said_so_without_its_keys(unused_tcp_port: int) -> None:
    settings = load_settings(
        **SECRETS, MEDIA_STORE="s3", MEDIA_S3_ENDPOINT=f"http://127.0.0.1:{unused_tcp_port}",
        MEDIA_S3_BUCKET="didi-media", MEDIA_S3_ACCESS_KEY="known-key", MEDIA_S3_SECRET_KEY="secret",
    )  # fmt: skip

    with pytest.raises(MediaUnreadable) as said:
        await _open(settings, "s3").put("a-1/original", b"x")

    assert "known-key" not in str(said.value) + str(said.value.__cause__)
