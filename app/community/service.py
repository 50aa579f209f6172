"""Binding a resident to an officer; asking, answering, handing over to the desk, forgetting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.community.errors import (
    NoCommunityOfficer,
    OfficerNotThere,
    QuestionAnswered,
    QuestionNotFound,
    TooManyQuestions,
)
from app.events.edge import transaction
from app.events.record import record
from app.kit.database import AdvisoryLock, Db
from app.kit.errors import Invalid
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.sessions import Actor
from app.people.tables import Role

TABLE = "questions"
WORDS_MAX = 500
OPEN_MAX, DAY_MAX = 3, 10
"""Unanswered questions of one resident, and questions of one resident in 24 h."""
KEEP_DAYS = 30
"""An answered question is kept this long; one that nobody answered within `UNANSWERED_DAYS` goes too."""
UNANSWERED_DAYS = 180


class CommunityEvent(StrEnum):
    """What happens to a question."""

    ASKED = "question_asked"
    HANDED_OVER = "question_handed_over"
    ANSWERED = "question_answered"


class Cause(StrEnum):
    """Why a question is with the desk."""

    OFF_DUTY = "off_duty"
    SUSPENDED = "suspended"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Bound:
    """A resident and their officer. `again`: it was so already."""

    officer_id: UUID
    station_id: UUID
    again: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that exists. `cause` None: it is with the officer."""

    id: UUID
    station_id: UUID
    cause: Cause | None


_OFFICER = text("""
    SELECT o.person_id, o.station_id FROM officers o JOIN people p ON p.id = o.person_id
     WHERE o.person_id = :officer_id AND p.active AND o.person_id <> :person_id
""")
_BIND = text("""
    INSERT INTO residents AS r (person_id, officer_id, station_id) VALUES (:person_id, :officer_id, :station_id)
    ON CONFLICT (person_id) DO UPDATE SET officer_id = excluded.officer_id, station_id = excluded.station_id,
           bound_at = clock_timestamp()
     WHERE (r.officer_id, r.station_id) <> (excluded.officer_id, excluded.station_id)
    RETURNING r.person_id
""")
_UNBIND = text("DELETE FROM residents WHERE person_id = :person_id RETURNING person_id")


async def bind(db: Db, person_id: UUID, officer_id: UUID) -> Bound:
    """Make an officer a resident's community officer, in place of any other.

    Raises:
        OfficerNotThere: no officer, suspended, or the resident themselves.
    """
    officer = (await db.execute(_OFFICER, {"officer_id": officer_id, "person_id": person_id})).one_or_none()
    if officer is None:
        raise OfficerNotThere()
    values = {"person_id": person_id, "officer_id": officer_id, "station_id": officer.station_id}
    changed = (await db.execute(_BIND, values)).one_or_none() is not None
    return Bound(officer_id, officer.station_id, again=not changed)


async def unbind(db: Db, person_id: UUID) -> bool:
    """Take the officer from a resident; False when there was none. Open questions are still answered."""
    return (await db.execute(_UNBIND, {"person_id": person_id})).one_or_none() is not None


_BY_KEY = text("SELECT id, station_id, cause FROM questions WHERE person_id = :person_id AND key = :key")
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(:lock, hashtext(CAST(CAST(:officer_id AS uuid) AS text)))")
# In a statement of its own: what is counted after it is as whoever came before has left it.
_IN_TURN = text("SELECT person_id FROM residents WHERE person_id = :person_id FOR UPDATE")
_OF_RESIDENT = text("""
    SELECT r.officer_id, r.station_id, o.on_duty, o.station_id AS now_at, p.active,
           (SELECT count(*) FROM questions q WHERE q.person_id = r.person_id AND q.answered_at IS NULL) AS open,
           (SELECT count(*) FROM questions q WHERE q.person_id = r.person_id
               AND q.asked_at > clock_timestamp() - interval '24 hours') AS in_day
      FROM residents r JOIN officers o ON o.person_id = r.officer_id JOIN people p ON p.id = r.officer_id
     WHERE r.person_id = :person_id
""")
_INSERT = text("""
    INSERT INTO questions (id, person_id, key, officer_id, station_id, number, words, handed_at, cause)
    SELECT :id, :person_id, :key, :officer_id, :station_id,
           (SELECT min(n.n) FROM generate_series(1, 1 + (SELECT count(*) FROM questions q WHERE q.officer_id = :officer_id
               AND q.answered_at IS NULL AND q.handed_at IS NULL)) AS n(n)
             WHERE NOT EXISTS (SELECT FROM questions q WHERE q.officer_id = :officer_id AND q.number = n.n
                AND q.answered_at IS NULL AND q.handed_at IS NULL)),
           :words, CASE WHEN CAST(:cause AS text) IS NOT NULL THEN clock_timestamp() END, CAST(:cause AS text)
""")


async def ask(db: Db, runtime: Runtime, *, person_id: UUID, words: str, key: str) -> Asked:
    """A question to the resident's officer, in the edge's transaction; the same key again is the same question.

    Raises:
        NoCommunityOfficer: none is bound. TooManyQuestions: 3 are open, or 10 in 24 h.
        Invalid: no words, or more than 500 characters.
    """
    if not 0 < len(words) <= WORDS_MAX:
        raise Invalid(f"a question has 1 to {WORDS_MAX} characters, this has {len(words)}", field="words")
    await db.execute(_IN_TURN, {"person_id": person_id})
    if row := (await db.execute(_BY_KEY, {"person_id": person_id, "key": key})).one_or_none():
        return Asked(row.id, row.station_id, Cause(row.cause) if row.cause else None)
    of = (await db.execute(_OF_RESIDENT, {"person_id": person_id})).one_or_none()
    if of is None:
        raise NoCommunityOfficer()
    if of.open >= OPEN_MAX or of.in_day >= DAY_MAX:
        raise TooManyQuestions(retry_after_s=3600)
    cause = _cause(active=of.active, on_duty=of.on_duty, moved=of.now_at != of.station_id)
    question_id = new_id()
    # Two residents of one officer: their numbers are given one after the other.
    await db.execute(_ONE_BY_ONE, {"lock": AdvisoryLock.QUESTIONS, "officer_id": of.officer_id})
    values = {
        "id": question_id, "person_id": person_id, "key": key, "officer_id": of.officer_id, "station_id": of.station_id,
        "words": seal(runtime, question_id, "words", words), "cause": cause,
    }  # fmt: skip
    await db.execute(_INSERT, values)
    data = {"question_id": str(question_id), "officer_id": str(of.officer_id), "person_id": str(person_id)}
    kind = CommunityEvent.HANDED_OVER if cause else CommunityEvent.ASKED
    if cause:
        data["told"] = "in the answer"
    await record(db, kind, actor_id=person_id, station_id=of.station_id, data=data)
    return Asked(question_id, of.station_id, cause)


def _cause(*, active: bool, on_duty: bool, moved: bool) -> Cause | None:
    if not active:
        return Cause.SUSPENDED
    if moved:
        return Cause.MOVED
    return None if on_duty else Cause.OFF_DUTY


_HAND_OVER = text("""
    WITH gone AS (
        SELECT q.id, CASE WHEN NOT p.active THEN 'suspended' WHEN o.station_id <> q.station_id THEN 'moved'
                          ELSE 'off_duty' END AS cause
          FROM questions q JOIN officers o ON o.person_id = q.officer_id JOIN people p ON p.id = q.officer_id
         WHERE q.answered_at IS NULL AND q.handed_at IS NULL
           AND (NOT p.active OR NOT o.on_duty OR o.station_id <> q.station_id)
         ORDER BY q.asked_at LIMIT 200 FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE questions q SET handed_at = clock_timestamp(), cause = gone.cause FROM gone WHERE q.id = gone.id
    RETURNING q.id, q.person_id, q.officer_id, q.station_id
""")


async def hand_over(runtime: Runtime) -> int:
    """Give the desk what officers left open who are off duty, suspended or elsewhere; every few seconds."""
    async with transaction(runtime) as db:
        rows = (await db.execute(_HAND_OVER)).all()
        for r in rows:
            data = {"question_id": str(r.id), "officer_id": str(r.officer_id), "person_id": str(r.person_id)}
            await record(db, CommunityEvent.HANDED_OVER, station_id=r.station_id, data=data)
    return len(rows)


_LOCK = text("""
    SELECT id, person_id, officer_id, station_id, handed_at, answered_at FROM questions WHERE id = :id FOR UPDATE
""")
_ID_OF_NUMBER = text("""
    SELECT id FROM questions WHERE officer_id = :officer_id AND number = :number AND answered_at IS NULL AND handed_at IS NULL
""")
_ANSWER = text("""
    UPDATE questions SET answer = :answer, answered_by = :by, answered_at = clock_timestamp() WHERE id = :id
""")


async def answer_number(db: Db, runtime: Runtime, number: int, *, words: str, by: Actor) -> None:
    """Answer the question that the officer knows by this short number. Raises as `answer`."""
    values = {"officer_id": by.person_id, "number": number}
    found = (await db.execute(_ID_OF_NUMBER, values)).scalar_one_or_none()
    if found is None:
        raise QuestionNotFound()
    await answer(db, runtime, found, words=words, by=by)


async def answer(db: Db, runtime: Runtime, question_id: UUID, *, words: str, by: Actor) -> None:
    """Answer a question, once: the officer while it is with them, then the desk of its station.

    Raises:
        QuestionNotFound: none, or not with this officer or desk. QuestionAnswered: it has its answer.
        Invalid: no words, or more than 500 characters.
    """
    if not 0 < len(words) <= WORDS_MAX:
        raise Invalid(f"an answer has 1 to {WORDS_MAX} characters, this has {len(words)}", field="words")
    row = (await db.execute(_LOCK, {"id": question_id})).one_or_none()
    if row is None or not _may_answer(by, row.officer_id, row.station_id, handed=row.handed_at is not None):
        raise QuestionNotFound(question_id=str(question_id))
    if row.answered_at is not None:
        raise QuestionAnswered(question_id=str(question_id))
    values = {"id": question_id, "answer": seal(runtime, question_id, "answer", words), "by": by.person_id}
    await db.execute(_ANSWER, values)
    await record(
        db, CommunityEvent.ANSWERED, actor_id=by.person_id, station_id=row.station_id,
        data={"question_id": str(question_id), "person_id": str(row.person_id)},
    )  # fmt: skip
    await record_act(
        db, actor_id=by.person_id, action="question_answered", object_kind="question", object_id=question_id
    )


def _may_answer(by: Actor, officer_id: UUID, station_id: UUID, *, handed: bool) -> bool:
    if handed:
        return by.has(Role.DESK, station_id) or by.has(Role.COMMANDER, station_id)
    return by.person_id == officer_id


_READ = text("""
    UPDATE questions SET read_at = clock_timestamp()
     WHERE person_id = :person_id AND answered_at IS NOT NULL AND read_at IS NULL
    RETURNING id, number, words, answer, asked_at, answered_at
""")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the resident has not read before."""

    question: str
    answer: str


async def take_answers(db: Db, runtime: Runtime, person_id: UUID) -> list[Reply]:
    """Answers the resident has not read, oldest first; afterwards they are read."""
    rows = sorted((await db.execute(_READ, {"person_id": person_id})).all(), key=lambda r: r.answered_at)
    return [
        Reply(unseal(runtime, r.id, "words", r.words), unseal(runtime, r.id, "answer", r.answer))
        for r in rows
    ]


_FORGET = text(f"""
    DELETE FROM questions WHERE answered_at < clock_timestamp() - interval '{KEEP_DAYS} days'
        OR asked_at < clock_timestamp() - interval '{UNANSWERED_DAYS} days'
""")
_ERASE = (
    text("DELETE FROM questions WHERE person_id = :person_id"),
    text("DELETE FROM residents WHERE person_id = :person_id"),
)


async def forget(runtime: Runtime) -> None:
    """Drop what is over: answered 30 days ago, or unanswered for 180; every hour."""
    async with transaction(runtime) as db:
        await db.execute(_FORGET)


async def erase(db: Db, person_id: UUID) -> None:
    """Erase a resident's questions, with their answers, and whose resident they were."""
    for statement in _ERASE:
        await db.execute(statement, {"person_id": person_id})


def seal(runtime: Runtime, question_id: UUID, column: str, value: str) -> bytes:
    """An encrypted field of a question."""
    return runtime.keys.encrypt(value, table=TABLE, row=str(question_id), column=column)


def unseal(runtime: Runtime, question_id: UUID, column: str, value: bytes) -> str:
    """The text of an encrypted field of a question."""
    return runtime.keys.decrypt(value, table=TABLE, row=str(question_id), column=column)
