"""Sending what waits: leased, checked, paid for, sent, recorded.

One delivery goes through three short transactions with the call between the second and the third:

1. lease: SKIP LOCKED, the oldest of each person only, the attempt counted; a job that dies here is
   leased again when its lease is over, at most 8 times;
2. ready: is it still true, may a message be spent on it; then `sending_at` is committed;
3. record, only if nobody has leased it since.

A process that dies between 2 and 3 leaves `sending_at` standing. WeChat has no dedupe key for these
messages, so it may or may not have arrived: priority 1 is sent once more, anything else is left UNCERTAIN.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.kit.metrics import DELIVERIES
from app.kit.runtime import Runtime
from app.notices.budget import close_windows, give_back, spend
from app.notices.rules import TRUTHS, WITNESSES, Delivery, kept_for_higher
from app.notices.sender import Outcome, Sender, Verdict
from app.notices.tables import Channel, DeliveryState
from app.notices.words import words_of

log = structlog.get_logger()

BATCH = 20
MAX_ATTEMPTS = 8
LEASE_S = 30.0
SEND_S = 20.0
"""The lease outlives the longest send by far more than the two transactions around it need."""
MOST_URGENT = 1

_LEASE = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now),
    due AS (
        SELECT d.id, d.sending_at FROM deliveries d, t
         WHERE d.state = 'queued' AND d.due_at <= t.now
           AND NOT EXISTS (SELECT FROM deliveries b WHERE b.person_id = d.person_id AND b.channel = d.channel
                              AND b.state = 'queued' AND b.id < d.id)
           AND d.channel <> ALL (ARRAY(SELECT s.channel FROM channel_stops s, t WHERE s.until > t.now))
         ORDER BY d.due_at, d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE deliveries d SET
           attempts = d.attempts + 1,
           due_at = t.now + make_interval(secs => {LEASE_S}),
           sending_at = NULL,
           state = CASE WHEN due.sending_at IS NOT NULL
                         AND (d.priority > {MOST_URGENT} OR d.reading IS NOT DISTINCT FROM 'uncertain') THEN 'uncertain'
                        WHEN d.attempts >= {MAX_ATTEMPTS} THEN 'dead' ELSE 'queued' END,
           done_at = CASE WHEN due.sending_at IS NOT NULL
                           AND (d.priority > {MOST_URGENT} OR d.reading IS NOT DISTINCT FROM 'uncertain')
                            OR d.attempts >= {MAX_ATTEMPTS} THEN t.now END,
           reading = CASE WHEN due.sending_at IS NOT NULL THEN 'uncertain' ELSE d.reading END
      FROM due, t WHERE d.id = due.id
    RETURNING d.id, d.kind, d.person_id, d.channel, d.priority, d.case_id, d.epoch, d.facts, d.state, d.attempts,
              (SELECT p.language FROM people p WHERE p.id = d.person_id) AS language
""")
_MINE = "id = :id AND state = 'queued' AND attempts = :attempts"
_SENDING = text(f"UPDATE deliveries SET sending_at = clock_timestamp() WHERE {_MINE} RETURNING id")
_END = text(f"""
    UPDATE deliveries SET state = :state, done_at = clock_timestamp(), sending_at = NULL,
           code = CAST(:code AS int), reading = coalesce(CAST(:reading AS text), reading) WHERE {_MINE} RETURNING id
""")
# A doubt stays on the row: after a second one there is no third try, whatever failed in between.
_READ_AS = "CASE WHEN reading = 'uncertain' THEN reading ELSE CAST(:reading AS text) END"
_AGAIN = text(f"""
    UPDATE deliveries SET sending_at = NULL, due_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS float8)),
           code = CAST(:code AS int), reading = {_READ_AS}
     WHERE {_MINE} RETURNING id
""")
# Full jitter: anything up to the ceiling, so that a thousand refused at once do not come back at once.
_BACK_OFF = text(f"""
    UPDATE deliveries SET sending_at = NULL, code = CAST(:code AS int), reading = {_READ_AS},
           due_at = clock_timestamp() + make_interval(secs => random() * least(60, 0.5 * 2 ^ attempts)),
           state = CASE WHEN attempts >= {MAX_ATTEMPTS} THEN 'dead' ELSE state END,
           done_at = CASE WHEN attempts >= {MAX_ATTEMPTS} THEN clock_timestamp() END
     WHERE {_MINE} RETURNING state
""")
_FIRST_DOUBT = text("SELECT reading IS DISTINCT FROM 'uncertain' FROM deliveries WHERE id = :id")
_STOP = text("""
    INSERT INTO channel_stops (channel, until, reading)
    VALUES (:channel, clock_timestamp() + make_interval(secs => CAST(:stop_s AS float8)), :reading)
    ON CONFLICT (channel) DO UPDATE SET until = greatest(channel_stops.until, excluded.until), reading = excluded.reading
""")

_ENDS = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.NO_WINDOW: DeliveryState.DROPPED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.DEAD: DeliveryState.DEAD,
}


@dataclass(frozen=True, slots=True)
class _Leased:
    """A delivery this job has to itself until the lease is over; `attempts` is the proof of it."""

    delivery: Delivery
    attempts: int
    language: str

    @property
    def key(self) -> dict[str, Any]:
        return {"id": self.delivery.id, "attempts": self.attempts}


async def deliver(runtime: Runtime, sender: Sender, *, limit: int = BATCH) -> int:
    """Send up to `limit` notices that are due, each to another person; returns how many were leased.

    Any number of jobs may run at once. A message that cannot be spent is dropped and told in the person's
    next answer; nothing is sent that is no longer true.
    """
    async with runtime.database.moves() as db:
        rows = (await db.execute(_LEASE, {"limit": limit})).all()
    leased = []
    for row in rows:
        if row.state != DeliveryState.QUEUED:
            _count(row.kind, row.state)
            log.warning("delivery_ended_unsent", delivery_id=row.id, kind=row.kind, state=row.state)
            continue
        delivery = Delivery(
            row.id,
            row.kind,
            row.person_id,
            Channel(row.channel),
            row.priority,
            row.case_id,
            row.epoch,
            row.facts,
        )
        leased.append(_Leased(delivery, row.attempts, row.language or "zh"))
    results = await asyncio.gather(
        *(_deliver(runtime, sender, one) for one in leased), return_exceptions=True
    )
    for one, result in zip(leased, results, strict=True):
        if isinstance(result, BaseException):  # the lease ends by itself, and then it is tried again
            if not isinstance(result, Exception):
                raise result
            log.warning("delivery_failed", delivery_id=one.delivery.id, error=type(result).__name__)
    return len(rows)


async def _deliver(runtime: Runtime, sender: Sender, one: _Leased) -> None:
    words = await _ready(runtime, one)
    if words is None:
        return
    try:
        async with asyncio.timeout(SEND_S):
            outcome = await sender.send(one.delivery.person_id, words)
    except Exception as error:
        log.warning("sender_failed", delivery_id=one.delivery.id, error=type(error).__name__)
        outcome = Outcome(Verdict.UNCERTAIN)
    await _record(runtime, one, outcome)
    if witness := WITNESSES.get(one.delivery.kind):
        await witness(runtime, one.delivery, outcome)


async def _ready(runtime: Runtime, one: _Leased) -> str | None:
    """The words to send, with their message paid for and `sending_at` committed; None when it ended here."""
    d = one.delivery
    async with runtime.database.transaction() as db:
        still_true = TRUTHS.get(d.kind)
        if still_true and not await still_true(db, runtime, d):
            await _end(db, one, DeliveryState.DROPPED, Outcome(Verdict.REFUSED, reading="stale"))
            return None
        try:
            words = words_of(d.kind, one.language, d.facts)
        except (KeyError, ValueError, IndexError) as error:
            log.error("notice_without_words", kind=d.kind, missing=str(error))
            await _end(db, one, DeliveryState.DEAD, Outcome(Verdict.DEAD, reading="no_words"))
            return None
        keep = await kept_for_higher(db, d.person_id, d.priority)
        if not await spend(db, d.person_id, d.channel, keep=keep):
            await _end(db, one, DeliveryState.DROPPED, Outcome(Verdict.NO_WINDOW, reading="no_budget"))
            return None
        if (await db.execute(_SENDING, one.key)).one_or_none() is None:
            await give_back(db, d.person_id, d.channel)  # the lease was over before we came here
            return None
    return words


async def _record(runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    """Write down what became of it, and what that means for the person's windows and for the channel."""
    d, verdict = one.delivery, outcome.verdict
    async with runtime.database.transaction() as db:
        if verdict in (Verdict.RETRY, Verdict.SOON, Verdict.STOP, Verdict.DEAD):
            await give_back(db, d.person_id, d.channel)
        if verdict in (Verdict.NO_WINDOW, Verdict.REFUSED):
            await close_windows(db, d.person_id, d.channel)
        if verdict in _ENDS:
            await _end(db, one, _ENDS[verdict], outcome)
        elif verdict is Verdict.UNCERTAIN:
            await _uncertain(db, one, outcome)
        elif verdict is Verdict.SOON:
            await _again(db, one, outcome, wait_s=1.5)
        elif verdict is Verdict.STOP:
            await _stop(db, one, outcome)
        else:
            row = (await db.execute(_BACK_OFF, one.key | _said(outcome))).one_or_none()
            if row and row.state == DeliveryState.DEAD:
                _count(d.kind, row.state)
                log.error("delivery_dead", delivery_id=d.id, kind=d.kind, reading=outcome.reading)


async def _end(db: Any, one: _Leased, state: DeliveryState, outcome: Outcome) -> None:  # Db or MovesDb
    row = (await db.execute(_END, one.key | _said(outcome) | {"state": state})).one_or_none()
    if row is None:
        log.warning("delivery_recorded_late", delivery_id=one.delivery.id, state=state)
        return
    _count(one.delivery.kind, state)
    if state is DeliveryState.DEAD:
        log.error(
            "delivery_dead", delivery_id=one.delivery.id, kind=one.delivery.kind, reading=outcome.reading
        )


async def _uncertain(db: Any, one: _Leased, outcome: Outcome) -> None:  # Db
    """It may have arrived: the most urgent go out once more, on the next round, the others are left so."""
    mark = Outcome(Verdict.UNCERTAIN, outcome.code, "uncertain")
    first = (await db.execute(_FIRST_DOUBT, {"id": one.delivery.id})).scalar_one()
    if one.delivery.priority == MOST_URGENT and first:
        await _again(db, one, mark, wait_s=1.0)
        return
    await _end(db, one, DeliveryState.UNCERTAIN, mark)


async def _again(db: Any, one: _Leased, outcome: Outcome, *, wait_s: float) -> None:  # Db
    await db.execute(_AGAIN, one.key | _said(outcome) | {"wait_s": wait_s})


async def _stop(db: Any, one: _Leased, outcome: Outcome) -> None:  # Db
    """Nobody is written to by this channel for a while. This one waits too."""
    stop_s = outcome.stop_s or 60.0
    channel = one.delivery.channel
    reading = outcome.reading or "stopped"
    await db.execute(_STOP, {"channel": channel, "stop_s": stop_s, "reading": reading})
    await _again(db, one, outcome, wait_s=stop_s)
    log.error(
        "channel_stopped", channel=channel, reading=reading, code_of_channel=outcome.code, stop_s=stop_s
    )


def _said(outcome: Outcome) -> dict[str, Any]:
    return {"code": outcome.code, "reading": outcome.reading}


def _count(kind: str, state: str) -> None:
    DELIVERIES.labels(kind, str(state)).inc()


_RESEND = text("""
    UPDATE deliveries SET state = 'queued', attempts = 0, due_at = clock_timestamp(), sending_at = NULL, done_at = NULL,
           reading = NULL, code = NULL, seen_at = NULL
     WHERE id = :id AND state IN ('dead', 'uncertain') RETURNING person_id
""")


async def resend(runtime: Runtime, delivery_id: int) -> UUID | None:
    """Queue a dead or uncertain delivery again; returns whose it is, None when it is neither."""
    async with runtime.database.moves() as db:
        person_id: UUID | None = (await db.execute(_RESEND, {"id": delivery_id})).scalar_one_or_none()
    return person_id
