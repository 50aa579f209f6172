"""The export: every sealed entry and a signed closing line, in a file that proves itself."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from app.audit.seal import content, seal
from app.audit.verify import FIRST_HASH, FORMAT, canonical, signed_bytes
from app.kit.runtime import Runtime

_PAGE = 1000
_NEWEST = text("SELECT coalesce(max(seq), 0) FROM audit_log")
_ENTRIES = text("""
    SELECT id, seq, hash, at, actor_id, action, object_kind, object_id, purpose, facts FROM audit_log
     WHERE seq > :after AND seq <= :newest ORDER BY seq LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Exported:
    """Keep `count` and `last_hash` elsewhere: a later export must hold the same hash at that count."""

    path: Path
    count: int
    last_hash: str
    public_key: str


async def export(runtime: Runtime, path: Path) -> Exported:
    """Seal what is left, then write all sealed entries to `path` (mode 0600), signed by `DIDI_RECEIPT_KEY`.

    The file appears whole or not at all. Entries sealed while it runs are left to the next export.

    Raises:
        OSError: the folder cannot be written.
    """
    while await seal(runtime):
        pass
    key = _signing_key(runtime)
    beside = path.with_name(f".{path.name}.part")
    descriptor = await asyncio.to_thread(os.open, beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            count, last = 0, FIRST_HASH
            async for page in _pages(runtime):
                await asyncio.to_thread(file.write, b"".join(_line(row) for row in page))
                count, last = count + len(page), bytes(page[-1].hash)
            file.write(_closing_line(key, count, last))
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(os.replace, beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return Exported(path, count, last.hex(), _public(key))


def public_key(runtime: Runtime) -> str:
    """The key to publish, as 64 hex digits: by it anyone checks an export or a receipt."""
    return _public(_signing_key(runtime))


async def _pages(runtime: Runtime) -> AsyncIterator[list[Any]]:  # Rows of _ENTRIES
    """Page by page on a fresh statement each, so that no transaction is held while a file is written."""
    async with runtime.database.moves() as db:
        newest = (await db.execute(_NEWEST)).scalar_one()
        after = 0
        while page := (await db.execute(_ENTRIES, {"after": after, "newest": newest, "limit": _PAGE})).all():
            yield list(page)
            after = page[-1].seq


def _line(row: Any) -> bytes:  # a Row of _ENTRIES
    return canonical(content(row, row.seq) | {"hash": bytes(row.hash).hex()}) + b"\n"


def _closing_line(key: Ed25519PrivateKey, count: int, last: bytes) -> bytes:
    closing: dict[str, Any] = {
        "format": FORMAT, "count": count, "last_hash": last.hex(), "public_key": _public(key)
    }  # fmt: skip
    closing["signature"] = key.sign(signed_bytes(closing)).hex()
    return canonical(closing) + b"\n"


def _signing_key(runtime: Runtime) -> Ed25519PrivateKey:
    seed = runtime.settings.receipt_key.get_secret_value().strip().replace("-", "+").replace("_", "/")
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()
