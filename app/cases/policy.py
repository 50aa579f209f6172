"""Who may see what of a case: one function, asked by every door and by every live frame."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseNotFound
from app.cases.queries import Case
from app.cases.states import ACTIVE, HELPS_SQL, REOPEN_DAYS, CaseState
from app.kit.database import Db, MovesDb
from app.people.errors import PersonalDataLocked
from app.people.queries import scope_of
from app.people.sessions import Actor
from app.people.tables import Role


class Reader(StrEnum):
    """What a person is to a case, closest first."""

    REPORTER = "reporter"
    HOLDER = "holder"  # the officer who has it
    BACKUP = "backup"
    DESK = "desk"  # of its station, of the one that rings, or a commander's
    PAST_HOLDER = "past_holder"  # closed it less than 24 h ago
    AUDITOR = "auditor"  # of all stations; of its media alone, each look on record


_BACKUP = text(f"""
    SELECT EXISTS (SELECT FROM backups b JOIN cases c ON c.id = b.case_id
                    WHERE b.case_id = :case_id AND b.officer_id = :person_id AND {HELPS_SQL})
""")
CONTACT_AFTER_CLOSE_H = 24


async def reader_of(db: Db | MovesDb, case: Case, actor: Actor) -> Reader:
    """What `actor` is to `case`.

    Raises:
        CaseNotFound: a stranger, who learns nothing, not even that the case exists.
    """
    if case.reporter_id == actor.person_id:
        return Reader.REPORTER
    if case.officer_id == actor.person_id and case.state in ACTIVE:
        return Reader.HOLDER
    if _of_its_desk(case, actor):
        return Reader.DESK
    # Closed by its officer, a case keeps that officer; closed at the desk it has none. Who held it before, let it go or
    # was refused by the reporter, is a stranger again.
    if case.state is CaseState.CLOSED and case.officer_id == actor.person_id:
        return Reader.PAST_HOLDER
    values = {"case_id": case.id, "person_id": actor.person_id}
    if case.state in ACTIVE and (await db.execute(_BACKUP, values)).scalar_one():
        return Reader.BACKUP
    raise CaseNotFound(case_id=str(case.id))


def _of_its_desk(case: Case, actor: Actor) -> bool:
    scope = scope_of(actor, Role.DESK, Role.COMMANDER)
    return any(scope.holds(one) for one in (case.station_id, case.ringing_id) if one)


def sees_contact(case: Case, reader: Reader, *, despite_text_only: bool = False) -> bool:
    """Whether this reader may be shown how to reach the reporter: never before en route, never after release.

    The desk may when it holds the case; the officer who closed it for 24 h. A text-only report shows no number,
    unless its reader overrides that: for a reason, which is recorded.
    """
    if case.text_only and not despite_text_only:
        return False
    if reader is Reader.HOLDER:
        return case.state in (CaseState.EN_ROUTE, CaseState.ARRIVED)
    if reader is Reader.DESK:
        return case.state is CaseState.HANDED_OVER
    if reader is Reader.PAST_HOLDER and case.closed_at:
        return (case.now - case.closed_at).total_seconds() < CONTACT_AFTER_CLOSE_H * 3600
    return False


def sees_whole(case: Case, reader: Reader, actor: Actor) -> bool:
    """Whether words and exact place are shown, and not only that there is a case.

    After 30 idle minutes a session shows no personal data until the second factor comes again, with one exception:
    whoever holds an active case keeps seeing it. Driving there takes longer than that and no thumb acts meanwhile
    (fixes tell that an officer is there, not that somebody acts), and an officer without the place and the words in
    the middle of a drive is a danger to the reporter. The exception ends with the grip on the case, needs a second
    factor given in this session, and covers neither the reporter's contact nor anything else.
    """
    if actor.may_see_personal_data:
        return True
    return reader is Reader.HOLDER and actor.second_factor and case.state in ACTIVE


async def media_reader(db: Db | MovesDb, case: Case, actor: Actor) -> Reader:
    """What `actor` is to what was sent with `case`: whoever sees its words sees its pictures, and auditors do.

    It ends as the words do: for the officer with release and close, for the desk with the case's going elsewhere.

    Raises:
        CaseNotFound: a stranger by now.
        PersonalDataLocked: one of theirs whose session has no second factor, or was idle for 30 minutes.
    """
    try:
        reader = await reader_of(db, case, actor)
        if reader is Reader.PAST_HOLDER:
            raise CaseNotFound(case_id=str(case.id))
    except CaseNotFound:
        if not actor.has(Role.AUDITOR):
            raise
        reader = Reader.AUDITOR
    if not sees_whole(case, reader, actor):
        raise PersonalDataLocked(session_id=actor.session_id)
    return reader


def may_have_original(reader: Reader) -> bool:
    """Whether this reader may be given a medium byte for byte as it came, with all it says of place and device."""
    return reader in (Reader.DESK, Reader.AUDITOR)


def closed_lately(case: Case) -> bool:
    """Closed, cancelled or merged less than 7 days ago: what a reporter may still be shown and speak about."""
    return case.closed_at is not None and (case.now - case.closed_at).days < REOPEN_DAYS


def may_say_not_solved(case: Case) -> bool:
    """Whether its reporter may reopen it; the move judges the same once more."""
    return case.state is CaseState.CLOSED and closed_lately(case)


_TRACKERS = text(f"""
    SELECT c.id, c.epoch, c.state, c.reporter_id, c.officer_id,
           (SELECT array_agg(b.officer_id) FROM backups b WHERE b.case_id = c.id AND {HELPS_SQL}) AS backups
      FROM cases c WHERE c.id = ANY(CAST(:ids AS uuid[]))
""")


async def watchers(db: MovesDb, case_ids: list[UUID]) -> dict[UUID, tuple[frozenset[UUID], int, bool]]:
    """For each case: who may hear of it now, its epoch, and whether positions may be told at all.

    Positions are told only while an officer holds the case; state changes also before.
    """
    rows = await db.execute(_TRACKERS, {"ids": case_ids})
    return {
        r.id: (
            frozenset(p for p in (r.reporter_id, r.officer_id, *(r.backups or ())) if p),
            r.epoch,
            CaseState(r.state) in ACTIVE,
        )
        for r in rows
    }
