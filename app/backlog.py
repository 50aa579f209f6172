"""What waits in the outbox and what has died: events that nobody could follow, notices that nobody could send.

A dead letter is never dropped by itself. An operator looks, mends the cause, and has it tried again; or drops it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.database import MovesDb
from app.kit.errors import Invalid
from app.kit.runtime import Runtime
from app.notices.jobs import resend

LIST_MOST = 500


class Kind(StrEnum):
    """What a dead letter is."""

    EVENT = "event"  # its followers failed 8 times
    NOTICE = "notice"  # 8 tries, or WeChat says that it is our fault


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and how much is dead."""

    oldest_s: float  # age of the oldest event that is not followed to its end; 0: none
    dead_events: int
    dead_notices: int


@dataclass(frozen=True, slots=True)
class Dead:
    """One dead letter. `letter` names it: `event-12`, `notice-7`; `why` is an error's name or WeChat's reading."""

    letter: str
    what: str  # the kind of event; of a notice with its channel
    at: datetime  # when it happened
    attempts: int
    why: str | None
    case_id: UUID | None


_BACKLOG = text("""
    SELECT (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(e.at)), 0)::float8 FROM outbox o
              JOIN events e ON e.id = o.event_id WHERE o.dead_at IS NULL) AS oldest_s,
           (SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL) AS events,
           (SELECT count(*) FROM deliveries WHERE state = 'dead') AS notices
""")
_DEAD = text("""
    SELECT 'event' AS kind, o.event_id AS id, e.kind AS what, e.at, o.attempts, o.error AS why, e.case_id
      FROM outbox o JOIN events e ON e.id = o.event_id WHERE o.dead_at IS NOT NULL
     UNION ALL
    SELECT 'notice', d.id, d.kind || ' by ' || d.channel, e.at, d.attempts, concat_ws(' ', d.reading, d.code), d.case_id
      FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.state = 'dead'
     ORDER BY at, kind, id LIMIT :limit
""")
# As young as on its first day, and due now: the worker takes it with its next look.
_RETRY_EVENT = text("""
    UPDATE outbox SET dead_at = NULL, attempts = 0, lease_until = clock_timestamp(), error = NULL
     WHERE event_id = :id AND dead_at IS NOT NULL RETURNING event_id
""")
_DROP_EVENT = text("DELETE FROM outbox WHERE event_id = :id AND dead_at IS NOT NULL RETURNING event_id")
# A dropped notice is still told in the person's next answer.
_DROP_NOTICE = text("UPDATE deliveries SET state = 'dropped' WHERE id = :id AND state = 'dead' RETURNING id")


async def read_backlog(db: MovesDb) -> Backlog:
    """One look at outbox and deliveries, for the doctor and for a scrape."""
    row = (await db.execute(_BACKLOG)).one()
    return Backlog(row.oldest_s, row.events, row.notices)


async def dead_letters(runtime: Runtime, *, limit: int = LIST_MOST) -> list[Dead]:
    """Dead events and notices, oldest first."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_DEAD, {"limit": limit})).all()
    return [Dead(f"{r.kind}-{r.id}", r.what, r.at, r.attempts, r.why or None, r.case_id) for r in rows]


async def retry_letter(runtime: Runtime, letter: str) -> bool:
    """Let the worker try a dead letter again; False when it is not among the dead (any more).

    Raises:
        Invalid: no name of a letter.
    """
    kind, number = _parts(letter)
    if kind is Kind.NOTICE:
        return await resend(runtime, number) is not None
    return await _changed(runtime, _RETRY_EVENT, number)


async def drop_letter(runtime: Runtime, letter: str) -> bool:
    """Give a dead letter up: nobody tries it again. The event itself stays in the log; False as for `retry_letter`.

    Raises:
        Invalid: no name of a letter.
    """
    kind, number = _parts(letter)
    return await _changed(runtime, _DROP_NOTICE if kind is Kind.NOTICE else _DROP_EVENT, number)


def _parts(letter: str) -> tuple[Kind, int]:
    kind, _, number = letter.partition("-")
    if kind not in set(Kind) or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Invalid(
            f"{letter[:40]} names no dead letter: give event-12 or notice-7, as `didi outbox list` shows them"
        )
    return Kind(kind), int(number)


async def _changed(runtime: Runtime, statement: Any, number: int) -> bool:
    async with runtime.database.moves() as db:
        return (await db.execute(statement, {"id": number})).one_or_none() is not None
