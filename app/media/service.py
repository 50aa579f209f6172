"""Noting what was sent, giving it to a case, taking it away again. All in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.kit.ids import new_id
from app.media.states import MediaKind

# The same one sent again is the same medium: only a case that it lacked is filled in. What was lost or taken back stays so.
_NOTE = text("""
    INSERT INTO media AS m (id, person_id, case_id, source_id, kind)
    VALUES (:id, :person_id, CAST(:case_id AS uuid), :source_id, :kind)
    ON CONFLICT (person_id, source_id) DO UPDATE SET case_id = coalesce(m.case_id, excluded.case_id)
    RETURNING id
""")
_BIND = text("""
    UPDATE media SET case_id = :case_id
     WHERE person_id = :person_id AND source_id = ANY(CAST(:sources AS text[])) AND case_id IS NULL
       AND state <> 'erasing'
""")
# The key goes now, and with it whatever the files say; the files follow by the worker.
_ERASE = """
    UPDATE media SET state = 'erasing', data_key = NULL, due_at = clock_timestamp(), reason = NULL
     WHERE state <> 'erasing' AND
"""
_ERASE_OF_CASES = text(f"{_ERASE} case_id = ANY(CAST(:case_ids AS uuid[])) RETURNING id")
_ERASE_UNBOUND = text(f"{_ERASE} case_id IS NULL AND person_id = :person_id RETURNING id")


async def note_medium(
    db: Db, person_id: UUID, kind: MediaKind, source_id: str, *, case_id: UUID | None = None
) -> UUID:
    """Note a medium that a person sent; the worker fetches it. `source_id`: WeChat's, at most 128 characters."""
    values = {
        "id": new_id(), "person_id": person_id, "case_id": case_id, "source_id": source_id, "kind": str(kind),
    }  # fmt: skip
    return UUID(str((await db.execute(_NOTE, values)).scalar_one()))


async def bind(db: Db, case_id: UUID, person_id: UUID, sources: Collection[str]) -> None:
    """What the person sent while writing the report belongs to its case from now on."""
    if sources:
        values = {"case_id": case_id, "person_id": person_id, "sources": list(sources)}
        await db.execute(_BIND, values)


async def erase_of_cases(db: Db | MovesDb, case_ids: Collection[UUID]) -> int:
    """Take back the media of these cases: unreadable at once, their files gone soon. Returns how many."""
    if not case_ids:
        return 0
    return len((await db.execute(_ERASE_OF_CASES, {"case_ids": list(case_ids)})).all())


async def erase_unbound(db: Db | MovesDb, person_id: UUID) -> int:
    """The same for what a person sent and never reported. Returns how many."""
    return len((await db.execute(_ERASE_UNBOUND, {"person_id": person_id})).all())
