"""Reading what is known of media; the bytes are `reading`'s."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.media.errors import MediaNotFound
from app.media.states import MediaKind, MediaState, Reason


@dataclass(frozen=True, slots=True)
class Medium:
    """One medium of a case, without its bytes. `seq`: 1 is the first that was sent. `data_key` is sealed."""

    id: UUID
    case_id: UUID | None
    seq: int
    kind: MediaKind
    state: MediaState
    reason: Reason | None
    received_at: datetime
    fetched_at: datetime | None
    sha256: str | None
    original_type: str | None
    original_bytes: int | None
    served_type: str | None
    served_bytes: int | None
    width: int | None
    height: int | None
    duration_ms: int | None
    stored_as: str | None
    store: str | None
    data_key: bytes | None


_COLUMNS = """m.id, m.case_id, m.kind, m.state, m.reason, m.received_at, m.fetched_at, m.sha256, m.original_type,
    m.original_bytes, m.served_type, m.served_bytes, m.width, m.height, m.duration_ms, m.stored_as, m.store, m.data_key,
    row_number() OVER (ORDER BY m.received_at, m.id) AS seq"""
_OF_CASE = text(f"""
    SELECT {_COLUMNS} FROM media m WHERE m.case_id = :case_id AND m.state <> 'erasing' ORDER BY m.received_at, m.id
""")
_OF_PERSON = text(f"""
    SELECT {_COLUMNS} FROM media m WHERE m.person_id = :person_id AND m.state <> 'erasing' ORDER BY m.received_at, m.id
""")


_LOST = text("""
    SELECT count(*) FROM media m WHERE m.case_id = ANY(CAST(:case_ids AS uuid[])) AND m.state = 'lost'
       AND NOT EXISTS (SELECT FROM media r WHERE r.case_id = m.case_id AND r.state = 'ready' AND r.received_at > m.received_at)
""")


async def media_of(db: Db | MovesDb, case_id: UUID) -> list[Medium]:
    """The media of a case, oldest first; whoever calls has asked `cases.policy` before."""
    return [_medium(row) for row in await db.execute(_OF_CASE, {"case_id": case_id})]


async def medium_of(db: Db | MovesDb, case_id: UUID, medium_id: UUID) -> Medium:
    """One medium of a case. Raises: MediaNotFound."""
    for found in await media_of(db, case_id):
        if found.id == medium_id:
            return found
    raise MediaNotFound(case_id=str(case_id))


async def lost_of(db: Db, case_ids: Collection[UUID]) -> int:
    """How many media of these cases did not arrive, of what was sent after the last that did."""
    return int((await db.execute(_LOST, {"case_ids": list(case_ids)})).scalar_one())


async def media_sent_by(db: Db, person_id: UUID) -> list[Medium]:
    """Everything a person sent, for that person."""
    return [_medium(row) for row in await db.execute(_OF_PERSON, {"person_id": person_id})]


def _medium(row: Any) -> Medium:  # a Row of the statements above
    return Medium(
        row.id, row.case_id, row.seq, MediaKind(row.kind), MediaState(row.state),
        Reason(row.reason) if row.reason else None, row.received_at, row.fetched_at,
        bytes(row.sha256).hex() if row.sha256 else None, row.original_type, row.original_bytes, row.served_type,
        row.served_bytes, row.width, row.height, row.duration_ms, row.stored_as, row.store, row.data_key,
    )  # fmt: skip
