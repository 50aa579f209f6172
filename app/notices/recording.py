"""Writing down what became of a delivery: it ends, waits, stops its channel, or goes on to the next one.

Each only if nobody has leased it since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text

from app.kit.database import Db
from app.kit.metrics import DELIVERIES
from app.kit.runtime import Runtime
from app.notices import purse
from app.notices.confirm import note_sent
from app.notices.passing import NOT_CARRIED, channel_after, pass_on
from app.notices.policy import POLICIES
from app.notices.ready import dropping_repeats
from app.notices.rules import Delivery
from app.notices.sender import Outcome, Verdict
from app.notices.tables import DeliveryState

log = structlog.get_logger()

MAX_ATTEMPTS = 8
MOST_URGENT = 1
HURRIED = [kind for kind, policy in POLICIES.items() if policy.hurried]
PATIENCE_S = 600
"""A channel that is stopped for longer is not waited for: what it would carry is passed on."""

MINE = "id = :id AND state = 'queued' AND attempts = :attempts"
"""The row is still this lease's."""
_END = text(f"""
    UPDATE deliveries SET state = :state, done_at = clock_timestamp(), sending_at = NULL,
           code = CAST(:code AS int), reading = coalesce(CAST(:reading AS text), reading),
           sent_id = CAST(:sent_id AS text)
     WHERE {MINE} RETURNING id
""")
# A doubt stays on the row: after a second one there is no third try, whatever failed in between.
_READ_AS = "CASE WHEN reading = 'uncertain' THEN reading ELSE CAST(:reading AS text) END"
_AGAIN = text(f"""
    UPDATE deliveries SET sending_at = NULL, due_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS float8)),
           code = CAST(:code AS int), reading = {_READ_AS}
     WHERE {MINE} RETURNING id
""")
# Full jitter: anything up to the ceiling, so that a thousand refused at once do not come back at once.
_BACK_OFF = text(f"""
    UPDATE deliveries SET sending_at = NULL, code = CAST(:code AS int), reading = {_READ_AS},
           due_at = clock_timestamp() + make_interval(secs => random() * least(60, 0.5 * 2 ^ attempts)),
           state = CASE WHEN attempts >= {MAX_ATTEMPTS} THEN 'dead' ELSE state END,
           done_at = CASE WHEN attempts >= {MAX_ATTEMPTS} THEN clock_timestamp() END
     WHERE {MINE} RETURNING state
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
class Leased:
    """A delivery this job has to itself until the lease is over; `attempts` is the proof of it."""

    delivery: Delivery
    attempts: int
    language: str
    at: datetime
    stopped: str | None  # why its channel is stopped, for long

    @property
    def key(self) -> dict[str, Any]:
        return {"id": self.delivery.id, "attempts": self.attempts}


async def given_up(runtime: Runtime, one: Leased, state: str) -> None:
    """The lease itself ended it: 8 tries, or a second doubt. A dead one's next channel may still reach the person."""
    d = one.delivery
    _count(d, state)
    log.warning("delivery_ended_unsent", delivery_id=d.id, kind=d.kind, state=state)
    if state == DeliveryState.DEAD:
        async with runtime.database.transaction() as db:
            await pass_on(db, runtime, d.id, d.kind, d.channel, d.facts)


async def record(runtime: Runtime, one: Leased, outcome: Outcome) -> None:
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
            await end(db, runtime, one, _ENDS[verdict], outcome)
        elif d.kind in HURRIED and channel_after(runtime, d.kind, d.channel, d.facts) is not None:
            await _hurry_on(db, runtime, one, outcome)
        elif verdict is Verdict.UNCERTAIN:
            await _uncertain(db, runtime, one, outcome)
        elif verdict is Verdict.SOON:
            await _again(db, one, outcome, wait_s=outcome.stop_s or 1.5)
        elif verdict is Verdict.STOP:
            await _stop(db, runtime, one, outcome)
        else:
            await _back_off(db, runtime, one, outcome)


async def end(db: Db, runtime: Runtime, one: Leased, state: DeliveryState, outcome: Outcome) -> None:
    """End it, and queue the next channel's when this one did not carry it."""
    d = one.delivery
    said = _said(outcome) | {"state": state, "sent_id": outcome.sent_id}
    if (await db.execute(_END, one.key | said)).one_or_none() is None:
        log.warning("delivery_recorded_late", delivery_id=d.id, state=state)
        return
    if state in NOT_CARRIED and outcome.reading != "stale":
        await pass_on(db, runtime, d.id, d.kind, d.channel, d.facts)
    if outcome.sent_id:
        await note_sent(db, runtime, d.channel, outcome.sent_id)
    _count(d, state)
    if state is DeliveryState.DEAD:
        log.error("delivery_dead", delivery_id=d.id, kind=d.kind, channel=d.channel, reading=outcome.reading)


async def _hurry_on(db: Db, runtime: Runtime, one: Leased, outcome: Outcome) -> None:
    """It cannot wait for this channel: the next one has it."""
    if outcome.verdict is Verdict.STOP:
        await _stop_channel(db, one, outcome)
    await end(db, runtime, one, DeliveryState.DROPPED, outcome)


async def _back_off(db: Db, runtime: Runtime, one: Leased, outcome: Outcome) -> None:
    d = one.delivery
    row = (await db.execute(_BACK_OFF, one.key | _said(outcome))).one_or_none()
    if row and row.state == DeliveryState.DEAD:
        _count(d, row.state)
        log.error("delivery_dead", delivery_id=d.id, kind=d.kind, channel=d.channel, reading=outcome.reading)
        await pass_on(db, runtime, d.id, d.kind, d.channel, d.facts)


async def _uncertain(db: Db, runtime: Runtime, one: Leased, outcome: Outcome) -> None:
    """It may have arrived: the most urgent go out once more, on the next round, the others are left so."""
    mark = Outcome(Verdict.UNCERTAIN, outcome.code, "uncertain")
    first = (await db.execute(_FIRST_DOUBT, {"id": one.delivery.id})).scalar_one()
    if one.delivery.priority == MOST_URGENT and first:
        await _again(db, one, mark, wait_s=1.0)
        return
    await end(db, runtime, one, DeliveryState.UNCERTAIN, mark)


async def _again(db: Db, one: Leased, outcome: Outcome, *, wait_s: float) -> None:
    await db.execute(_AGAIN, one.key | _said(outcome) | {"wait_s": wait_s})


async def _stop(db: Db, runtime: Runtime, one: Leased, outcome: Outcome) -> None:
    """Nobody is written to by this channel for a while. This one waits too, or is passed on when it is long."""
    stop_s = await _stop_channel(db, one, outcome)
    if stop_s > PATIENCE_S:
        await end(db, runtime, one, DeliveryState.DROPPED, outcome)
        return
    await _again(db, one, outcome, wait_s=stop_s)


async def _stop_channel(db: Db, one: Leased, outcome: Outcome) -> float:
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
