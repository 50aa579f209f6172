"""The bytes of a medium, unsealed piece by piece for whoever may have them at this moment."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.kit.runtime import Runtime
from app.kit.secrets import CannotDecrypt
from app.media.errors import MediaNotFound, MediaUnreadable
from app.media.queries import Medium
from app.media.sealed import CHUNK, HEADER, Opener, Tampered, chunks_of
from app.media.states import MediaState, Variant
from app.media.store import Store, store_of

log = structlog.get_logger()

TABLE = "media"
AS_IT_CAME = "application/octet-stream"
"""What an original is served as: nobody's browser opens what a stranger made."""


def seal_key(runtime: Runtime, medium_id: UUID, key: bytes) -> bytes:
    """A medium's key as the encrypted field of its row."""
    return runtime.keys.encrypt(
        base64.b64encode(key).decode(), table=TABLE, row=str(medium_id), column="data_key"
    )


def path_of(stored_as: str, variant: Variant) -> str:
    """Where a variant lies in the store."""
    return f"{stored_as}/{variant}"


@dataclass(frozen=True, slots=True)
class Content:
    """A variant that is open for reading: what it is, how long, and its bytes."""

    content_type: str
    size: int
    _opener: Opener
    _store: Store
    _path: str

    async def part(self, first: int, last: int) -> AsyncIterator[bytes]:
        """The bytes from `first` to `last`, both counted, at most 64 KiB at a time.

        Raises:
            MediaUnreadable: the store is silent, or a piece is not what was sealed there: nothing of it is given out.
        """
        for number in range(first // CHUNK, min(last // CHUNK + 1, chunks_of(self.size))):
            chunk = await _chunk(self._opener, self._store, self._path, number)
            begin = number * CHUNK
            yield chunk[max(0, first - begin) : last + 1 - begin]


async def open_content(runtime: Runtime, medium: Medium, variant: Variant) -> Content:
    """Open one variant; its permission is the caller's to have asked.

    Raises:
        MediaNotFound: not there yet, lost, erased, or refused and so without a served copy.
        MediaUnreadable: the store is silent, or these are not the bytes that were put there.
    """
    served = variant is Variant.SERVED
    size = medium.served_bytes if served else medium.original_bytes
    kept = (MediaState.READY,) if served else (MediaState.READY, MediaState.REFUSED)
    if medium.state not in kept or size is None or not medium.stored_as or medium.data_key is None:
        raise MediaNotFound(medium_id=str(medium.id))
    store, path = store_of(runtime, medium.store), path_of(medium.stored_as, variant)
    try:
        key = base64.b64decode(
            runtime.keys.decrypt(medium.data_key, table=TABLE, row=str(medium.id), column="data_key")
        )
        opener = Opener.of(await store.read(path, 0, HEADER), key, path, size)
    except (CannotDecrypt, Tampered) as error:
        raise _tampered(path, error) from None
    await _chunk(opener, store, path, chunks_of(size) - 1)  # cut short, it is refused before a byte is sent
    return Content((medium.served_type or AS_IT_CAME) if served else AS_IT_CAME, size, opener, store, path)


async def _chunk(opener: Opener, store: Store, path: str, number: int) -> bytes:
    start, length = opener.where(number)
    try:
        return opener.open(number, await store.read(path, start, length))
    except Tampered as error:
        raise _tampered(path, error) from None


def _tampered(path: str, error: Exception) -> MediaUnreadable:
    log.error("medium_tampered", path=path, what=str(error))
    return MediaUnreadable("the file is not what was put there")
