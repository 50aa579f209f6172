"""A report becomes a case: the row and its first events, in the caller's transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.cases.states import CaseEvent, CaseState, Cause
from app.events.record import record
from app.kit.database import Db, MovesDb
from app.kit.geo import Point, rounded
from app.kit.ids import case_number


@dataclass(frozen=True, slots=True)
class NewCase:
    """What is known when a case is opened. `words` and `place` are encrypted fields of row `id`."""

    id: UUID
    reporter_id: UUID
    category: str
    station_id: UUID
    words: bytes | None
    place: bytes | None
    at: Point | None  # for the rough square only; the exact point stands encrypted in `place`
    window_s: int
    silence_s: tuple[int, int, int]
    stall_s: int
    ack_s: int
    born_with_desk: Cause | None = None  # None: broadcast
    alarms_desk: bool = False  # broadcast, and the desk's bell rings from second 0 on
    urgent: bool = False
    text_only: bool = False
    media: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("officer",)
    skill: str | None = None
    idempotency_key: str | None = None
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that exists. `fresh` is False when the same key had opened it before."""

    case_id: UUID
    number: str
    state: CaseState
    cause: Cause | None
    station_id: UUID
    reported_at: datetime
    deadline: datetime
    fresh: bool


_INSERT = text("""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    INSERT INTO cases (id, number, state, reporter_id, idempotency_key, category, urgent, text_only, words, place,
        rough_lat, rough_lng, media, meet_code, kinds, skill, station_id, reported_at, deadline, next_ring_at, silence_s,
        stall_s, ack_s, handed_over_at, handover_cause, ack_by, ringing_id, facts)
    SELECT CAST(:id AS uuid), :number, CAST(:state AS text), CAST(:reporter_id AS uuid), CAST(:idempotency_key AS text),
        :category, :urgent, :text_only, CAST(:words AS bytea), CAST(:place AS bytea), CAST(:lat AS float8),
        CAST(:lng AS float8), CAST(:media AS text[]), :meet_code, CAST(:kinds AS text[]), CAST(:skill AS text),
        CAST(:station_id AS uuid), t.now, t.now + make_interval(secs => :window_s),
        CASE WHEN CAST(:state AS text) = 'open' THEN t.now END, CAST(:silence_s AS smallint[]), :stall_s, CAST(:ack_s AS smallint),
        CASE WHEN CAST(:state AS text) <> 'open' THEN t.now END, CAST(:cause AS text),
        CASE WHEN :rings THEN t.now + make_interval(secs => CAST(:ack_s AS smallint)) END,
        CASE WHEN :rings THEN CAST(:station_id AS uuid) END, CAST(:facts AS jsonb)
      FROM t
    ON CONFLICT DO NOTHING
    RETURNING id, number, state, handover_cause, station_id, reported_at, deadline
""").bindparams(bindparam("facts", type_=JSONB))
_BY_KEY = text("""
    SELECT id, number, state, handover_cause, station_id, reported_at, deadline FROM cases
     WHERE reporter_id = :reporter_id AND idempotency_key = :idempotency_key
""")


async def open_case(db: Db, new: NewCase) -> Opened:
    """Write a case, its report event and, when it is born with the desk, its handover event.

    A repeat of the same idempotency key by the same reporter returns the first case; a concurrent one waits
    for the first to commit. The deadline is the database's clock plus `window_s`.
    """
    # A number is drawn at random: drawing one that exists is rare, five in a row is not luck.
    for _ in range(5):
        row = (await db.execute(_INSERT, _values(new))).one_or_none()
        if row is not None:
            break
        if new.idempotency_key and (row := await _first(db, new)):
            return _opened(row, fresh=False)
    else:
        raise RuntimeError("no free case number in five draws")
    opened = _opened(row, fresh=True)
    facts: dict[str, Any] = {
        "reporter_id": str(new.reporter_id),
        "to": str(opened.state),
        "category": new.category,
        "urgent": new.urgent,
    }
    if new.alarms_desk:
        facts["ringing_id"] = str(opened.station_id)
    where: dict[str, Any] = {"case_id": opened.case_id, "station_id": opened.station_id, "epoch": 0}
    await record(db, CaseEvent.REPORTED, actor_id=new.reporter_id, data=facts, **where)
    if opened.cause:
        data = {**facts, "cause": str(opened.cause), "ringing_id": str(opened.station_id), "born": True}
        await record(db, CaseEvent.HANDED_OVER, data=data, **where)
    return opened


def _values(new: NewCase) -> dict[str, object]:
    rough = rounded(new.at, 300) if new.at else None
    return {
        "id": new.id, "number": case_number(), "state": "handed_over" if new.born_with_desk else "open",
        "reporter_id": new.reporter_id, "idempotency_key": new.idempotency_key, "category": new.category,
        "urgent": new.urgent, "text_only": new.text_only, "words": new.words, "place": new.place,
        "lat": rough.lat if rough else None, "lng": rough.lng if rough else None, "media": list(new.media),
        "meet_code": f"{secrets.randbelow(10_000):04d}", "kinds": list(new.kinds), "skill": new.skill,
        "station_id": new.station_id, "window_s": new.window_s, "silence_s": list(new.silence_s), "stall_s": new.stall_s,
        "ack_s": new.ack_s, "cause": new.born_with_desk, "facts": new.facts,
        "rings": new.alarms_desk or new.born_with_desk is not None,
    }  # fmt: skip


async def _first(db: Db, new: NewCase) -> Any:
    keys = {"reporter_id": new.reporter_id, "idempotency_key": new.idempotency_key}
    return (await db.execute(_BY_KEY, keys)).one_or_none()


def _opened(row: Any, *, fresh: bool) -> Opened:  # a Row of the statements above
    cause = Cause(row.handover_cause) if row.handover_cause else None
    state = CaseState(row.state)
    return Opened(row.id, row.number, state, cause, row.station_id, row.reported_at, row.deadline, fresh)


_SIGN = text("""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    UPDATE cases SET sign_at = t.now, act_step = 0,
           act_by = t.now + make_interval(secs => CASE WHEN state = 'en_route' THEN stall_s ELSE silence_s[1] END)
      FROM t
     WHERE id = :case_id AND epoch = :epoch AND officer_id = :officer_id
       AND (state IN ('claimed', 'assigned') OR (state = 'en_route' AND :progress))
    RETURNING id
""")


async def note_sign(db: MovesDb, case_id: UUID, epoch: int, officer_id: UUID, *, progress: bool) -> bool:
    """The holder gave a sign: the clock of the promise starts again. On the way only progress counts.

    False when nothing was noted: another holder or epoch by now, or a state in which this sign says nothing.
    """
    values = {"case_id": case_id, "epoch": epoch, "officer_id": officer_id, "progress": progress}
    return bool((await db.execute(_SIGN, values)).all())
