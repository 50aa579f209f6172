"""What a channel says later of what it took: it has arrived, or it has not, and then the next channel has it.

WeChat may tell before we have written down the id of what it took; such a result is kept until we have.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from app.kit.database import Db
from app.kit.metrics import DELIVERIES
from app.kit.runtime import Runtime
from app.notices.passing import pass_on
from app.notices.tables import Channel, DeliveryState

ARRIVED = "arrived"
"""The status that says that the phone has it; any other is why not."""

# The two sides of the meeting are serialised: whoever comes second finds what the first has left.
_MEET = text("SELECT pg_advisory_xact_lock(hashtextextended('sent:' || :channel || ':' || :sent_id, 0))")
_CONFIRM = text("""
    UPDATE deliveries SET confirmed_at = clock_timestamp()
     WHERE channel = :channel AND sent_id = :sent_id AND state = 'sent' RETURNING id
""")
_FAILED = text("""
    UPDATE deliveries SET state = 'refused', reading = :status, code = coalesce(CAST(:code AS int), code)
     WHERE channel = :channel AND sent_id = :sent_id AND state = 'sent' AND confirmed_at IS NULL AND seen_at IS NULL
    RETURNING id, kind, channel, facts
""")
_KNOWN = text("SELECT id FROM deliveries WHERE channel = :channel AND sent_id = :sent_id LIMIT 1")
_KEEP = text("""
    INSERT INTO early_results (channel, sent_id, status) VALUES (:channel, :sent_id, :status) ON CONFLICT DO NOTHING
""")
_TAKE = text("DELETE FROM early_results WHERE channel = :channel AND sent_id = :sent_id RETURNING status")
_FORGET = text("DELETE FROM early_results WHERE at < clock_timestamp() - interval '1 hour'")


async def confirm(
    db: Db, runtime: Runtime, channel: Channel, sent_id: str, status: str, *, code: int | None = None
) -> None:
    """A channel tells what became of `sent_id`: `arrived`, or a stable word for why not. Twice is as once."""
    named = {"channel": channel, "sent_id": sent_id}
    await db.execute(_MEET, named)
    if (await db.execute(_KNOWN, named)).one_or_none() is None:
        await db.execute(_KEEP, named | {"status": status})
        return
    await _apply(db, runtime, named, status, code)


async def note_sent(db: Db, runtime: Runtime, channel: Channel, sent_id: str) -> None:
    """We have just written down `sent_id`: apply what was told of it before."""
    named = {"channel": channel, "sent_id": sent_id}
    await db.execute(_MEET, named)
    if (status := (await db.execute(_TAKE, named)).scalar_one_or_none()) is not None:
        await _apply(db, runtime, named, status, None)


async def forget_early(runtime: Runtime) -> None:
    """Drop results of what was never ours."""
    async with runtime.database.moves() as db:
        await db.execute(_FORGET)


async def _apply(
    db: Db, runtime: Runtime, named: Mapping[str, object], status: str, code: int | None
) -> None:
    if status == ARRIVED:
        await db.execute(_CONFIRM, named)
        return
    for row in (await db.execute(_FAILED, {**named, "status": status, "code": code})).all():
        DELIVERIES.labels(row.kind, row.channel, DeliveryState.REFUSED).inc()
        await pass_on(db, runtime, row.id, row.kind, Channel(row.channel), row.facts)
