"""The reporter adds words or flags to an open case; officer and desk are told that there is more to read."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseEnded
from app.cases.queries import Flag, decrypt, encrypt
from app.cases.states import ENDED_SQL
from app.dispatch.intake import WORDS_MAX
from app.events.record import record
from app.kit.database import Db
from app.kit.runtime import Runtime


class AmendEvent(StrEnum):
    """What was added to a case."""

    AMENDED = "case_amended"


_READ = text(f"""
    SELECT words, station_id, officer_id, epoch FROM cases
     WHERE id = :case_id AND reporter_id = :reporter_id AND state NOT IN {ENDED_SQL} FOR UPDATE
""")
_WRITE = text("UPDATE cases SET words = :words WHERE id = :case_id")
_READ_FLAGS = text(f"""
    SELECT text_only, facts -> 'flags' AS flags, station_id, officer_id, epoch FROM cases
     WHERE id = :case_id AND reporter_id = :reporter_id AND state NOT IN {ENDED_SQL} FOR UPDATE
""")
_WRITE_FLAGS = text("""
    UPDATE cases SET text_only = :text_only, facts = facts || jsonb_build_object('flags', CAST(:flags AS text[]))
     WHERE id = :case_id
""")


async def add_words(db: Db, runtime: Runtime, case_id: UUID, *, reporter_id: UUID, words: str) -> int:
    """Add a line to the words of one's own open case, in the edge's transaction.

    Beyond 2,000 characters the oldest go: the newest are what somebody on the way needs. Returns how many went.

    Raises:
        CaseEnded: it is no longer open, or not this person's.
    """
    row = (await db.execute(_READ, {"case_id": case_id, "reporter_id": reporter_id})).one_or_none()
    if row is None:
        raise CaseEnded(case_id=str(case_id))
    before = decrypt(runtime, case_id, "words", row.words)
    joined = f"{before}\n{words}" if before else words
    kept = encrypt(runtime, case_id, "words", joined[-WORDS_MAX:])
    await db.execute(_WRITE, {"case_id": case_id, "words": kept})
    await _tell(db, case_id, reporter_id, row)
    return max(0, len(joined) - WORDS_MAX)


async def set_flags(db: Db, case_id: UUID, *, reporter_id: UUID, flags: Collection[Flag]) -> bool:
    """Raise these flags on one's own open case, in the edge's transaction; False when all of them stood already.

    A flag is never taken down: who was told once that nobody calls must be able to rely on it.

    Raises:
        CaseEnded: it is no longer open, or not this person's.
    """
    row = (await db.execute(_READ_FLAGS, {"case_id": case_id, "reporter_id": reporter_id})).one_or_none()
    if row is None:
        raise CaseEnded(case_id=str(case_id))
    stand = {Flag(flag) for flag in row.flags or ()} | ({Flag.TEXT_ONLY} if row.text_only else set())
    wanted = stand | set(flags)
    if wanted == stand:
        return False
    values = {
        "case_id": case_id, "text_only": Flag.TEXT_ONLY in wanted,
        "flags": sorted(str(flag) for flag in wanted - {Flag.TEXT_ONLY}),
    }  # fmt: skip
    await db.execute(_WRITE_FLAGS, values)
    await _tell(db, case_id, reporter_id, row)
    return True


async def _tell(db: Db, case_id: UUID, reporter_id: UUID, row: Any) -> None:  # a Row of _READ or _READ_FLAGS
    await record(
        db, AmendEvent.AMENDED, case_id=case_id, station_id=row.station_id, actor_id=reporter_id, epoch=row.epoch,
        data={"officer_id": str(row.officer_id) if row.officer_id else None, "reporter_id": str(reporter_id)},
    )  # fmt: skip
