"""Writing a receipt with its case, reading it for its reporter, forgetting what it is about."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.kit.runtime import Runtime
from app.receipts.proof import SALT_BYTES, canonical, commit, sign
from app.settings import Settings

PAGE = "/receipt"
"""Where anybody may check one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt with what proves its content; both None once the words of the case are erased."""

    receipt: str
    salt: str | None  # 64 hex digits
    content: str | None  # canonical JSON, exactly as it was committed to


_INSERT = text("""
    INSERT INTO receipts (case_id, receipt, salt, content) VALUES (:case_id, :receipt, :salt, :content)
    ON CONFLICT DO NOTHING
""")
_OF = text("SELECT receipt, salt, content FROM receipts WHERE case_id = :case_id")
_FORGET = text("UPDATE receipts SET salt = NULL, content = NULL WHERE case_id = ANY(CAST(:ids AS uuid[]))")


async def issue(
    db: Db, runtime: Runtime, case_id: UUID, *, number: str, at: datetime, content: Mapping[str, Any]
) -> None:
    """Write the receipt of a case that this transaction opens; a case that has one keeps it."""
    salt, said = secrets.token_bytes(SALT_BYTES), canonical(content)
    receipt = sign(signing_key(runtime.settings), number=number, at=at, commitment=commit(said, salt))
    values = {
        "case_id": case_id, "receipt": receipt, "salt": _seal(runtime, case_id, "salt", salt.hex()),
        "content": _seal(runtime, case_id, "content", said.decode()),
    }  # fmt: skip
    await db.execute(_INSERT, values)


async def receipt_of(db: Db | MovesDb, runtime: Runtime, case_id: UUID) -> Kept | None:
    """The receipt of a case, for its reporter alone: callers check whose it is. None: opened before receipts were."""
    row = (await db.execute(_OF, {"case_id": case_id})).one_or_none()
    if row is None:
        return None
    return Kept(
        row.receipt,
        _open(runtime, case_id, "salt", row.salt),
        _open(runtime, case_id, "content", row.content),
    )


async def forget_content(db: Db, case_ids: Collection[UUID]) -> None:
    """Take salt and content from the receipts of these cases: what was in them cannot be proved any more."""
    await db.execute(_FORGET, {"ids": list(case_ids)})


def link_of(settings: Settings, receipt: str) -> str:
    """The page that says whether this receipt is valid."""
    return f"{settings.public_origin}{PAGE}/{receipt}"


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of DIDI_RECEIPT_KEY."""
    return _key(settings.receipt_key.get_secret_value().strip().replace("-", "+").replace("_", "/"))


def public_keys(settings: Settings) -> list[bytes]:
    """Every key by which a receipt may be checked, the present one first."""
    own = signing_key(settings).public_key().public_bytes_raw()
    return [own, *(bytes.fromhex(old) for old in settings.receipt_public_keys_old.split(",") if old)]


@lru_cache(maxsize=4)
def _key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))


def _seal(runtime: Runtime, case_id: UUID, column: str, value: str) -> bytes:
    return runtime.keys.encrypt(value, table="receipts", row=str(case_id), column=column)


def _open(runtime: Runtime, case_id: UUID, column: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    return runtime.keys.decrypt(value, table="receipts", row=str(case_id), column=column)
