"""Reading complaints: auditors, each look on record; and their writers, who see how far theirs are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.complaints.errors import ComplaintNotFound
from app.complaints.service import unseal
from app.kit.database import Db
from app.kit.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Brief:
    """A complaint in a list: nothing of its words or its writer."""

    id: UUID
    number: str
    filed_at: datetime
    read_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Complaint(Brief):
    """A complaint in full. `words` None: erased with its writer."""

    person_id: UUID
    words: str | None
    answer: str | None
    receipt: str
    salt: str | None
    content: str | None


_BRIEF = "c.id, c.number, c.filed_at, c.read_at, c.answered_at"
_WHOLE = f"{_BRIEF}, c.person_id, c.words, c.answer, c.receipt, c.salt, c.content"
_LIST = text(f"""
    SELECT {_BRIEF} FROM complaints c
     WHERE CAST(:at AS timestamptz) IS NULL OR (c.filed_at, c.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
     ORDER BY c.filed_at DESC, c.id DESC LIMIT :limit
""")
_ONE = text(f"SELECT {_WHOLE} FROM complaints c WHERE c.id = :id")
_READ = text("UPDATE complaints SET read_at = clock_timestamp() WHERE id = :id AND read_at IS NULL")
_OWN = text(
    f"SELECT {_WHOLE} FROM complaints c WHERE c.person_id = :person_id ORDER BY c.filed_at DESC LIMIT :limit"
)


async def complaints(db: Db, *, before: tuple[datetime, UUID] | None = None, limit: int = 50) -> list[Brief]:
    """Every complaint, newest first; `before` names the last one of the page before by `filed_at` and id."""
    at, last = before or (None, None)
    rows = await db.execute(_LIST, {"at": at, "id": last, "limit": limit})
    return [Brief(r.id, r.number, r.filed_at, r.read_at, r.answered_at) for r in rows]


async def read_complaint(db: Db, runtime: Runtime, complaint_id: UUID, *, by: UUID) -> Complaint:
    """One complaint in full, for an auditor: the look is recorded, and its writer learns that it was read.

    Raises:
        ComplaintNotFound: there is none.
    """
    row = (await db.execute(_ONE, {"id": complaint_id})).one_or_none()
    if row is None:
        raise ComplaintNotFound(complaint_id=str(complaint_id))
    await db.execute(_READ, {"id": complaint_id})
    await record_act(
        db, actor_id=by, action="complaint_read", object_kind="complaint", object_id=complaint_id
    )
    return _complaint(runtime, row)


async def person_of(db: Db, complaint_id: UUID) -> UUID:
    """Who wrote a complaint, for an auditor who must reach them.

    Raises:
        ComplaintNotFound: there is none.
    """
    row = (await db.execute(_ONE, {"id": complaint_id})).one_or_none()
    if row is None:
        raise ComplaintNotFound(complaint_id=str(complaint_id))
    return UUID(str(row.person_id))


async def complaints_of(db: Db, runtime: Runtime, person_id: UUID, *, limit: int = 100) -> list[Complaint]:
    """A person's own complaints, newest first, for that person."""
    rows = await db.execute(_OWN, {"person_id": person_id, "limit": limit})
    return [_complaint(runtime, row) for row in rows]


def _complaint(runtime: Runtime, r: Any) -> Complaint:  # a Row of _ONE or _OWN
    return Complaint(
        r.id, r.number, r.filed_at, r.read_at, r.answered_at, r.person_id,
        unseal(runtime, r.id, "words", r.words), unseal(runtime, r.id, "answer", r.answer), r.receipt,
        unseal(runtime, r.id, "salt", r.salt), unseal(runtime, r.id, "content", r.content),
    )  # fmt: skip
