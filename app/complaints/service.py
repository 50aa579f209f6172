"""Filing a complaint about police, adding to it, answering it; forgetting what erased people wrote."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.complaints.errors import AlreadyAnswered, ComplaintFull, ComplaintNotFound
from app.events.edge import transaction
from app.kit.database import Db
from app.kit.errors import Invalid
from app.kit.ids import case_number, new_id
from app.kit.runtime import Runtime
from app.receipts.proof import SALT_BYTES, canonical, commit, sign
from app.receipts.service import signing_key

TABLE = "complaints"
WORDS_MAX = 2000
ANSWER_MAX = 1000
OPEN_DAYS = 90
"""An erased person's complaint that nobody has answered is kept this long: erasing must not be a way to silence one."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A complaint that exists."""

    id: UUID
    number: str
    receipt: str


_BY_KEY = text("SELECT id, number, receipt FROM complaints WHERE person_id = :person_id AND key = :key")
_NOW = text("SELECT clock_timestamp() AS now")
_INSERT = text("""
    INSERT INTO complaints (id, number, person_id, key, words, filed_at, receipt, salt, content)
    VALUES (:id, :number, :person_id, :key, :words, CAST(:at AS timestamptz), :receipt, :salt, :content)
""")
_LOCK = text(
    "SELECT number, words FROM complaints WHERE id = :id AND person_id = :person_id AND answered_at IS NULL FOR UPDATE"
)
_ADD = text("UPDATE complaints SET words = :words WHERE id = :id")
_ANSWER = text("""
    UPDATE complaints SET answer = :answer, answered_at = clock_timestamp(), read_at = coalesce(read_at, clock_timestamp())
     WHERE id = :id AND answered_at IS NULL RETURNING id
""")
_EXISTS = text("SELECT EXISTS (SELECT FROM complaints WHERE id = :id)")
_FORGET = text(f"""
    UPDATE complaints c SET words = NULL, answer = NULL, salt = NULL, content = NULL FROM people p
     WHERE p.id = c.person_id AND p.erased_at IS NOT NULL AND (CAST(:id AS uuid) IS NULL OR p.id = CAST(:id AS uuid))
       AND c.words IS NOT NULL
       AND (c.answered_at IS NOT NULL OR c.filed_at < clock_timestamp() - interval '{OPEN_DAYS} days')
    RETURNING c.id
""")


async def file(db: Db, runtime: Runtime, *, person_id: UUID, words: str, key: str) -> Filed:
    """File a complaint, in the edge's transaction; the same key again is the same complaint.

    Raises:
        Invalid: no words, or more than 2,000 characters.
    """
    if not 0 < len(words) <= WORDS_MAX:
        raise Invalid(f"a complaint has 1 to {WORDS_MAX} characters, this has {len(words)}", field="words")
    if row := (await db.execute(_BY_KEY, {"person_id": person_id, "key": key})).one_or_none():
        return Filed(row.id, row.number, row.receipt)
    at: datetime = (await db.execute(_NOW)).scalar_one()
    complaint_id, number = new_id(), f"D{case_number()}"
    salt, said = secrets.token_bytes(SALT_BYTES), canonical({"complaint": words})
    receipt = sign(signing_key(runtime.settings), number=number, at=at, commitment=commit(said, salt))
    values = {
        "id": complaint_id, "number": number, "person_id": person_id, "key": key, "at": at, "receipt": receipt,
        "words": seal(runtime, complaint_id, "words", words), "salt": seal(runtime, complaint_id, "salt", salt.hex()),
        "content": seal(runtime, complaint_id, "content", said.decode()),
    }  # fmt: skip
    await db.execute(_INSERT, values)
    await record_act(
        db, actor_id=person_id, action="complaint_filed", object_kind="complaint", object_id=complaint_id
    )
    return Filed(complaint_id, number, receipt)


async def add_words(db: Db, runtime: Runtime, complaint_id: UUID, *, person_id: UUID, words: str) -> str:
    """Add a line to one's own complaint, whole or not at all. Returns the complaint's number.

    Raises:
        ComplaintNotFound: answered by now, or not this person's. ComplaintFull: beyond 2,000 characters in all.
    """
    row = (await db.execute(_LOCK, {"id": complaint_id, "person_id": person_id})).one_or_none()
    if row is None:
        raise ComplaintNotFound(complaint_id=str(complaint_id))
    before = unseal(runtime, complaint_id, "words", row.words)
    joined = f"{before}\n{words}" if before else words
    if (beyond := len(joined) - WORDS_MAX) > 0:
        raise ComplaintFull(complaint_id=str(complaint_id), left=max(0, len(words) - beyond))
    await db.execute(_ADD, {"id": complaint_id, "words": seal(runtime, complaint_id, "words", joined)})
    return str(row.number)


async def answer(db: Db, runtime: Runtime, complaint_id: UUID, *, words: str, by: UUID) -> None:
    """Answer a complaint, once; its writer reads the answer in the chat when asking for progress.

    Raises:
        Invalid: no words, or more than 1,000 characters. ComplaintNotFound: there is none. AlreadyAnswered: it has
            its answer.
    """
    if not 0 < len(words) <= ANSWER_MAX:
        raise Invalid(f"an answer has 1 to {ANSWER_MAX} characters, this has {len(words)}", field="words")
    values = {"id": complaint_id, "answer": seal(runtime, complaint_id, "answer", words)}
    if (await db.execute(_ANSWER, values)).one_or_none() is None:
        if not (await db.execute(_EXISTS, {"id": complaint_id})).scalar_one():
            raise ComplaintNotFound(complaint_id=str(complaint_id))
        raise AlreadyAnswered(complaint_id=str(complaint_id))
    await record_act(
        db, actor_id=by, action="complaint_answered", object_kind="complaint", object_id=complaint_id
    )


async def forget_words(db: Db, person_id: UUID | None = None) -> int:
    """Erase what erased people wrote in complaints that are answered, or older than 90 days; returns how many."""
    return len(list((await db.execute(_FORGET, {"id": person_id})).scalars()))


async def forget(runtime: Runtime) -> int:
    """`forget_words` of everybody; every hour."""
    async with transaction(runtime) as db:
        return await forget_words(db)


def seal(runtime: Runtime, complaint_id: UUID, column: str, value: str) -> bytes:
    """An encrypted field of a complaint."""
    return runtime.keys.encrypt(value, table=TABLE, row=str(complaint_id), column=column)


def unseal(runtime: Runtime, complaint_id: UUID, column: str, value: bytes | None) -> str | None:
    """The text of an encrypted field of a complaint."""
    if value is None:
        return None
    return runtime.keys.decrypt(value, table=TABLE, row=str(complaint_id), column=column)
