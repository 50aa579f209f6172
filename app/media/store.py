"""Where sealed files lie: a folder of ours, or a bucket of an S3-compatible storage. Only sealed bytes come here.

Names are `<folder>/<variant>`; a folder is never written twice (`jobs`), so nothing is overwritten and a file is
whole or not there.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.kit.embedded.folders import default_folder
from app.kit.runtime import Runtime
from app.media.errors import MediaUnreadable
from app.settings import Settings

CONNECT_S = "3s"
ANSWER_S = "20s"


class Store(Protocol):
    """What a store can do. Every verb raises MediaUnreadable when it cannot; then trying again is safe."""

    name: str

    async def put(self, path: str, sealed: bytes) -> None:
        """Keep a file: once this returns, it outlives a power cut."""

    async def read(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes from `start` on; fewer when the file ends before."""

    async def delete(self, path: str) -> None:
        """Remove a file; one that is not there is removed already."""

    async def probe(self) -> None:
        """Whether files could be put here. Leaves nothing behind, no folder of whoever asks either."""


class FolderStore:
    """A folder on this machine, 0700, or one that all machines of the service mount."""

    name = "local"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, path: str, sealed: bytes) -> None:
        """Written beside, synced, then named, so that nobody ever reads half of it."""
        await self._run(self._put, path, sealed)

    async def read(self, path: str, start: int, length: int) -> bytes:
        """A part of a file."""
        found: bytes = await self._run(self._read, path, start, length)
        return found

    async def delete(self, path: str) -> None:
        """The file, and its folder once it is empty."""
        await self._run(self._delete, path)

    async def probe(self) -> None:
        """Whether the folder, or the nearest above it that is there, can be written."""
        there = next(folder for folder in (self._folder, *self._folder.parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise MediaUnreadable(f"the folder of media cannot be used: {there} is not this user's to write")

    async def _run(self, work: Callable[..., Any], *given: object) -> Any:  # one of the three below
        try:
            return await asyncio.to_thread(work, *given)
        except OSError as error:
            raise MediaUnreadable(
                f"the folder of media cannot be used: {error.strerror}", store="local"
            ) from error

    def _put(self, path: str, sealed: bytes) -> None:
        target = self._folder / path
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(target)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        for folder in (target.parent, target.parent.parent):
            _sync(folder)

    def _read(self, path: str, start: int, length: int) -> bytes:
        with (self._folder / path).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def _delete(self, path: str) -> None:
        target = self._folder / path
        target.unlink(missing_ok=True)
        with suppress(OSError):  # another file is in it, or it is gone
            target.parent.rmdir()


def _sync(folder: Path) -> None:
    """A name outlives a power cut once its folder is synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BucketStore:
    """A bucket of an S3-compatible storage."""

    name = "s3"

    def __init__(self, bucket: S3Store) -> None:
        self._bucket = bucket

    async def put(self, path: str, sealed: bytes) -> None:
        """One PUT; the storage has it whole or not at all."""
        try:
            await obstore.put_async(self._bucket, path, sealed, use_multipart=False)
        except (BaseError, OSError, ValueError) as error:
            raise _silent(error) from None

    async def read(self, path: str, start: int, length: int) -> bytes:
        """A part of a file."""
        try:
            return bytes(await obstore.get_range_async(self._bucket, path, start=start, length=length))
        except (BaseError, OSError, ValueError) as error:
            raise _silent(error) from None

    async def delete(self, path: str) -> None:
        """Remove a file."""
        try:
            await obstore.delete_async(self._bucket, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise _silent(error) from None

    async def probe(self) -> None:
        """One small file put, read and removed."""
        path = f"probe-{secrets.token_hex(8)}/original"
        await self.put(path, b"probe")
        await self.read(path, 0, 5)
        await self.delete(path)


def _silent(error: Exception) -> MediaUnreadable:
    """What the storage said may name keys and signatures: only its kind goes on."""
    return MediaUnreadable(
        f"the bucket of media does not answer as it should: {type(error).__name__}", store="s3"
    )


_known: WeakKeyDictionary[Runtime, dict[str, Store]] = WeakKeyDictionary()


def store_of(runtime: Runtime, name: str | None = None) -> Store:
    """The store of this name, opened once a process; None: where new files go.

    Files stay where they were put when the setting changes, as long as the old store can still be opened.

    Raises:
        MediaUnreadable: files lie in a bucket that the settings name no more.
    """
    name = name or runtime.settings.media_store
    stores = _known.setdefault(runtime, {})
    if name not in stores:
        stores[name] = _open(runtime.settings, name)
    return stores[name]


def forget_stores(runtime: Runtime) -> None:
    """Open them anew at next use: the settings are others."""
    _known.pop(runtime, None)


def _open(settings: Settings, name: str) -> Store:
    if name == "local":
        return FolderStore(settings.media_folder or (settings.folder or default_folder()) / "media")
    if not (settings.media_s3_endpoint and settings.media_s3_access_key and settings.media_s3_secret_key):
        raise MediaUnreadable(
            "files lie in a bucket, and MEDIA_S3_ENDPOINT or its keys are not set", store=name
        )
    return BucketStore(
        S3Store(
            settings.media_s3_bucket,
            endpoint=settings.media_s3_endpoint,
            region=settings.media_s3_region,
            access_key_id=settings.media_s3_access_key.get_secret_value(),
            secret_access_key=settings.media_s3_secret_key.get_secret_value(),
            virtual_hosted_style_request=False,
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            client_options={
                "allow_http": settings.media_s3_endpoint.startswith("http://"),
                "connect_timeout": CONNECT_S,
                "timeout": ANSWER_S,
            },
        )
    )
