"""Changing keys while everybody reads: fields batch by batch, blind indexes in their second column.

Secret keys: put the new key first in `DIDI_SECRET_KEYS` (all keys decrypt), restart every process, `rotate`,
take the old key out. Index key: set `DIDI_INDEX_KEY=old,new`, restart every process, `rotate_index`, set
`DIDI_INDEX_KEY=new`, restart, `rotate_index` once more for what was written meanwhile. Both walks can be
broken off and begun again: what is done is only looked at. Run one, then the other, not both at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import TextClause, text

from app.kit.runtime import Runtime
from app.kit.secrets import CannotDecrypt
from app.people.identity import OPENIDS
from app.people.merging import PERSONS

log = structlog.get_logger()

BATCH = 200


@dataclass(frozen=True, slots=True)
class Field:
    """An encrypted column. `table` is both the SQL name and the name the value is bound to; `key` a uuid column."""

    table: str
    key: str
    column: str


@dataclass(frozen=True, slots=True)
class Index:
    """A field's blind index in its two columns."""

    field: Field
    purpose: str
    present: str
    next: str


VAULT = (
    Field(PERSONS, "person_id", "name"),
    Field(PERSONS, "person_id", "phone"),
    Field(PERSONS, "person_id", "unionid"),
    Field(OPENIDS, "id", "openid"),
    Field("credentials", "person_id", "totp_secret"),
)
"""The fields of this feature. Those of the features above (cases, drafts) are the caller's to add."""

INDEXES = (
    Index(Field(OPENIDS, "id", "openid"), "openid", "openid_index", "next_index"),
    Index(Field(PERSONS, "person_id", "unionid"), "unionid", "unionid_index", "unionid_next"),
    Index(Field(PERSONS, "person_id", "phone"), "phone", "phone_index", "phone_next"),
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """`unreadable` values were left as they are; their places are in the log."""

    read: int
    changed: int
    unreadable: int

    def __add__(self, other: Rotated) -> Rotated:
        return Rotated(
            self.read + other.read, self.changed + other.changed, self.unreadable + other.unreadable
        )


Progress = Callable[[Rotated], None]


async def rotate(
    runtime: Runtime,
    fields: Sequence[Field] = VAULT,
    *,
    batch: int = BATCH,
    progress: Progress = lambda _: None,
) -> Rotated:
    """Encrypt anew, under the first key, every value that another key wrote. `progress` hears the sum after each batch."""
    total = Rotated(0, 0, 0)
    for field in fields:
        after = UUID(int=0)
        while rows := await _page(runtime, field, field.column, after, batch):
            total += await _encrypt_anew(runtime, field, rows)
            after = rows[-1].key
            progress(total)
    return total


async def rotate_index(
    runtime: Runtime, *, swap: bool = True, batch: int = BATCH, progress: Progress = lambda _: None
) -> Rotated:
    """Fill the second column with the next key's index; then, with `swap`, the first column too.

    Look-ups find a row by either key in either column, so none fails between the two walks. With one key in
    `DIDI_INDEX_KEY` this is the last walk: both columns end under it.
    """
    total = Rotated(0, 0, 0)
    columns = ("next", "present") if swap else ("next",)
    for index, column in [(index, getattr(index, which)) for which in columns for index in INDEXES]:
        after = UUID(int=0)
        while rows := await _page(runtime, index.field, f"{index.field.column}, {column}", after, batch):
            total += await _index_anew(runtime, index, rows, column)
            after = rows[-1].key
            progress(total)
    return total


async def _page(runtime: Runtime, field: Field, columns: str, after: UUID, batch: int) -> list[Any]:  # Rows
    statement = text(
        f"SELECT {field.key} AS key, {columns} FROM {field.table}"
        f" WHERE {field.key} > :after AND {field.column} IS NOT NULL ORDER BY {field.key} LIMIT :batch"
    )
    async with runtime.database.moves() as db:
        return list((await db.execute(statement, {"after": after, "batch": batch})).all())


async def _encrypt_anew(runtime: Runtime, field: Field, rows: list[Any]) -> Rotated:
    # A value that somebody wrote meanwhile is not overwritten: it is under the first key already.
    swap = text(
        f"UPDATE {field.table} SET {field.column} = :new WHERE {field.key} = :key AND {field.column} = :old"
    )
    changes, unreadable = [], 0
    for row in rows:
        old = bytes(getattr(row, field.column))
        if not runtime.keys.needs_rotation(old):
            continue
        value = _read(runtime, field, row)
        if value is None:
            unreadable += 1
            continue
        new = runtime.keys.encrypt(value, table=field.table, row=str(row.key), column=field.column)
        changes.append({"key": row.key, "old": old, "new": new})
    await _write(runtime, swap, changes)
    return Rotated(len(rows), len(changes), unreadable)


async def _index_anew(runtime: Runtime, index: Index, rows: list[Any], column: str) -> Rotated:
    field = index.field
    fill = text(
        f"UPDATE {field.table} SET {column} = :new WHERE {field.key} = :key AND {field.column} = :old"
    )
    changes, unreadable = [], 0
    for row in rows:
        value = _read(runtime, field, row)
        if value is None:
            unreadable += 1
            continue
        new = runtime.index.next_of(index.purpose, value)
        if bytes(getattr(row, column) or b"") != new:
            changes.append({"key": row.key, "old": bytes(getattr(row, field.column)), "new": new})
    await _write(runtime, fill, changes)
    return Rotated(len(rows), len(changes), unreadable)


async def _write(runtime: Runtime, statement: TextClause, changes: list[dict[str, Any]]) -> None:
    if changes:
        async with runtime.database.transaction() as db:
            await db.execute(statement, changes)


def _read(runtime: Runtime, field: Field, row: Any) -> str | None:  # a Row of _page
    try:
        return runtime.keys.decrypt(
            getattr(row, field.column), table=field.table, row=str(row.key), column=field.column
        )
    except CannotDecrypt as error:
        log.error("field_unreadable", where=str(error))
        return None
