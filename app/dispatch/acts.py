"""What an officer does with a case in hand. Every act carries the epoch: a stale one gets Conflict."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseNotFound, NotTheHolder
from app.cases.moves import Moved, move, why_not
from app.cases.queries import Case, encrypt, get_case
from app.cases.service import note_sign
from app.cases.states import (
    ACTIVE,
    ACTIVE_SQL,
    AGREE_TO_CANCEL,
    ANOTHER_UNIT,
    ARRIVE,
    CLOSE,
    EN_ROUTE,
    HELPS_SQL,
    MARK_URGENT,
    RETURN,
    CaseEvent,
    CaseState,
    Move,
)
from app.dispatch.errors import ArrivalNotShown, OffDuty, TooManyCodes, UnknownDisposition
from app.events.edge import transaction
from app.events.follow import follow_soon
from app.events.record import record
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.people.sessions import Actor
from app.stations.registry import registry

MEET_CODE_TRIES = 5


class Disposition(StrEnum):
    """How a case ended; a fixed list, so that figures can be compared."""

    SOLVED = "solved"
    MEDIATED = "mediated"
    FOUND = "found"
    ADVISED = "advised"
    FILED = "filed"  # taken up as a criminal or administrative matter
    NOBODY_THERE = "nobody_there"
    NOT_POLICE = "not_police"
    FALSE_REPORT = "false_report"
    DUPLICATE = "duplicate"


async def en_route(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> Moved:
    """Set out for the case. From here on the officer may see how to reach the reporter."""
    return await _act(runtime, EN_ROUTE, case_id, epoch=epoch, officer=officer)


async def arrived(
    runtime: Runtime,
    case_id: UUID,
    *,
    epoch: int,
    officer: Actor,
    meet_code: str | None = None,
    at: Point | None = None,
) -> Moved:
    """Be at the place, shown by the reporter's meet code or by a position within the station's `arrive_within_m`.

    An officer who never said "en route" passes through it.

    Raises:
        ArrivalNotShown: neither holds. TooManyCodes: five wrong codes were tried.
    """
    case = await _mine(runtime, case_id, officer)
    evidence = await _evidence(runtime, case, meet_code, at)
    if case.state in (CaseState.CLAIMED, CaseState.ASSIGNED):
        await en_route(runtime, case_id, epoch=epoch, officer=officer)
    return await _act(runtime, ARRIVE, case_id, epoch=epoch, officer=officer, data={"evidence": evidence})


async def close(
    runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, disposition: str, note: str | None = None
) -> Moved:
    """End the case with a disposition from the list and an optional note (kept encrypted)."""
    values: dict[str, Any] = {
        "disposition": checked(disposition),
        "note": encrypt(runtime, case_id, "disposition_note", note),
    }
    return await _act(
        runtime, CLOSE, case_id, epoch=epoch, officer=officer, data={"disposition": disposition}, **values
    )


def checked(disposition: str) -> str:
    """The disposition, if it is on the list.

    Raises:
        UnknownDisposition: names the list.
    """
    if disposition not in set(Disposition):
        raise UnknownDisposition(
            f"disposition must be one of {', '.join(Disposition)}", given=disposition[:40]
        )
    return disposition


async def needs_another_unit(
    runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, reason: str
) -> Moved:
    """At the place, but another unit has to take it on: back to the desk."""
    return await _act(runtime, ANOTHER_UNIT, case_id, epoch=epoch, officer=officer, data={"reason": reason})


async def give_back(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, reason: str) -> Moved:
    """Return an assigned case to the desk."""
    return await _act(runtime, RETURN, case_id, epoch=epoch, officer=officer, data={"reason": reason})


async def agree_to_cancel(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> Moved:
    """On the way, the reporter asked to cancel, and the officer agrees.

    Not of a silent, urgent or dispute report: whoever asked may have been forced to, and the desk checks.
    """
    return await _act(runtime, AGREE_TO_CANCEL, case_id, epoch=epoch, officer=officer)


async def raise_to_urgent(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> Moved:
    """One tap: this is worse than reported; the desk rings until a human acknowledges."""
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, case_id)
    ack_s = (await registry(runtime)).get(case.station_id).settings.urgent_ack_s
    return await _act(
        runtime,
        MARK_URGENT,
        case_id,
        epoch=epoch,
        officer=officer,
        only_if="c.officer_id = CAST(:actor_id AS uuid)",
        ack_s=ack_s,
    )


async def still_coming(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor) -> None:
    """Answer a nudge: the clock of the promise starts again."""
    async with runtime.database.moves() as db:
        if not await note_sign(db, case_id, epoch, officer.person_id, progress=False):
            await no_stranger(db, case_id, officer)
            await why_not(db, EN_ROUTE, case_id, actor_id=officer.person_id, epoch=epoch)


_JOIN = text(f"""
    INSERT INTO backups AS b (id, case_id, officer_id)
    SELECT gen_random_uuid(), c.id, f.person_id FROM cases c, officers f
     WHERE c.id = :case_id AND c.state IN {ACTIVE_SQL}
       AND f.person_id = :officer_id AND f.on_duty AND c.officer_id <> f.person_id
       AND NOT (f.person_id = ANY(c.excluded)) AND f.person_id <> c.reporter_id
       AND EXISTS (SELECT FROM events e WHERE e.case_id = c.id AND e.epoch = c.epoch AND e.kind = 'case_backup_asked')
    ON CONFLICT (case_id, officer_id) WHERE left_at IS NULL DO UPDATE SET joined_at = clock_timestamp()
     WHERE NOT EXISTS (SELECT FROM cases c WHERE c.id = b.case_id AND {HELPS_SQL})
    RETURNING id
""")
_LEAVE = text("""
    UPDATE backups SET left_at = clock_timestamp()
     WHERE case_id = :case_id AND officer_id = :officer_id AND left_at IS NULL RETURNING id
""")
_JOINED = text(f"""
    SELECT EXISTS (SELECT FROM backups b JOIN cases c ON c.id = b.case_id
                    WHERE b.case_id = :case_id AND b.officer_id = :officer_id AND {HELPS_SQL})
""")


async def request_backup(runtime: Runtime, case_id: UUID, *, epoch: int, officer: Actor, reason: str) -> None:
    """Ask colleagues near and the desk for help; the case stays with its officer."""
    case = await _mine(runtime, case_id, officer)
    # An ended case keeps its officer, but nobody is sent there.
    if case.epoch != epoch or case.state not in ACTIVE:
        async with runtime.database.moves() as db:
            await why_not(db, RETURN, case_id, actor_id=officer.person_id, epoch=epoch)
    async with transaction(runtime) as db:
        await record(
            db, CaseEvent.BACKUP_ASKED, case_id=case_id, station_id=case.station_id, actor_id=officer.person_id,
            epoch=epoch, data={"reason": reason, "officer_id": str(officer.person_id)},
        )  # fmt: skip


async def join_backup(runtime: Runtime, case_id: UUID, *, officer: Actor) -> None:
    """Help on a colleague's case: joined, tracked, holding nothing. Joining twice is joining once.

    Raises:
        CaseNotFound: its holder has not asked for help, or the officer is left out of this case (the reporter said
            "not this officer", for one). OffDuty: go on duty first.
    """
    values = {"case_id": case_id, "officer_id": officer.person_id}
    async with transaction(runtime) as db:
        if (await db.execute(_JOIN, values)).one_or_none():
            await record(db, CaseEvent.BACKUP_JOINED, case_id=case_id, actor_id=officer.person_id)
            return
        if (await db.execute(_JOINED, values)).scalar_one():
            return
    if officer.officer is None or not officer.officer.on_duty:
        raise OffDuty()
    raise CaseNotFound(case_id=str(case_id))


async def leave_backup(runtime: Runtime, case_id: UUID, *, officer: Actor) -> None:
    """Stop helping; leaving twice is leaving once."""
    async with transaction(runtime) as db:
        if (await db.execute(_LEAVE, {"case_id": case_id, "officer_id": officer.person_id})).one_or_none():
            await record(db, CaseEvent.BACKUP_LEFT, case_id=case_id, actor_id=officer.person_id)


async def _act(
    runtime: Runtime, what: Move, case_id: UUID, *, epoch: int, officer: Actor,
    data: dict[str, object] | None = None, only_if: str = "TRUE", **values: Any,
) -> Moved:  # fmt: skip
    async with runtime.database.moves() as db:
        moved = await move(
            db, what, case_id, actor_id=officer.person_id, epoch=epoch, only_if=only_if, data=data, **values
        )
        if moved is None:
            await no_stranger(db, case_id, officer)
            moved = await why_not(db, what, case_id, actor_id=officer.person_id, epoch=epoch)
    follow_soon(runtime, moved.event)
    return moved


_EVER = text("""
    SELECT EXISTS (SELECT FROM events e WHERE e.case_id = :case_id AND e.data ->> 'officer_id' = :officer_id)
        OR EXISTS (SELECT FROM offers o WHERE o.case_id = :case_id AND o.officer_id = CAST(:officer_id AS uuid))
""")


async def no_stranger(db: object, case_id: UUID, officer: Actor) -> None:
    """A stranger to the case learns nothing of it, not even that it exists."""
    values = {"case_id": case_id, "officer_id": str(officer.person_id)}
    if not (await db.execute(_EVER, values)).scalar_one():  # type: ignore[attr-defined]
        raise CaseNotFound(case_id=str(case_id))


async def _mine(runtime: Runtime, case_id: UUID, officer: Actor) -> Case:
    async with runtime.database.moves() as db:
        await no_stranger(db, case_id, officer)
        case = await get_case(db, runtime, case_id)
    # Who was offered it, or held it before, is no stranger; the meet code is not theirs to try all the same.
    if case.officer_id != officer.person_id:
        raise NotTheHolder(case_id=str(case_id), state=str(case.state), epoch=case.epoch)
    return case


async def _evidence(runtime: Runtime, case: Case, meet_code: str | None, at: Point | None) -> str:
    if case.state is CaseState.ARRIVED:
        return "again"
    near_m = (await registry(runtime)).get(case.station_id).settings.arrive_within_m
    if at and case.place and case.place.at and metres(at, case.place.at) <= near_m:
        return "position"
    if meet_code is None:
        raise ArrivalNotShown(
            f"give `meet_code`, or a position within {near_m} m of the place", within_m=near_m
        )
    return await _try_code(runtime, case, meet_code)


_TRY = text(f"""
    UPDATE cases SET facts = jsonb_set(facts, '{{code_tries}}',
                                       to_jsonb(coalesce(CAST(facts ->> 'code_tries' AS int), 0) + 1))
     WHERE id = :case_id AND coalesce(CAST(facts ->> 'code_tries' AS int), 0) < {MEET_CODE_TRIES}
    RETURNING meet_code = :code AS right
""")


async def _try_code(runtime: Runtime, case: Case, code: str) -> str:
    async with runtime.database.moves() as db:
        row = (await db.execute(_TRY, {"case_id": case.id, "code": code})).one_or_none()
    if row is None:
        raise TooManyCodes(tries=MEET_CODE_TRIES)
    if not row.right:
        raise ArrivalNotShown("this is not the meet code on the reporter's phone")
    return "meet_code"
