"""What is held about a citizen, told to that citizen, and erased at their wish.

Erasing takes what identifies them at once. The cases stay as what happened, under an id that leads to nobody;
what was written and sent in them goes when nobody can dispute them any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.cases.queries import Case, cases_of_reporter, decrypt
from app.cases.states import ENDED_SQL, REOPEN_DAYS, CaseEvent
from app.cases.timeline import PAGE, Happened, timeline
from app.community import service as community
from app.community.queries import Officer, OwnQuestion, officer_of, questions_by
from app.complaints.queries import Complaint, complaints_of
from app.complaints.service import forget_words
from app.dispatch.drafts import Draft, draft_of
from app.dispatch.errors import CaseStillOpen
from app.dispatch.nearby import OwnMeToo, me_toos_by
from app.events.edge import transaction
from app.events.record import record
from app.kit.database import Db
from app.kit.errors import Unauthenticated
from app.kit.runtime import Runtime
from app.media.queries import Medium, media_sent_by
from app.media.service import erase_of_cases, erase_unbound
from app.notices.consents import Consent, consents_of
from app.notices.queries import OWN_CASE
from app.people.events import PeopleEvent
from app.people.identity import Held, erase_identity, held_of
from app.people.preference import preferred_station
from app.people.queries import badges_of
from app.people.sessions import PersonKind, revoke_all
from app.receipts.service import forget_content

DISPUTE_DAYS = REOPEN_DAYS
"""So long after its end a case can be reopened, and its words are kept for that."""
_PAGE = 100

_TOLD = frozenset({
    CaseEvent.REPORTED, CaseEvent.CLAIMED, CaseEvent.RELEASED, CaseEvent.TAKEN_BACK, CaseEvent.HANDED_OVER,
    CaseEvent.CANCELLED, CaseEvent.CANCEL_ASKED, CaseEvent.EN_ROUTE, CaseEvent.ARRIVED, CaseEvent.CLOSED,
    CaseEvent.TAKEN, CaseEvent.ASSIGNED, CaseEvent.FORWARDED, CaseEvent.RETURNED, CaseEvent.MERGED,
    CaseEvent.REOPENED, CaseEvent.RAISED, CaseEvent.MOVED_PLACE, CaseEvent.RATED,
})  # fmt: skip
"""Of a case's events, those about the case; how officers were looked for and watched is about officers."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a case. `badge`: the officer who did it; `own`: the citizen did."""

    kind: str
    at: datetime
    own: bool
    badge: str | None


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case of the citizen, all of it that is about them."""

    case: Case
    rating_words: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A notice to the citizen. `state`: what became of it."""

    kind: str
    case_id: UUID | None
    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of the citizen, by its times."""

    since: datetime
    used_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is held about a citizen. `at`: the database's clock."""

    at: datetime
    person: Held
    draft: Draft
    complaints: tuple[Complaint, ...]
    questions: tuple[OwnQuestion, ...]
    community_officer: Officer | None
    near_station_id: UUID | None
    cases: tuple[OwnCase, ...]
    me_toos: tuple[OwnMeToo, ...]
    media: tuple[Medium, ...]
    notices: tuple[Told, ...]
    consents: tuple[Consent, ...]
    sessions: tuple[SignedIn, ...]


_NOW = text("SELECT clock_timestamp()")
_RATINGS = text("SELECT id, rating_words FROM cases WHERE reporter_id = :id AND rating_words IS NOT NULL")
_NOTICES = text(f"""
    SELECT d.kind, {OWN_CASE} AS case_id, e.at, d.state FROM deliveries d JOIN events e ON e.id = d.event_id
     WHERE d.person_id = :id ORDER BY d.id
""")
_SESSIONS = text(
    "SELECT created_at, used_at, expires_at FROM sessions WHERE person_id = :id ORDER BY created_at"
)


async def everything_about(db: Db, runtime: Runtime, person_id: UUID) -> Everything:
    """All that is held about a citizen, for that citizen; that it was asked for is recorded."""
    await record_act(
        db, actor_id=person_id, action="own_data_exported", object_kind="person", object_id=person_id
    )
    notices = [Told(r.kind, r.case_id, r.at, r.state) for r in await db.execute(_NOTICES, {"id": person_id})]
    sessions = [
        SignedIn(r.created_at, r.used_at, r.expires_at)
        for r in await db.execute(_SESSIONS, {"id": person_id})
    ]
    return Everything(
        (await db.execute(_NOW)).scalar_one(), await held_of(db, runtime, person_id),
        await draft_of(db, runtime, person_id), tuple(await complaints_of(db, runtime, person_id)),
        tuple(await questions_by(db, runtime, person_id)), await officer_of(db, person_id),
        await preferred_station(db, person_id),
        tuple(await _cases(db, runtime, person_id)), tuple(await me_toos_by(db, person_id)),
        tuple(await media_sent_by(db, person_id)), tuple(notices),
        tuple(await consents_of(db, person_id)), tuple(sessions),
    )  # fmt: skip


async def _cases(db: Db, runtime: Runtime, person_id: UUID) -> list[OwnCase]:
    rated = {
        r.id: decrypt(runtime, r.id, "rating_words", r.rating_words)
        for r in await db.execute(_RATINGS, {"id": person_id})
    }
    found: list[Case] = []
    while page := await cases_of_reporter(
        db, runtime, person_id, before=found[-1].reported_at if found else None, limit=_PAGE
    ):
        found += page
    return [OwnCase(case, rated.get(case.id), await _steps(db, case)) for case in found]


async def _steps(db: Db, case: Case) -> tuple[Step, ...]:
    events: list[Happened] = []
    while page := await timeline(db, case.id, after=events[-1].id if events else 0):
        events += page
        if len(page) < PAGE:
            break
    told = [e for e in events if e.kind in _TOLD]
    badges = await badges_of(db, {e.actor_id for e in told if e.actor_id})
    return tuple(
        Step(e.kind, e.at, e.actor_id == case.reporter_id, badges.get(e.actor_id) if e.actor_id else None)
        for e in told
    )


_LOCK_DRAFT = text("SELECT person_id FROM drafts WHERE person_id = :id FOR UPDATE")
_LOCK = text("SELECT kind, merged_into FROM people WHERE id = :id FOR UPDATE")
_OPEN = text(f"SELECT number FROM cases WHERE reporter_id = :id AND state NOT IN {ENDED_SQL} LIMIT 1")
_FORGET = (
    text("DELETE FROM drafts WHERE person_id = :id"),
    text("DELETE FROM me_toos WHERE person_id = :id"),
    text("DELETE FROM windows WHERE person_id = :id"),
    text("DELETE FROM consents WHERE person_id = :id"),
    text("DELETE FROM socket_tickets WHERE person_id = :id"),
    text("""
        UPDATE deliveries SET state = 'dropped', reading = 'erased', done_at = clock_timestamp()
         WHERE person_id = :id AND state = 'queued'
    """),
)
# A case folded into another goes with that one: as long as it is worked on, its words are.
_WORDS = text(f"""
    WITH gone AS (
        SELECT c.id FROM cases c JOIN people p ON p.id = c.reporter_id LEFT JOIN cases m ON m.id = c.merged_into
         WHERE p.erased_at IS NOT NULL AND (CAST(:id AS uuid) IS NULL OR p.id = CAST(:id AS uuid))
           AND c.state IN {ENDED_SQL} AND (m.id IS NULL OR m.state IN {ENDED_SQL})
           AND coalesce(m.closed_at, c.closed_at, c.reported_at) < clock_timestamp() - interval '{DISPUTE_DAYS} days'
           AND (c.words IS NOT NULL OR c.place IS NOT NULL OR c.rating_words IS NOT NULL OR c.media <> '{{}}')
         LIMIT 500 FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE cases SET words = NULL, place = NULL, rating_words = NULL, media = '{{}}', idempotency_key = NULL
      FROM gone WHERE cases.id = gone.id RETURNING cases.id
""")


async def erase(db: Db, person_id: UUID) -> None:
    """Erase a citizen: who they are, what they were writing, and every session; then the words of their old cases.

    Words, places, pictures and ratings of a case that ended within the last 7 days go with `erase_words`, once it
    can no longer be reopened. What officers noted, the category, the times and the 300 m square stay.

    Who has just become one with another person is erased as that one.

    Raises:
        CaseStillOpen: police work on a report of theirs. Unauthenticated: they have just become an officer.
    """
    person_id = await _locked(db, person_id)
    if (number := (await db.execute(_OPEN, {"id": person_id})).scalar_one_or_none()) is not None:
        raise CaseStillOpen(number=number)
    await revoke_all(db, person_id, by=person_id)
    await erase_identity(db, person_id)
    for statement in _FORGET:
        await db.execute(statement, {"id": person_id})
    ids = list((await db.execute(_WORDS, {"id": person_id})).scalars())
    await forget_content(db, ids)
    await erase_of_cases(db, ids)
    await erase_unbound(db, person_id)
    await forget_words(db, person_id)
    await community.erase(db, person_id)
    await record(db, PeopleEvent.ACTOR_CHANGED, actor_id=person_id, data={"person_id": str(person_id)})
    await record_act(
        db, actor_id=person_id, action="person_erased", object_kind="person", object_id=person_id,
        facts={"words_of_cases": len(ids)},
    )  # fmt: skip


async def _locked(db: Db, person_id: UUID) -> UUID:
    """Lock a citizen, and return them; of somebody who was merged into another meanwhile, that other one.

    A report that is being taken has its row before this lock, or comes after it and finds no session. The draft first,
    as who writes in one and who merges two people do (`app.people.merging`): else they wait for each other.
    """
    await db.execute(_LOCK_DRAFT, {"id": person_id})
    row = (await db.execute(_LOCK, {"id": person_id})).one()
    if row.merged_into is not None:
        return await _locked(db, row.merged_into)
    if row.kind != PersonKind.CITIZEN:
        raise Unauthenticated()
    return person_id


async def erase_words(runtime: Runtime) -> int:
    """Erase what erased people wrote in cases whose time is over; every hour. Returns of how many cases."""
    async with transaction(runtime) as db:
        ids = list((await db.execute(_WORDS, {"id": None})).scalars())
        await forget_content(db, ids)
        await erase_of_cases(db, ids)
        for case_id in ids:
            await record_act(
                db, actor_id=None, action="case_words_erased", object_kind="case", object_id=case_id
            )
    return len(ids)
