"""Moves of a case: one conditional UPDATE with its event and its outbox row, in one statement.

Two movers meet on the row lock. The second re-reads the WHERE after the first commits, and finds
nothing; then `why_not` says what happened. `t` is read once, so that guard and timestamp agree
and the log proves its own times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from app.cases.errors import (
    CaseAlreadyTaken,
    CaseEnded,
    CaseHandedOver,
    CaseNotFound,
    CaseReopened,
    NotTheHolder,
    OfficerHasACase,
    StaleEpoch,
    TooManyForwards,
    WrongState,
)
from app.cases.states import ACTIVE, ENDED, CaseState, Move
from app.events.record import FIRST_LEASE_S, Event
from app.kit.database import Db, MovesDb

_TYPES = {
    "actor_id": "uuid", "officer_id": "uuid", "to_station_id": "uuid", "into_id": "uuid", "ringing_id": "uuid",
    "disposition": "text", "note": "bytea", "step": "int", "ack_s": "smallint",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """A case after a move; `event` is already committed and waits to be followed.

    `event` is None when the move had been made before by the same actor (a repeat is a success).
    """

    case_id: UUID
    number: str
    state: CaseState
    epoch: int
    station_id: UUID
    reporter_id: UUID
    officer_id: UUID | None
    previous_officer_id: UUID | None
    reported_at: datetime
    deadline: datetime
    at: datetime
    event: Event | None


async def move(
    db: Db | MovesDb,
    what: Move,
    case_id: UUID,
    *,
    actor_id: UUID | None,
    epoch: int | None = None,
    only_if: str = "TRUE",
    data: dict[str, Any] | None = None,
    **values: Any,
) -> Moved | None:
    """Make one move, or return None when its condition does not hold (any more).

    `epoch` None leaves the fencing token unchecked: for the system and for the reporter, whose acts
    do not depend on who holds the case. `only_if` is a further SQL condition over `c` and `t.now`,
    its parameters in `values`; `data` joins the event.

    Raises:
        OfficerHasACase: the officer holds another active case (the partial unique index says so).
    """
    statement = _one(what, only_if, epoch is not None)
    given = {"case_id": case_id, "actor_id": actor_id, "data": data or {}, **values}
    if epoch is not None:
        given["epoch"] = epoch
    try:
        row = (await db.execute(statement, given)).one_or_none()
    except IntegrityError as error:
        if "uq_cases_officer_active" in str(error.orig):
            raise OfficerHasACase() from None
        raise
    return _moved(row) if row else None


async def move_due(db: MovesDb, what: Move, *, limit: int = 200) -> list[Moved]:
    """Make one move on every case whose guard holds now, oldest first, up to `limit`.

    Rows that another process is moving are skipped, so any number of workers share the work.
    """
    rows = (await db.execute(_due(what), {"limit": limit, "actor_id": None, "data": {}})).all()
    return [_moved(row) for row in rows]


_ORDER = {
    "hand_over": "deadline",
    "nudge": "act_by",
    "alarm": "act_by",
    "stall": "act_by",
    "take_back": "act_by",
    "take_back_to_desk": "act_by",
}


def _sql(what: Move, condition: str, lock: str = "") -> TextClause:
    """The whole statement of a move; `lock` is a CTE that picks the rows when there are many."""
    target = f"'{what.target}'" if what.target else "c.state"
    sets = [f"state = {target}", "previous_state = c.state"]
    if what.new_holder:
        sets.append("epoch = c.epoch + 1")
    if what.sets:
        sets.append(what.sets)
    sources = ", ".join(f"'{source}'" for source in sorted(what.sources))
    # As the row stood when the statement began: the desk whose bell stops is told so.
    rang = (
        "'rang_id', (SELECT o.ringing_id FROM cases o WHERE o.id = won.id),"
        if "ringing_id =" in what.sets
        else ""
    )
    sql = f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), {lock}
    won AS (
        UPDATE cases c SET {", ".join(sets)}
          FROM t{", due" if lock else ""}
         WHERE {condition} AND c.state IN ({sources}) AND ({what.guard})
        RETURNING c.id, c.number, c.state, c.previous_state, c.epoch, c.station_id, c.reporter_id, c.officer_id,
                  c.previous_officer_id, c.reported_at, c.deadline, c.handover_cause, c.urgent, c.ringing_id, t.now AS at
    ), e AS (
        INSERT INTO events (kind, case_id, station_id, actor_id, epoch, at, data)
        SELECT '{what.event}', won.id, won.station_id, CAST(:actor_id AS uuid), won.epoch, won.at,
               jsonb_strip_nulls(jsonb_build_object(
                   'move', '{what.name}', 'from', won.previous_state, 'to', won.state, 'officer_id', won.officer_id,
                   'previous_officer_id', won.previous_officer_id, 'reporter_id', won.reporter_id,
                   'cause', won.handover_cause, 'urgent', won.urgent, {rang} 'ringing_id', won.ringing_id
               )) || CAST(:data AS jsonb)
          FROM won
        RETURNING id, kind, case_id, data
    ), o AS (
        INSERT INTO outbox (event_id, lease_until, attempts)
        SELECT e.id, clock_timestamp() + interval '{FIRST_LEASE_S} seconds', 1 FROM e
    )
    SELECT won.*, e.id AS event_id, e.kind, e.data, CAST(:actor_id AS uuid) AS actor_id
      FROM won JOIN e ON e.case_id = won.id
    """
    for name, kind in _TYPES.items():
        sql = re.sub(rf"(?<![\w:(]):{name}\b(?! AS)|(?<=\():{name}\b(?! AS)", f"CAST(:{name} AS {kind})", sql)
    return text(sql).bindparams(bindparam("data", type_=JSONB))


@lru_cache(maxsize=256)
def _one(what: Move, only_if: str, fenced: bool) -> TextClause:
    fence = "c.epoch = CAST(:epoch AS int)" if fenced else "TRUE"
    return _sql(what, f"c.id = CAST(:case_id AS uuid) AND {fence} AND ({only_if})")


@lru_cache(maxsize=32)
def _due(what: Move) -> TextClause:
    sources = ", ".join(f"'{source}'" for source in sorted(what.sources))
    guard = what.guard.replace(
        "t.now", "(SELECT now FROM t)"
    )  # a value, not a join: bounds the walk of the index
    lock = f"""due AS (
        SELECT c.id FROM cases c WHERE c.state IN ({sources}) AND ({guard})
         ORDER BY c.{_ORDER[what.name]} LIMIT :limit FOR UPDATE OF c SKIP LOCKED
    ),"""
    return _sql(what, "c.id = due.id", lock)


def _moved(row: Any) -> Moved:  # a Row of the statement above
    event = Event(row.event_id, row.kind, row.at, row.id, row.station_id, row.actor_id, row.epoch, row.data)
    return Moved(
        row.id, row.number, CaseState(row.state), row.epoch, row.station_id, row.reporter_id, row.officer_id,
        row.previous_officer_id, row.reported_at, row.deadline, row.at, event,
    )  # fmt: skip


_READ = text("""
    SELECT id, number, state, epoch, station_id, reporter_id, officer_id, previous_officer_id, desk_person_id,
           reported_at, deadline, claimed_at, forwards, clock_timestamp() AS at
      FROM cases WHERE id = :case_id
""")


async def why_not(
    db: Db | MovesDb, what: Move, case_id: UUID, *, actor_id: UUID, epoch: int | None = None
) -> Moved:
    """Say why a move found nothing: return the case when the actor had made it before, else raise.

    Raises:
        CaseNotFound, CaseAlreadyTaken, CaseHandedOver, CaseEnded, CaseReopened, StaleEpoch, NotTheHolder,
        TooManyForwards, WrongState: what stands in the way; the facts say who, when and which epoch.
    """
    row = (await db.execute(_READ, {"case_id": case_id})).one_or_none()
    if row is None:
        raise CaseNotFound(case_id=str(case_id))
    state = CaseState(row.state)
    if _made_before(what, row, state, actor_id, epoch):
        return Moved(
            row.id, row.number, state, row.epoch, row.station_id, row.reporter_id, row.officer_id,
            row.previous_officer_id, row.reported_at, row.deadline, row.at, None,
        )  # fmt: skip
    raise _reason(what, row, state, actor_id, epoch)


def _made_before(what: Move, row: Any, state: CaseState, actor_id: UUID, epoch: int | None) -> bool:
    """A repeat of one's own move: same target, same holder, and the epoch that this very move gave."""
    if what.target is not state or (what.target is None):
        return False
    if epoch is not None and row.epoch != epoch + (1 if what.new_holder else 0):
        return False
    mine = {row.officer_id, row.previous_officer_id, row.desk_person_id, row.reporter_id}
    holder = {row.officer_id} if what.name == "claim" else mine
    return actor_id in holder


def _reason(what: Move, row: Any, state: CaseState, actor_id: UUID, epoch: int | None) -> Exception:
    facts: dict[str, Any] = {"case_id": str(row.id), "state": str(state), "epoch": row.epoch}
    if state in ENDED:
        return CaseEnded(**facts)
    if what.name == "claim":
        return _why_no_claim(row, state, epoch, facts)
    if what.name == "forward" and state is CaseState.HANDED_OVER and row.forwards >= 2:
        return TooManyForwards(**facts)
    if epoch is not None and row.epoch != epoch:
        return StaleEpoch(given=epoch, **facts)
    if state in ACTIVE and row.officer_id != actor_id:
        return NotTheHolder(**facts)
    if state is CaseState.HANDED_OVER and row.desk_person_id not in (None, actor_id):
        return NotTheHolder(desk_person_id=str(row.desk_person_id), **facts)
    return WrongState(**facts)


def _why_no_claim(row: Any, state: CaseState, epoch: int | None, facts: dict[str, Any]) -> Exception:
    if state in ACTIVE:
        since = row.claimed_at or row.at
        after_s = round((since - row.reported_at).total_seconds(), 1)
        return CaseAlreadyTaken(officer_id=str(row.officer_id), after_s=after_s, **facts)
    if state is CaseState.HANDED_OVER or epoch == row.epoch:
        return CaseHandedOver(**facts)  # open at this epoch and refused: only the deadline can say so
    return CaseReopened(given=epoch, **facts)
