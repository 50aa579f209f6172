"""Openings that are over, so that losers cost nothing.

The key is (case, epoch of the opening), never the case alone: a late write then names a dead opening
and harms nobody. Facts are written only after the commit that made them, and never change, so a
process may also keep them in memory. The winner's own retry is never answered from here, nor a
stranger's: a fact names the officers who were offered this opening.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseAlreadyTaken, CaseEnded, CaseHandedOver
from app.cases.states import CaseEvent
from app.events.record import Event
from app.kit.errors import Conflict
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_closed

KEPT_S = 600
_MEMORY_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Closed:
    """How an opening ended, and who had been asked."""

    how: str  # taken, handed_over, ended
    officer_id: UUID | None
    after_s: float
    asked: frozenset[UUID]


_memory: OrderedDict[tuple[UUID, int], Closed] = OrderedDict()

_READ = text("""
    SELECT array_agg(o.officer_id) AS asked, extract(epoch FROM :at - c.reported_at)::float8 AS after_s
      FROM cases c LEFT JOIN offers o ON o.case_id = c.id AND o.epoch = :epoch
     WHERE c.id = :case_id GROUP BY c.id
""")


async def lookup(runtime: Runtime, case_id: UUID, epoch: int, *, loser: UUID) -> Conflict | None:
    """Why this officer lost this opening, if that is a committed fact that is known here."""
    if (case_id, epoch) not in _memory:
        await _fetch(runtime, case_id, epoch)
    return known(case_id, epoch, loser=loser)


def known(case_id: UUID, epoch: int, *, loser: UUID) -> Conflict | None:
    """The same, from this process's memory alone."""
    fact = _memory.get((case_id, epoch))
    if fact is None or loser == fact.officer_id or loser not in fact.asked:
        return None
    if fact.how == "taken":
        return CaseAlreadyTaken(case_id=str(case_id), officer_id=str(fact.officer_id), after_s=fact.after_s)
    return (
        CaseHandedOver(case_id=str(case_id)) if fact.how == "handed_over" else CaseEnded(case_id=str(case_id))
    )


async def _fetch(runtime: Runtime, case_id: UUID, epoch: int) -> None:
    try:
        raw = await runtime.valkey.get(key_closed(case_id, epoch))
    except ValkeyDown:
        return
    if raw is None:
        return
    stored = json.loads(raw)
    officer = UUID(stored["officer_id"]) if stored["officer_id"] else None
    fact = Closed(stored["how"], officer, stored["after_s"], frozenset(UUID(a) for a in stored["asked"]))
    _keep(case_id, epoch, fact)


def _keep(case_id: UUID, epoch: int, fact: Closed) -> None:
    _memory[case_id, epoch] = fact
    while len(_memory) > _MEMORY_SIZE:
        _memory.popitem(last=False)


async def remember(runtime: Runtime, event: Event) -> None:
    """Follower of what ends an opening: keep how it ended. Runs after the commit, once or more."""
    opening = _opening(event)
    if opening is None or event.case_id is None:
        return
    how = {CaseEvent.CLAIMED: "taken", CaseEvent.HANDED_OVER: "handed_over"}.get(
        CaseEvent(event.kind), "ended"
    )
    async with runtime.database.moves() as db:
        row = (
            await db.execute(_READ, {"case_id": event.case_id, "epoch": opening, "at": event.at})
        ).one_or_none()
    if row is None:
        return
    asked = frozenset(a for a in row.asked if a)
    officer = UUID(event.data["officer_id"]) if event.data.get("officer_id") else None
    fact = Closed(how, officer, round(row.after_s, 1), asked)
    _keep(event.case_id, opening, fact)
    value = json.dumps(
        {
            "how": how,
            "officer_id": str(officer) if officer else None,
            "after_s": fact.after_s,
            "asked": [str(a) for a in asked],
        }
    )
    try:
        await runtime.valkey.set(key_closed(event.case_id, opening), value, ex=KEPT_S)
    except ValkeyDown:
        return


def _opening(event: Event) -> int | None:
    """The epoch of the opening that this event ended: the one before, if the move raised it."""
    if event.data.get("from") != "open" or event.epoch is None:
        return None
    return event.epoch - 1 if event.kind in (CaseEvent.CLAIMED, CaseEvent.HANDED_OVER) else event.epoch
