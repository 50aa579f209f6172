"""Reading cases. Words and places are decrypted here and nowhere else; who may ask is `cases.policy`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseNotFound
from app.cases.states import ACTIVE_SQL, CaseState, Cause
from app.kit.database import Db, MovesDb
from app.kit.geo import Point
from app.kit.runtime import Runtime


class Flag(StrEnum):
    """How a reporter wants to be met, or who they are: seen by the officer before arrival and by the desk."""

    TEXT_ONLY = "text_only"  # never call; stands in its own column, as contact and notices hang on it
    LARGE_PRINT = "large_print"
    CHILD = "child"  # the reporter is one
    FOR_ANOTHER = "for_another"  # the place is another person's, the phone the reporter's


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case is: a WGS-84 point, a label, or both."""

    at: Point | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything about a case, for use inside the core; doors show what their reader may see."""

    id: UUID
    number: str
    state: CaseState
    epoch: int
    category: str
    urgent: bool
    text_only: bool
    words: str | None
    place: Place | None
    rough: Point | None
    media: tuple[str, ...]
    meet_code: str
    reporter_id: UUID
    station_id: UUID
    officer_id: UUID | None
    previous_officer_id: UUID | None
    desk_person_id: UUID | None
    reported_at: datetime
    deadline: datetime
    claimed_at: datetime | None
    assigned_at: datetime | None
    en_route_at: datetime | None
    arrived_at: datetime | None
    released_at: datetime | None
    closed_at: datetime | None
    handed_over_at: datetime | None
    cause: Cause | None
    acknowledged_at: datetime | None
    ack_by: datetime | None
    ack_step: int
    ringing_id: UUID | None
    act_by: datetime | None
    act_step: int
    sign_at: datetime | None
    forwards: int
    disposition: str | None
    stars: int | None
    merged_into: UUID | None
    facts: dict[str, Any]
    now: datetime  # the database's clock when this was read: seconds left are counted from it

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags that stand, in the order of their names."""
        own = {Flag.TEXT_ONLY} if self.text_only else set()
        return tuple(sorted(own | {Flag(flag) for flag in self.facts.get("flags", ())}))


_COLUMNS = """c.id, c.number, c.state, c.epoch, c.category, c.urgent, c.text_only, c.words, c.place, c.rough_lat, c.rough_lng,
    c.media, c.meet_code, c.reporter_id, c.station_id, c.officer_id, c.previous_officer_id, c.desk_person_id, c.reported_at,
    c.deadline, c.claimed_at, c.assigned_at, c.en_route_at, c.arrived_at, c.released_at, c.closed_at, c.handed_over_at,
    c.handover_cause, c.acknowledged_at, c.ack_by, c.ack_step, c.ringing_id, c.act_by, c.act_step, c.sign_at, c.forwards,
    c.disposition, c.stars, c.merged_into, c.facts, clock_timestamp() AS now"""

SELECT_CASES = f"SELECT {_COLUMNS} FROM cases c"
"""The start of every read of whole cases; append WHERE, ORDER BY and LIMIT over `c`."""

_ONE = text(f"{SELECT_CASES} WHERE c.id = :case_id")
_MINE = text(f"""
    {SELECT_CASES}
     WHERE c.reporter_id = :person_id AND (CAST(:before AS timestamptz) IS NULL OR c.reported_at < :before)
     ORDER BY c.reported_at DESC LIMIT :limit
""")
_HELD = text(f"""
    {SELECT_CASES} WHERE c.officer_id = :person_id AND c.state IN {ACTIVE_SQL}
""")


async def get_case(db: Db | MovesDb, runtime: Runtime, case_id: UUID) -> Case:
    """One case, whoever asks: callers check `cases.policy` first or act for the system.

    Raises:
        CaseNotFound: there is none.
    """
    row = (await db.execute(_ONE, {"case_id": case_id})).one_or_none()
    if row is None:
        raise CaseNotFound(case_id=str(case_id))
    return read_case(runtime, row)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case ended, in words: of whoever closed it, and of the reporter who rated it."""

    disposition_note: str | None
    rating_words: str | None


_ENDING = text("SELECT disposition_note, rating_words FROM cases WHERE id = :case_id")


async def ending_of(db: Db | MovesDb, runtime: Runtime, case_id: UUID) -> Ending:
    """The words at the end of a case, decrypted: for its desk and commanders alone, who are recorded as readers."""
    row = (await db.execute(_ENDING, {"case_id": case_id})).one()
    return Ending(
        decrypt(runtime, case_id, "disposition_note", row.disposition_note),
        decrypt(runtime, case_id, "rating_words", row.rating_words),
    )


async def cases_of_reporter(
    db: Db, runtime: Runtime, person_id: UUID, *, before: datetime | None = None, limit: int = 20
) -> list[Case]:
    """A reporter's cases, newest first; `before` is the `reported_at` of the last one of the page before."""
    rows = await db.execute(_MINE, {"person_id": person_id, "before": before, "limit": limit})
    return [read_case(runtime, row) for row in rows]


async def case_held_by(db: Db | MovesDb, runtime: Runtime, officer_id: UUID) -> Case | None:
    """The active case of an officer."""
    row = (await db.execute(_HELD, {"person_id": officer_id})).one_or_none()
    return read_case(runtime, row) if row else None


def read_case(runtime: Runtime, row: Any) -> Case:  # a Row of SELECT_CASES
    """A row as a Case, its fields decrypted."""
    words = decrypt(runtime, row.id, "words", row.words)
    rough = Point(row.rough_lat, row.rough_lng) if row.rough_lat is not None else None
    cause = Cause(row.handover_cause) if row.handover_cause else None
    return Case(
        row.id, row.number, CaseState(row.state), row.epoch, row.category, row.urgent, row.text_only, words,
        place_of(runtime, row.id, row.place), rough, tuple(row.media), row.meet_code, row.reporter_id, row.station_id,
        row.officer_id, row.previous_officer_id, row.desk_person_id, row.reported_at, row.deadline, row.claimed_at,
        row.assigned_at, row.en_route_at, row.arrived_at, row.released_at, row.closed_at, row.handed_over_at, cause,
        row.acknowledged_at, row.ack_by, row.ack_step, row.ringing_id, row.act_by, row.act_step, row.sign_at,
        row.forwards, row.disposition, row.stars, row.merged_into, row.facts, row.now,
    )  # fmt: skip


def encrypt(runtime: Runtime, case_id: UUID, column: str, value: str | None) -> bytes | None:
    """An encrypted field of a case."""
    if value is None:
        return None
    return runtime.keys.encrypt(value, table="cases", row=str(case_id), column=column)


def decrypt(runtime: Runtime, case_id: UUID, column: str, value: bytes | None) -> str | None:
    """The text of an encrypted field of a case."""
    if value is None:
        return None
    return runtime.keys.decrypt(value, table="cases", row=str(case_id), column=column)


def encrypt_place(runtime: Runtime, case_id: UUID, place: Place | None) -> bytes | None:
    """A place as an encrypted field."""
    return encrypt(runtime, case_id, "place", place_text(place))


def place_of(runtime: Runtime, case_id: UUID, value: bytes | None) -> Place | None:
    """The place in an encrypted field."""
    return place_from(decrypt(runtime, case_id, "place", value))


def place_text(place: Place | None) -> str | None:
    """A place as it stands inside an encrypted field, of a case or of a draft."""
    if place is None:
        return None
    at = place.at
    stored = {"lat": at.lat if at else None, "lng": at.lng if at else None, "label": place.label}
    return json.dumps(stored, ensure_ascii=False)


def place_from(stored: str | None) -> Place | None:
    """The place that `place_text` wrote."""
    if stored is None:
        return None
    fields = json.loads(stored)
    at = Point(fields["lat"], fields["lng"]) if fields["lat"] is not None else None
    return Place(at, fields["label"])
