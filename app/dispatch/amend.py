"""The reporter adds words to an open case; officer and desk are told that there is more to read."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseEnded
from app.cases.queries import decrypt, encrypt
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


async def add_words(db: Db, runtime: Runtime, case_id: UUID, *, reporter_id: UUID, words: str) -> None:
    """Add a line to the words of one's own open case, in the edge's transaction.

    Beyond 2,000 characters the oldest go: the newest are what somebody on the way needs.

    Raises:
        CaseEnded: it is no longer open, or not this person's.
    """
    row = (await db.execute(_READ, {"case_id": case_id, "reporter_id": reporter_id})).one_or_none()
    if row is None:
        raise CaseEnded(case_id=str(case_id))
    before = decrypt(runtime, case_id, "words", row.words)
    joined = (f"{before}\n{words}" if before else words)[-WORDS_MAX:]
    await db.execute(_WRITE, {"case_id": case_id, "words": encrypt(runtime, case_id, "words", joined)})
    await record(
        db, AmendEvent.AMENDED, case_id=case_id, station_id=row.station_id, actor_id=reporter_id, epoch=row.epoch,
        data={"officer_id": str(row.officer_id) if row.officer_id else None, "reporter_id": str(reporter_id)},
    )  # fmt: skip
