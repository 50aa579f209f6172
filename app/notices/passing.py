"""What one channel did not carry goes on to the next one, in the transaction that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.policy import next_channel
from app.notices.ready import ready_channels
from app.notices.tables import Channel, DeliveryState

NOT_CARRIED = (DeliveryState.DROPPED, DeliveryState.REFUSED, DeliveryState.DEAD)
"""How a delivery ends that certainly did not arrive."""

# One under way at a time: the one that ended steps back before the next one is queued.
_STEP_BACK = text("""
    UPDATE deliveries SET passed_on = TRUE
     WHERE id = :id AND state = ANY(CAST(:states AS text[])) AND NOT passed_on RETURNING id
""")
_NEXT = text("""
    INSERT INTO deliveries (event_id, case_id, epoch, person_id, channel, kind, priority, facts)
    SELECT event_id, case_id, epoch, person_id, :after, kind, priority, facts FROM deliveries WHERE id = :id
    ON CONFLICT DO NOTHING
""")


def channel_after(runtime: Runtime, kind: str, channel: Channel, facts: Mapping[str, Any]) -> Channel | None:
    """The next channel that can carry this kind; None after the last one."""
    return next_channel(kind, channel, quiet=bool(facts.get("quiet")), ready=ready_channels(runtime, kind))


async def pass_on(
    db: Db, runtime: Runtime, delivery_id: int, kind: str, channel: Channel, facts: Mapping[str, Any]
) -> None:
    """Queue the next channel's, if there is one; of a delivery that goes on, or was passed on before, nothing."""
    after = channel_after(runtime, kind, channel, facts)
    if after is None:
        return
    ended = {"id": delivery_id, "states": [str(state) for state in NOT_CARRIED]}
    if (await db.execute(_STEP_BACK, ended)).one_or_none() is not None:
        await db.execute(_NEXT, {"id": delivery_id, "after": after})
