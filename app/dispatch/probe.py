"""The test on going on duty: one message by the first way that works while the mini-program sleeps.

An officer whom nothing would reach learns it at the start of the shift, and so does the desk. What came of the test
stands in the duty list until the next one.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.dispatch.pagers import PagerOutcome
from app.dispatch.reachable import RENEW_UNDER, Reach, reach_of
from app.events.record import Event
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.notices.budget import messages_left
from app.notices.rules import Delivery, Notice
from app.notices.sender import Outcome, Verdict
from app.notices.tables import Channel

log = structlog.get_logger()

PROBE = "duty_test"
NOTHING_LEFT, UNDER_WAY = "nothing_left", "under_way"
AGAIN_AFTER_S = 1800
"""Off duty and on again within this time costs no second message, when the first one arrived."""

_PROBED = text("""
    INSERT INTO officer_reach (person_id, probed_at, probe_channel, probe_outcome)
    SELECT f.person_id, clock_timestamp(), CAST(:channel AS text), :outcome FROM officers f WHERE f.person_id = :id
    ON CONFLICT (person_id) DO UPDATE SET probed_at = excluded.probed_at, probe_channel = excluded.probe_channel,
           probe_outcome = excluded.probe_outcome
    RETURNING person_id
""")
_WHERE = text("SELECT station_id, badge, on_duty FROM officers WHERE person_id = :id")
_LATELY = text(f"""
    SELECT EXISTS (SELECT FROM officer_reach WHERE person_id = :id AND probe_outcome = 'sent'
                      AND probed_at > clock_timestamp() - interval '{AGAIN_AFTER_S} seconds')
""")


async def to_probed(db: Db, runtime: Runtime, event: Event) -> list[Notice]:
    """Rule of going on duty: the test, if there is a way to test and it was not just tested."""
    if event.actor_id is None:
        return []
    reach = (await reach_of(db, runtime, [event.actor_id])).get(event.actor_id)
    if reach is None or not reach.asleep or (await db.execute(_LATELY, {"id": event.actor_id})).scalar_one():
        return []
    await db.execute(_PROBED, {"id": event.actor_id, "channel": None, "outcome": UNDER_WAY})
    return [Notice(event.actor_id, PROBE, 1, running_out(reach.messages_left), _first(reach))]


def running_out(left: int) -> dict[str, Any]:
    """Facts of a message after which fewer than two are left: its words ask to write to the account."""
    return {"variant": "last"} if 0 < left <= RENEW_UNDER else {}


def _first(reach: Reach) -> Channel:
    way = reach.asleep[0].value
    return Channel(way) if way in [channel.value for channel in Channel] else Channel.PAGER


async def warn_of_no_way(runtime: Runtime, event: Event) -> None:
    """Follower of going on duty: with no way at all there is nothing to test, and it is said at once."""
    if event.actor_id is None:
        return
    async with runtime.database.moves() as db:
        reach = (await reach_of(db, runtime, [event.actor_id])).get(event.actor_id)
    if reach is not None and not reach.asleep:
        await _note(runtime, event.actor_id, None, NOTHING_LEFT)


async def on_duty_still(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """Truth of the test: nobody is tested off duty."""
    row = (await db.execute(_WHERE, {"id": delivery.person_id})).one_or_none()
    return row is not None and bool(row.on_duty)


async def note_probe(runtime: Runtime, delivery: Delivery, outcome: Outcome) -> None:
    """Witness of the test. A step that will be tried again is not told yet."""
    if outcome.verdict in (Verdict.RETRY, Verdict.SOON, Verdict.STOP):
        return
    way = str(delivery.channel)
    if isinstance(outcome, PagerOutcome):
        way = next((str(kind) for kind, step in outcome.steps if step.verdict is Verdict.SENT), way)
    said = "sent" if outcome.verdict is Verdict.SENT else outcome.reading or str(outcome.verdict)
    await _note(runtime, delivery.person_id, way, said)
    await ask_to_renew(runtime, delivery, outcome)


async def _note(runtime: Runtime, officer_id: UUID, way: str | None, outcome: str) -> None:
    """Keep it, tell the officer, let the desk read the list anew; a failure rings there by itself."""
    async with runtime.database.moves() as db:
        values = {"id": officer_id, "channel": way, "outcome": outcome[:20]}
        if (await db.execute(_PROBED, values)).one_or_none() is None:
            return
        reach = (await reach_of(db, runtime, [officer_id]))[officer_id]
        row = (await db.execute(_WHERE, {"id": officer_id})).one()
    frame = {
        "type": "reach_tested", "channel": way, "outcome": outcome, "messages_left": reach.messages_left, "renew": reach.renew,
    }  # fmt: skip
    await publish(runtime, [f"person:{officer_id}"], frame)
    desk: dict[str, Any] = {"type": "duty_changed"}
    if outcome != "sent":
        log.warning("officer_not_reached_by_test", officer_id=officer_id, channel=way, outcome=outcome)
        desk = {"type": "reach_failed", "officer_id": str(officer_id), "badge": row.badge, "outcome": outcome}
    await publish(runtime, [f"desk:{row.station_id}"], desk)


async def ask_to_renew(runtime: Runtime, delivery: Delivery, outcome: Outcome) -> None:
    """Witness of whatever an officer is told by the account: fewer than two messages left is said at once."""
    if delivery.channel is not Channel.OFFICIAL_ACCOUNT or outcome.verdict is not Verdict.SENT:
        return
    async with runtime.database.moves() as db:
        left = (await messages_left(db, [delivery.person_id], delivery.channel)).get(delivery.person_id, 0)
    if left < RENEW_UNDER:
        await publish(
            runtime, [f"person:{delivery.person_id}"], {"type": "renew_reach", "messages_left": left}
        )
