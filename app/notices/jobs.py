"""Sending what waits: leased, checked, paid for, sent, recorded.

One delivery goes through three short transactions with the call between the second and the third:

1. lease: SKIP LOCKED, the oldest of each person only (what waits for its time stands in nobody's way), the
   attempt counted; a job that dies here is leased again when its lease is over, at most 8 times;
2. ready: is it still true, may a message be spent on it; then `sending_at` is committed;
3. record, only if nobody has leased it since.

A process that dies between 2 and 3 leaves `sending_at` standing. WeChat has no dedupe key for customer-service
messages, so it may or may not have arrived: priority 1 is sent once more, anything else is left UNCERTAIN. A
channel that drops repeats is simply asked again, with the same key.

What a channel cannot carry is passed on: the delivery ends and the next channel's is queued in the same
transaction, so that one is under way at a time. After the last channel it waits for the person to ask.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices import purse
from app.notices.policy import POLICIES, short_words
from app.notices.ready import dropping_repeats
from app.notices.recording import (
    HURRIED,
    MAX_ATTEMPTS,
    MINE,
    MOST_URGENT,
    PATIENCE_S,
    Leased,
    end,
    given_up,
    record,
)
from app.notices.rules import TRUTHS, WITNESSES, Delivery
from app.notices.sender import Letter, Outcome, Sender, Verdict
from app.notices.tables import Channel, DeliveryState
from app.notices.walls import reserve
from app.notices.words import words_of

log = structlog.get_logger()

BATCH = 20
LEASE_S = 30.0
SEND_S = 20.0
"""The lease outlives the longest send by far more than the two transactions around it need."""

_LEASE = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now),
    due AS (
        SELECT d.id, d.sending_at FROM deliveries d, t
         WHERE d.state = 'queued' AND d.due_at <= t.now
           AND NOT EXISTS (SELECT FROM deliveries b WHERE b.person_id = d.person_id AND b.channel = d.channel
                              AND b.state = 'queued' AND b.id < d.id AND NOT (b.attempts = 0 AND b.due_at > t.now))
           AND (d.kind = ANY (CAST(:hurried AS text[]))
                OR d.channel <> ALL (ARRAY(SELECT s.channel FROM channel_stops s, t WHERE s.until > t.now
                                              AND s.until <= t.now + make_interval(secs => {PATIENCE_S}))))
         ORDER BY d.due_at, d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE deliveries d SET
           attempts = d.attempts + 1,
           due_at = t.now + make_interval(secs => {LEASE_S}),
           sending_at = NULL,
           state = CASE WHEN due.sending_at IS NOT NULL AND d.channel <> ALL (CAST(:repeatable AS text[]))
                         AND (d.priority > {MOST_URGENT} OR d.reading IS NOT DISTINCT FROM 'uncertain') THEN 'uncertain'
                        WHEN d.attempts >= {MAX_ATTEMPTS} THEN 'dead' ELSE 'queued' END,
           done_at = CASE WHEN due.sending_at IS NOT NULL AND d.channel <> ALL (CAST(:repeatable AS text[]))
                           AND (d.priority > {MOST_URGENT} OR d.reading IS NOT DISTINCT FROM 'uncertain')
                            OR d.attempts >= {MAX_ATTEMPTS} THEN t.now END,
           reading = CASE WHEN due.sending_at IS NOT NULL AND d.channel <> ALL (CAST(:repeatable AS text[]))
                          THEN 'uncertain' ELSE d.reading END
      FROM due, t WHERE d.id = due.id
    RETURNING d.id, d.kind, d.person_id, d.channel, d.priority, d.case_id, d.epoch, d.facts, d.state, d.attempts,
              (SELECT p.language FROM people p WHERE p.id = d.person_id) AS language,
              (SELECT e.at FROM events e WHERE e.id = d.event_id) AS at,
              (SELECT s.reading FROM channel_stops s WHERE s.channel = d.channel AND s.until > t.now) AS stopped
""")
_SENDING = text(f"UPDATE deliveries SET sending_at = clock_timestamp() WHERE {MINE} RETURNING id")


async def deliver(runtime: Runtime, sender: Sender, *, limit: int = BATCH) -> int:
    """Send up to `limit` notices that are due, each to another person; returns how many were leased.

    Any number of jobs may run at once. What no channel can carry is told in the person's next answer; nothing is
    sent that is no longer true.
    """
    values = {"limit": limit, "repeatable": list(dropping_repeats(runtime)), "hurried": HURRIED}
    async with runtime.database.moves() as db:
        rows = (await db.execute(_LEASE, values)).all()
    leased = [_leased(row) for row in rows]
    results = await asyncio.gather(
        *(
            _deliver(runtime, sender, one)
            if row.state == DeliveryState.QUEUED
            else given_up(runtime, one, row.state)
            for one, row in zip(leased, rows, strict=True)
        ),
        return_exceptions=True,
    )
    for one, result in zip(leased, results, strict=True):
        if isinstance(result, BaseException):  # the lease ends by itself, and then it is tried again
            if not isinstance(result, Exception):
                raise result
            log.warning("delivery_failed", delivery_id=one.delivery.id, error=type(result).__name__)
    return len(rows)


def _leased(row: Any) -> Leased:  # a Row of _LEASE
    delivery = Delivery(
        row.id, row.kind, row.person_id, Channel(row.channel), row.priority, row.case_id, row.epoch, row.facts
    )
    return Leased(delivery, row.attempts, row.language or "zh", row.at, row.stopped)


async def _deliver(runtime: Runtime, sender: Sender, one: Leased) -> None:
    letter = await _ready(runtime, one)
    if letter is None:
        return
    if isinstance(letter, Outcome):
        outcome = letter
    else:
        try:
            async with asyncio.timeout(SEND_S):
                outcome = await sender.send(letter)
        except Exception as error:
            log.warning("sender_failed", delivery_id=one.delivery.id, error=type(error).__name__)
            outcome = Outcome(Verdict.UNCERTAIN)
        await record(runtime, one, outcome)
    if witness := WITNESSES.get(one.delivery.kind):
        await witness(runtime, one.delivery, outcome)


async def _ready(runtime: Runtime, one: Leased) -> Letter | Outcome | None:
    """What to send, paid for and `sending_at` committed.

    An Outcome when this channel cannot carry it; None when it is no longer true, or no longer ours.
    """
    d = one.delivery
    async with runtime.database.transaction() as db:
        still_true = TRUTHS.get(d.kind)
        if still_true and not await still_true(db, runtime, d):
            await end(db, runtime, one, DeliveryState.DROPPED, Outcome(Verdict.REFUSED, reading="stale"))
            return None
        if d.channel is Channel.SOCKET:
            return await _not_by(db, runtime, one, DeliveryState.REFUSED, Verdict.REFUSED, "not_shown")
        if one.stopped:
            return await _not_by(db, runtime, one, DeliveryState.DROPPED, Verdict.STOP, one.stopped)
        try:
            letter = _letter(one)
        except (KeyError, ValueError, IndexError) as error:
            log.error("notice_without_words", kind=d.kind, missing=str(error))
            return await _not_by(db, runtime, one, DeliveryState.DEAD, Verdict.DEAD, "no_words")
        if reason := await purse.take(db, runtime, d):
            return await _not_by(db, runtime, one, DeliveryState.DROPPED, Verdict.NO_WINDOW, reason)
        if (await db.execute(_SENDING, one.key)).one_or_none() is None:
            await purse.return_it(db, runtime, d)  # the lease was over before we came here
            return None
        # Last, so that its row is held for no longer than the commit takes.
        if not await reserve(db, runtime, d.channel, d.priority):
            await purse.return_it(db, runtime, d)
            return await _not_by(db, runtime, one, DeliveryState.DROPPED, Verdict.NO_WINDOW, "daily_wall")
    return letter


async def _not_by(
    db: Db, runtime: Runtime, one: Leased, state: DeliveryState, verdict: Verdict, reading: str
) -> Outcome:
    """This channel cannot carry it; nothing was sent."""
    outcome = Outcome(verdict, reading=reading)
    await end(db, runtime, one, state, outcome)
    return outcome


def _letter(one: Leased) -> Letter:
    d, quiet = one.delivery, bool(one.delivery.facts.get("quiet"))
    words = words_of(d.kind, one.language, d.facts)
    return Letter(
        key=f"didi-{d.id}", person_id=d.person_id, channel=d.channel, kind=d.kind, words=words,
        short=short_words(d.kind, one.language, quiet=quiet) if d.kind in POLICIES else "",
        number=None if quiet else d.facts.get("number"), language=one.language, at=one.at,
    )  # fmt: skip


_RESEND = text("""
    UPDATE deliveries SET state = 'queued', attempts = 0, due_at = clock_timestamp(), sending_at = NULL, done_at = NULL,
           reading = NULL, code = NULL, seen_at = NULL
     WHERE id = :id AND state IN ('dead', 'uncertain') AND NOT passed_on RETURNING person_id
""")


async def resend(runtime: Runtime, delivery_id: int) -> UUID | None:
    """Queue a dead or uncertain delivery again; returns whose it is.

    None when it is neither, or when a later channel has the notice: the person would hear it twice.
    """
    async with runtime.database.moves() as db:
        person_id: UUID | None = (await db.execute(_RESEND, {"id": delivery_id})).scalar_one_or_none()
    return person_id
