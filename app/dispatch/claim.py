"""The claim: the first officer who asks gets the case, and nobody else ever does.

`release` and `decline` stand beside it, as all three end an officer's part in an opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import text

from app.cases.errors import CaseNotFound
from app.cases.moves import Moved, move, why_not
from app.cases.states import CLAIM, RELEASE_TO_DESK, RELEASE_TO_OPEN, CaseState
from app.dispatch import closed
from app.dispatch.acts import no_stranger
from app.dispatch.broadcast import DispatchEvent
from app.dispatch.errors import OffDuty
from app.dispatch.reach import shown
from app.dispatch.turns import turn
from app.events.edge import transaction
from app.events.follow import follow_soon
from app.events.record import Event, record
from app.kit.database import MovesDb
from app.kit.errors import Conflict
from app.kit.metrics import CLAIMS
from app.kit.runtime import Runtime
from app.people.sessions import Actor

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A case an officer holds; `epoch` fences every later act on it."""

    case_id: UUID
    number: str
    epoch: int
    waited_s: float  # from the report to the claim
    at: datetime
    again: bool  # a repeat of a claim that had won


_OFFERED = """
    EXISTS (SELECT FROM offers o WHERE o.case_id = c.id AND o.epoch = c.epoch AND o.officer_id = CAST(:actor_id AS uuid)
               AND o.declined_at IS NULL)
    AND EXISTS (SELECT FROM officers f WHERE f.person_id = CAST(:actor_id AS uuid) AND f.on_duty FOR SHARE)
"""
_KNOWN = text("""
    SELECT EXISTS (SELECT FROM offers o WHERE o.case_id = :case_id AND o.officer_id = :officer_id
                      AND o.epoch = :epoch AND o.declined_at IS NULL) AS offered,
           coalesce((SELECT f.on_duty FROM officers f WHERE f.person_id = :officer_id), FALSE) AS on_duty
""")
_DECLINE = text("""
    UPDATE offers SET declined_at = clock_timestamp(), reason = :reason
     WHERE case_id = :case_id AND epoch = :epoch AND officer_id = :officer_id AND declined_at IS NULL
    RETURNING officer_id
""")
_SEEN = text("""
    UPDATE offers SET seen_at = coalesce(seen_at, clock_timestamp())
     WHERE case_id = :case_id AND epoch = :epoch AND officer_id = :officer_id RETURNING officer_id
""")


async def claim(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> Claimed:
    """Give an open case to the first officer who asks; asking again after winning is a win.

    `epoch` is the one of the offer.

    Raises:
        CaseNotFound: never offered to this officer, or declined.
        CaseAlreadyTaken, CaseHandedOver, CaseEnded, CaseReopened: what happened first.
        OfficerHasACase: one active case at a time.
        OffDuty: only an officer on duty can take a case.
    """
    if reason := closed.known(case_id, epoch, loser=officer.person_id):
        CLAIMS.labels("lost").inc()
        raise reason
    async with turn(runtime, case_id, epoch) as mine:
        if reason := await closed.lookup(runtime, case_id, epoch, loser=officer.person_id):
            CLAIMS.labels("lost").inc()
            raise reason
        async with runtime.database.moves() as db:
            moved = await move(db, CLAIM, case_id, actor_id=officer.person_id, epoch=epoch, only_if=_OFFERED)
            if moved is None:
                CLAIMS.labels("lost").inc()
                return _claimed(await _why_lost(db, case_id, epoch, officer.person_id))
        CLAIMS.labels("won").inc()
        if moved.event and mine.contested:
            await _tell_who_waits(runtime, moved.event)
    if moved.event:
        follow_soon(runtime, moved.event)
    return _claimed(moved)


async def _tell_who_waits(runtime: Runtime, event: Event) -> None:
    """The closed-cache is a follower's to fill, and followers will; those who wait here need it now."""
    try:
        await closed.remember(runtime, event)
    except Exception as error:  # the claim has won, whatever happens to the cache
        log.warning("closed_not_remembered", error=type(error).__name__)


async def _why_lost(db: MovesDb, case_id: UUID, epoch: int, officer_id: UUID) -> Moved:
    values = {"case_id": case_id, "officer_id": officer_id, "epoch": epoch}
    known = (await db.execute(_KNOWN, values)).one()
    if not known.offered:
        raise CaseNotFound(case_id=str(case_id))
    won = await why_not(db, CLAIM, case_id, actor_id=officer_id, epoch=epoch) if known.on_duty else None
    if won is None:
        raise OffDuty()
    return won


def _claimed(moved: Moved) -> Claimed:
    waited_s = round((moved.at - moved.reported_at).total_seconds(), 3)
    return Claimed(moved.case_id, moved.number, moved.epoch, waited_s, moved.at, moved.event is None)


async def release(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, reason: str) -> CaseState:
    """Let a case go: back to the broadcast while its minute runs (the rest of it is a new opening), else to the desk.

    The releaser is left out of what follows. Returns where the case now stands.
    """
    async with runtime.database.moves() as db:
        for what in (RELEASE_TO_OPEN, RELEASE_TO_DESK):
            moved = await move(
                db, what, case_id, actor_id=officer.person_id, epoch=epoch, data={"reason": reason}
            )
            if moved:
                break
        else:
            await no_stranger(db, case_id, officer)
            moved = await _released_before(db, case_id, epoch, officer)
    follow_soon(runtime, moved.event)
    return moved.state


async def _released_before(db: MovesDb, case_id: UUID, epoch: int, officer: Actor) -> Moved:
    """A repeat of one's own release is a success, wherever it had led."""
    try:
        return await why_not(db, RELEASE_TO_OPEN, case_id, actor_id=officer.person_id, epoch=epoch)
    except Conflict:
        return await why_not(db, RELEASE_TO_DESK, case_id, actor_id=officer.person_id, epoch=epoch)


async def decline(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, reason: str) -> None:
    """Say "can't" to an offer; declining twice is the same as once.

    Raises:
        CaseNotFound: never offered to this officer.
    """
    async with transaction(runtime) as db:
        values = {"case_id": case_id, "epoch": epoch, "officer_id": officer.person_id, "reason": reason}
        if not (await db.execute(_SEEN, values)).all():
            raise CaseNotFound(case_id=str(case_id))
        if (await db.execute(_DECLINE, values)).all():
            await record(
                db,
                DispatchEvent.DECLINED,
                case_id=case_id,
                actor_id=officer.person_id,
                epoch=epoch,
                data={"reason": reason},
            )


async def seen(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> None:
    """The phone showed the offer: it was reached by its socket. A stranger's word changes nothing."""
    values = {"case_id": case_id, "epoch": epoch, "officer_id": officer.person_id}
    async with runtime.database.moves() as db:
        if (await db.execute(_SEEN, values)).all():
            await shown(db, case_id, epoch, officer.person_id)
