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
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.kit.database import Db
from app.kit.metrics import DELIVERIES
from app.kit.runtime import Runtime
from app.notices import purse
from app.notices.confirm import note_sent
from app.notices.policy import POLICIES, next_channel, short_words
from app.notices.ready import dropping_repeats, ready_channels
from app.notices.rules import TRUTHS, WITNESSES, Delivery
from app.notices.sender import Letter, Outcome, Sender, Verdict
from app.notices.tables import Channel, DeliveryState
from app.notices.walls import reserve
from app.notices.words import words_of

log = structlog.get_logger()

BATCH = 20
MAX_ATTEMPTS = 8
LEASE_S = 30.0
SEND_S = 20.0
"""The lease outlives the longest send by far more than the two transactions around it need."""
MOST_URGENT = 1
HURRIED = [kind for kind, policy in POLICIES.items() if policy.hurried]
PATIENCE_S = 600
"""A channel that is stopped for longer is not waited for: what it would carry is passed on."""

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
_MINE = "id = :id AND state = 'queued' AND attempts = :attempts"
_SENDING = text(f"UPDATE deliveries SET sending_at = clock_timestamp() WHERE {_MINE} RETURNING id")
_END = text(f"""
    UPDATE deliveries SET state = :state, done_at = clock_timestamp(), sending_at = NULL,
           code = CAST(:code AS int), reading = coalesce(CAST(:reading AS text), reading), passed_on = :passed_on,
           sent_id = CAST(:sent_id AS text)
     WHERE {_MINE} RETURNING id
""")
_NEXT = text("""
    INSERT INTO deliveries (event_id, case_id, epoch, person_id, channel, kind, priority, facts)
    SELECT event_id, case_id, epoch, person_id, :channel, kind, priority, facts FROM deliveries WHERE id = :id
    ON CONFLICT DO NOTHING
""")
_DIED = text("""
    UPDATE deliveries SET passed_on = TRUE WHERE id = :id AND state = 'dead' AND NOT passed_on RETURNING id
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

_PASSED_ON = (DeliveryState.DROPPED, DeliveryState.REFUSED, DeliveryState.DEAD)
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
    at: datetime
    stopped: str | None  # why its channel is stopped, for long

    @property
    def key(self) -> dict[str, Any]:
        return {"id": self.delivery.id, "attempts": self.attempts}


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
            else _given_up(runtime, one, row.state)
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


def _leased(row: Any) -> _Leased:  # a Row of _LEASE
    delivery = Delivery(
        row.id, row.kind, row.person_id, Channel(row.channel), row.priority, row.case_id, row.epoch, row.facts
    )
    return _Leased(delivery, row.attempts, row.language or "zh", row.at, row.stopped)


async def _given_up(runtime: Runtime, one: _Leased, state: str) -> None:
    """The lease itself ended it: 8 tries, or a second doubt. A dead one's next channel may still reach the person."""
    d = one.delivery
    _count(d, state)
    log.warning("delivery_ended_unsent", delivery_id=d.id, kind=d.kind, state=state)
    if state == DeliveryState.DEAD:
        async with runtime.database.transaction() as db:
            await _pass_on_dead(db, runtime, d)


async def _deliver(runtime: Runtime, sender: Sender, one: _Leased) -> None:
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
        await _record(runtime, one, outcome)
    if witness := WITNESSES.get(one.delivery.kind):
        await witness(runtime, one.delivery, outcome)


async def _ready(runtime: Runtime, one: _Leased) -> Letter | Outcome | None:
    """What to send, paid for and `sending_at` committed.

    An Outcome when this channel cannot carry it; None when it is no longer true, or no longer ours.
    """
    d = one.delivery
    async with runtime.database.transaction() as db:
        still_true = TRUTHS.get(d.kind)
        if still_true and not await still_true(db, runtime, d):
            await _end(db, runtime, one, DeliveryState.DROPPED, Outcome(Verdict.REFUSED, reading="stale"))
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
    db: Db, runtime: Runtime, one: _Leased, state: DeliveryState, verdict: Verdict, reading: str
) -> Outcome:
    """This channel cannot carry it; nothing was sent."""
    outcome = Outcome(verdict, reading=reading)
    await _end(db, runtime, one, state, outcome)
    return outcome


def _letter(one: _Leased) -> Letter:
    d, quiet = one.delivery, bool(one.delivery.facts.get("quiet"))
    words = words_of(d.kind, one.language, d.facts)
    return Letter(
        key=f"didi-{d.id}", person_id=d.person_id, channel=d.channel, kind=d.kind, words=words,
        short=short_words(d.kind, one.language, quiet=quiet) if d.kind in POLICIES else "",
        number=None if quiet else d.facts.get("number"), language=one.language, at=one.at,
    )  # fmt: skip


async def _record(runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    """Write down what became of it, and what that means for the person's windows and for the channel."""
    d, verdict = one.delivery, outcome.verdict
    if verdict is Verdict.UNCERTAIN and d.channel in dropping_repeats(runtime):
        verdict = Verdict.RETRY
    async with runtime.database.transaction() as db:
        if (
            verdict in (Verdict.RETRY, Verdict.SOON, Verdict.STOP, Verdict.DEAD)
            or outcome.reading == "no_openid"
        ):
            await purse.return_it(db, runtime, d)
        elif verdict in (Verdict.NO_WINDOW, Verdict.REFUSED):
            await purse.empty(db, runtime, d)
        if verdict in _ENDS:
            await _end(db, runtime, one, _ENDS[verdict], outcome)
        elif d.kind in HURRIED and _after(runtime, d) is not None:
            await _hurry_on(db, runtime, one, outcome)
        elif verdict is Verdict.UNCERTAIN:
            await _uncertain(db, runtime, one, outcome)
        elif verdict is Verdict.SOON:
            await _again(db, one, outcome, wait_s=outcome.stop_s or 1.5)
        elif verdict is Verdict.STOP:
            await _stop(db, runtime, one, outcome)
        else:
            await _back_off(db, runtime, one, outcome)


async def _end(db: Db, runtime: Runtime, one: _Leased, state: DeliveryState, outcome: Outcome) -> None:
    """End it, and queue the next channel's when this one did not carry it."""
    d = one.delivery
    unheard = state in _PASSED_ON and outcome.reading != "stale"
    after = _after(runtime, d) if unheard else None
    said = _said(outcome) | {"state": state, "passed_on": after is not None, "sent_id": outcome.sent_id}
    if (await db.execute(_END, one.key | said)).one_or_none() is None:
        log.warning("delivery_recorded_late", delivery_id=d.id, state=state)
        return
    if after is not None:
        await db.execute(_NEXT, {"id": d.id, "channel": after})
    if outcome.sent_id:
        await note_sent(db, runtime, d.channel, outcome.sent_id)
    _count(d, state)
    if state is DeliveryState.DEAD:
        log.error("delivery_dead", delivery_id=d.id, kind=d.kind, channel=d.channel, reading=outcome.reading)


def _after(runtime: Runtime, d: Delivery) -> Channel | None:
    quiet = bool(d.facts.get("quiet"))
    return next_channel(d.kind, d.channel, quiet=quiet, ready=ready_channels(runtime, d.kind))


async def _pass_on_dead(db: Db, runtime: Runtime, d: Delivery) -> None:
    after = _after(runtime, d)
    if after is not None and (await db.execute(_DIED, {"id": d.id})).one_or_none() is not None:
        await db.execute(_NEXT, {"id": d.id, "channel": after})


async def _hurry_on(db: Db, runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    """It cannot wait for this channel: the next one has it."""
    if outcome.verdict is Verdict.STOP:
        await _stop_channel(db, one, outcome)
    await _end(db, runtime, one, DeliveryState.DROPPED, outcome)


async def _back_off(db: Db, runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    d = one.delivery
    row = (await db.execute(_BACK_OFF, one.key | _said(outcome))).one_or_none()
    if row and row.state == DeliveryState.DEAD:
        _count(d, row.state)
        log.error("delivery_dead", delivery_id=d.id, kind=d.kind, channel=d.channel, reading=outcome.reading)
        await _pass_on_dead(db, runtime, d)


async def _uncertain(db: Db, runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    """It may have arrived: the most urgent go out once more, on the next round, the others are left so."""
    mark = Outcome(Verdict.UNCERTAIN, outcome.code, "uncertain")
    first = (await db.execute(_FIRST_DOUBT, {"id": one.delivery.id})).scalar_one()
    if one.delivery.priority == MOST_URGENT and first:
        await _again(db, one, mark, wait_s=1.0)
        return
    await _end(db, runtime, one, DeliveryState.UNCERTAIN, mark)


async def _again(db: Db, one: _Leased, outcome: Outcome, *, wait_s: float) -> None:
    await db.execute(_AGAIN, one.key | _said(outcome) | {"wait_s": wait_s})


async def _stop(db: Db, runtime: Runtime, one: _Leased, outcome: Outcome) -> None:
    """Nobody is written to by this channel for a while. This one waits too, or is passed on when it is long."""
    stop_s = await _stop_channel(db, one, outcome)
    if stop_s > PATIENCE_S:
        await _end(db, runtime, one, DeliveryState.DROPPED, outcome)
        return
    await _again(db, one, outcome, wait_s=stop_s)


async def _stop_channel(db: Db, one: _Leased, outcome: Outcome) -> float:
    """Stop it; for how many seconds."""
    stop_s = outcome.stop_s or 60.0
    channel = one.delivery.channel
    reading = outcome.reading or "stopped"
    await db.execute(_STOP, {"channel": channel, "stop_s": stop_s, "reading": reading})
    log.error(
        "channel_stopped", channel=channel, reading=reading, code_of_channel=outcome.code, stop_s=stop_s
    )
    return stop_s


def _said(outcome: Outcome) -> dict[str, Any]:
    return {"code": outcome.code, "reading": outcome.reading}


def _count(d: Delivery, state: str) -> None:
    DELIVERIES.labels(d.kind, str(d.channel), str(state)).inc()


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
