"""Where an officer is, as WeChat tells while the chat is open: used as the mini-program's fixes are, or dropped unread.

Only an officer on duty, signed in to the chat with the second factor, is followed. Of anybody else nothing is read,
kept or logged. A newer fix of the mini-program counts for more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import structlog

from app.dispatch.late import offer_what_is_open
from app.dispatch.presence import FRESH_S, beat, last_beat_at
from app.kit.clock import utc_now
from app.kit.geo import Gcj02, Point
from app.kit.runtime import Runtime
from app.people.chat import officer_in_chat
from app.people.identity import person_by_openid
from app.people.sessions import PersonKind
from app.tracking.service import Fix, FixSource, Ingest
from wechat.messages import LocationEvent

log = structlog.get_logger()

LEAST_M: Final = 10
"""A phone that says it knows better than this, or nothing at all, is not believed."""
MOST_M: Final = 10_000
UNKNOWN_M: Final = 100
_CITIZEN: Final = PersonKind.CITIZEN


class Positions:
    """Positions of one process: so many at a time, for a store that is slow must not fill the memory with them.

    The next one comes in 5 s: what is too much, or fails, is dropped.
    """

    def __init__(self, *, most: int = 100) -> None:
        self._most = most
        self._under_way = 0

    def take(self, runtime: Runtime, ingest: Ingest, event: LocationEvent) -> bool:
        """Follow a position after the answer has gone; False when there are too many."""
        if self._under_way >= self._most:
            return False
        self._under_way += 1
        runtime.after(self._follow(runtime, ingest, event), what="wechat_position")
        return True

    async def _follow(self, runtime: Runtime, ingest: Ingest, event: LocationEvent) -> None:
        try:
            await follow_position(runtime, ingest, event)
        except Exception as error:
            log.warning("wechat_position_dropped", error=type(error).__name__)
        finally:
            self._under_way -= 1


async def follow_position(runtime: Runtime, ingest: Ingest, event: LocationEvent) -> bool:
    """Take the position of an officer on duty to their case, else to the index of who is free; whether it was used.

    WeChat counts whole seconds; a fix is as old as its second.
    """
    async with runtime.database.moves() as db:
        app_id = runtime.settings.wechat_app_id
        person = await person_by_openid(db, runtime, app_id=app_id, openid=event.sender)
        if person is None or person.kind is _CITIZEN or not person.active:
            return False
        actor = await officer_in_chat(db, person.id, acting=False)
    if actor is None or not actor.second_factor or actor.officer is None or not actor.officer.on_duty:
        return False
    fix = Fix(
        _point(runtime, event), _accuracy_m(event.precision_m), datetime.fromtimestamp(event.sent_at_s, UTC)
    )
    ingest.forget(actor.person_id)  # one event in 5 s: a case taken by chat a moment ago counts
    if await ingest.holdings(actor.person_id):
        await ingest.record(actor.person_id, [fix], FixSource.OFFICIAL_ACCOUNT)
        return True
    if abs((utc_now() - fix.at).total_seconds()) > FRESH_S:
        return False
    last = await last_beat_at(runtime, actor.person_id)
    if last is not None and last > fix.at:
        return False
    await beat(runtime, actor.person_id, fix.point)
    await offer_what_is_open(runtime, actor.person_id, actor.officer.station_id, fix.point)
    return True


def _point(runtime: Runtime, event: LocationEvent) -> Point:
    """WeChat does not state the datum: the setting does."""
    if runtime.settings.wechat_location_datum == "gcj02":
        return Gcj02(event.lat, event.lng).to_wgs84()
    return Point(event.lat, event.lng)


def _accuracy_m(precision_m: float) -> int:
    if precision_m <= 0:
        return UNKNOWN_M
    return round(min(MOST_M, max(LEAST_M, precision_m)))
