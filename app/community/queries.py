"""Reads: what waits for an officer or a desk, a resident's officer, and all that is held about a resident."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.community.service import Cause, unseal
from app.kit.database import Db, MovesDb
from app.kit.runtime import Runtime

MOST = 50


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits. Who asked is not told: the words are what is answered."""

    id: UUID
    number: int
    station_id: UUID
    words: str
    asked_at: datetime
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A question of the resident, all of it that is about them."""

    words: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Officer:
    """A resident's community officer."""

    officer_id: UUID
    badge: str
    station_id: UUID
    bound_at: datetime


_COLUMNS = "id, number, station_id, words, asked_at, cause"
_OF_OFFICER = text(f"""
    SELECT {_COLUMNS} FROM questions WHERE officer_id = :officer_id AND answered_at IS NULL AND handed_at IS NULL
     ORDER BY asked_at LIMIT {MOST}
""")
_OF_DESKS = text(f"""
    SELECT {_COLUMNS} FROM questions
     WHERE answered_at IS NULL AND handed_at IS NOT NULL AND (:everywhere OR station_id = ANY(CAST(:stations AS uuid[])))
     ORDER BY asked_at LIMIT {MOST}
""")
_COUNT = text("""
    SELECT count(*) FROM questions WHERE officer_id = :officer_id AND answered_at IS NULL AND handed_at IS NULL
""")
_MY_OFFICER = text("""
    SELECT r.officer_id, o.badge, r.station_id, r.bound_at FROM residents r JOIN officers o ON o.person_id = r.officer_id
     WHERE r.person_id = :person_id
""")
_OWN = text("""
    SELECT id, words, asked_at, answer, answered_at FROM questions WHERE person_id = :person_id ORDER BY asked_at
""")


async def questions_of_officer(db: Db | MovesDb, runtime: Runtime, officer_id: UUID) -> list[Question]:
    """What waits for this officer, oldest first, 50 at most."""
    return [_question(runtime, r) for r in await db.execute(_OF_OFFICER, {"officer_id": officer_id})]


async def questions_of_desks(
    db: Db | MovesDb, runtime: Runtime, *, stations: Collection[UUID], everywhere: bool = False
) -> list[Question]:
    """What waits at these desks, oldest first, 50 at most."""
    values = {"stations": list(stations), "everywhere": everywhere}
    return [_question(runtime, r) for r in await db.execute(_OF_DESKS, values)]


async def how_many_wait(db: Db | MovesDb, officer_id: UUID) -> int:
    """How many questions wait for this officer."""
    return int((await db.execute(_COUNT, {"officer_id": officer_id})).scalar_one())


async def officer_of(db: Db | MovesDb, person_id: UUID) -> Officer | None:
    """The resident's community officer, if they have one."""
    r = (await db.execute(_MY_OFFICER, {"person_id": person_id})).one_or_none()
    return Officer(r.officer_id, r.badge, r.station_id, r.bound_at) if r else None


async def questions_by(db: Db | MovesDb, runtime: Runtime, person_id: UUID) -> list[OwnQuestion]:
    """Everything a resident asked that is still kept, oldest first."""
    return [
        OwnQuestion(
            unseal(runtime, r.id, "words", r.words), r.asked_at,
            unseal(runtime, r.id, "answer", r.answer) if r.answer is not None else None, r.answered_at,
        )
        for r in await db.execute(_OWN, {"person_id": person_id})
    ]  # fmt: skip


def _question(runtime: Runtime, r: Any) -> Question:  # a Row with _COLUMNS
    words = unseal(runtime, r.id, "words", r.words)
    return Question(r.id, r.number, r.station_id, words, r.asked_at, Cause(r.cause) if r.cause else None)
