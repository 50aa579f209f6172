"""A case like theirs is near: who is told of it, who says "me too", and that they hear of its end.

Only of harmless categories (`Category.shared`), and only that there is one about 300 m away. What is compared are the
squares of 300 m in which the two reports lie, never the places: asking from many points tells no more than the squares
do. No map says whose address a place is, so every place counts as a private one: nobody is told before three different
people have spoken of it. And a person is told three times a day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.states import ENDED_SQL, CaseEvent
from app.events.record import Event
from app.kit.database import Db, MovesDb
from app.kit.geo import EARTH_RADIUS_M, Point, metres, rounded
from app.kit.runtime import Runtime
from app.notices.rules import Notice, register_rule

SQUARE_M = 300
APART_M = 336
"""Between the middles of two squares that count as near: the same one, and those beside it. Rows of squares are shifted
against each other by half a square at most: sqrt(300^2 + 150^2) = 335.4."""
PEOPLE_MIN = 3
"""Different people who must have spoken of it before somebody else is told that there is such a case."""
TOLD_A_DAY = 3
KEPT_DAYS = 7
"""How long it is kept who was told, or said "me too" to a case that has ended."""
AREA_ENDED = "area_case_ended"
"""The event by which the desk ends an area case (`app.dispatch.area`)."""
ENDED_NOTICE = "me_too_ended"

_NEAR = text(f"""
    SELECT c.id, c.reporter_id, c.rough_lat AS lat, c.rough_lng AS lng,
           ARRAY(SELECT m.person_id FROM me_toos m WHERE m.case_id = c.id AND m.joined_at IS NOT NULL) AS joined
      FROM cases c
     WHERE c.category = :category AND c.state NOT IN {ENDED_SQL} AND NOT c.urgent AND NOT c.text_only
       AND c.rough_lat BETWEEN :lat - CAST(:d_lat AS float8) AND :lat + CAST(:d_lat AS float8)
       AND c.rough_lng BETWEEN :lng - CAST(:d_lng AS float8) AND :lng + CAST(:d_lng AS float8)
     ORDER BY c.reported_at LIMIT 200
""")
_TOLD_TODAY = text("""
    SELECT coalesce(sum(told), 0) FROM me_toos
     WHERE person_id = :person_id AND told_at > clock_timestamp() - interval '1 day'
""")
_TELL = text("""
    INSERT INTO me_toos AS m (person_id, case_id, told) VALUES (:person_id, :case_id, :counts)
    ON CONFLICT (person_id, case_id) DO UPDATE SET told_at = clock_timestamp(),
        told = excluded.told + CASE WHEN m.told_at > clock_timestamp() - interval '1 day' THEN m.told ELSE 0 END
""")
# FOR SHARE: whoever ends the case at this moment comes before it, and nobody joins, or after it, and tells them too.
_JOIN = text(f"""
    WITH c AS (SELECT id FROM cases WHERE id = :case_id AND state NOT IN {ENDED_SQL} AND NOT urgent AND NOT text_only FOR SHARE)
    UPDATE me_toos m SET joined_at = coalesce(m.joined_at, clock_timestamp()) FROM c
     WHERE m.case_id = c.id AND m.person_id = :person_id AND m.ended_by IS NULL RETURNING m.case_id
""")


async def case_near(db: Db, *, person_id: UUID, category: str, at: Point) -> UUID | None:
    """The oldest open case like theirs that this person may be told of, or None.

    None, too, when one of those near is their own, or one to which they have said "me too": what they report then is
    news of theirs.
    """
    square = rounded(at, SQUARE_M)
    d_lat = math.degrees(2 * SQUARE_M / EARTH_RADIUS_M)
    values = {
        "category": category, "lat": square.lat, "lng": square.lng, "d_lat": d_lat,
        "d_lng": d_lat / max(0.01, math.cos(math.radians(square.lat))),
    }  # fmt: skip
    near = [r for r in await db.execute(_NEAR, values) if metres(square, Point(r.lat, r.lng)) <= APART_M]
    people = {r.reporter_id for r in near} | {joined for r in near for joined in r.joined}
    if person_id in people or len(people) < PEOPLE_MIN:
        return None
    told = (await db.execute(_TOLD_TODAY, {"person_id": person_id})).scalar_one()
    return near[0].id if told < TOLD_A_DAY else None


async def note_told(db: Db, person_id: UUID, case_id: UUID, *, published: bool) -> None:
    """Note that this person is told of this case; what the desk has published does not count for the day."""
    await db.execute(_TELL, {"person_id": person_id, "case_id": case_id, "counts": 0 if published else 1})


async def say_me_too(db: Db, person_id: UUID, case_id: UUID) -> bool:
    """ "Me too": counted, and told of the end. False: it has ended meanwhile, or has become urgent, or they were never told."""
    return bool((await db.execute(_JOIN, {"person_id": person_id, "case_id": case_id})).all())


_COUNT = text("SELECT count(*) FROM me_toos WHERE case_id = :case_id AND joined_at IS NOT NULL")


async def me_toos_of(db: Db | MovesDb, case_id: UUID) -> int:
    """How many people have said "me too" to a case; who they are, no page tells."""
    return int((await db.execute(_COUNT, {"case_id": case_id})).scalar_one())


@dataclass(frozen=True, slots=True)
class OwnMeToo:
    """What is held of one person and one case near them. `joined_at` None: they were told of it, no more."""

    category: str
    told_at: datetime
    joined_at: datetime | None


_OWN = text("""
    SELECT c.category, m.told_at, m.joined_at FROM me_toos m JOIN cases c ON c.id = m.case_id
     WHERE m.person_id = :person_id ORDER BY m.told_at
""")


async def me_toos_by(db: Db, person_id: UUID) -> Sequence[OwnMeToo]:
    """A person's own, oldest first."""
    return [
        OwnMeToo(r.category, r.told_at, r.joined_at) for r in await db.execute(_OWN, {"person_id": person_id})
    ]


_RUNNING = text(
    "SELECT count(*) FROM me_toos WHERE person_id = :person_id AND joined_at IS NOT NULL AND ended_by IS NULL"
)


async def running_of(db: Db, person_id: UUID) -> int:
    """To how many cases that run this person has said "me too", or has reported them in one that was folded into it."""
    return int((await db.execute(_RUNNING, {"person_id": person_id})).scalar_one())


# What a case is folded into goes on for its people too. FOR SHARE as above: of an end that comes at this moment they
# hear either here or with the rest.
_GOES_ON = text(f"SELECT state NOT IN {ENDED_SQL} FROM cases WHERE id = :into_id FOR SHARE")
_FOLD = text("""
    INSERT INTO me_toos AS m (person_id, case_id, told_at, joined_at)
    SELECT o.person_id, i.id, clock_timestamp(), o.joined_at
      FROM (SELECT person_id, joined_at FROM me_toos
             WHERE case_id = :case_id AND joined_at IS NOT NULL AND (ended_by IS NULL OR ended_by = :event_id)
            UNION ALL
            SELECT reporter_id, reported_at FROM cases f
             WHERE f.id = :case_id AND NOT f.text_only AND NOT f.urgent
               AND NOT EXISTS (SELECT FROM people p WHERE p.id = f.reporter_id AND p.erased_at IS NOT NULL)) o
      JOIN cases i ON i.id = :into_id AND i.reporter_id <> o.person_id
    ON CONFLICT (person_id, case_id) DO UPDATE SET joined_at = coalesce(m.joined_at, excluded.joined_at)
""")
_FOLDED = text("""
    UPDATE me_toos SET ended_by = :event_id WHERE case_id = :case_id AND joined_at IS NOT NULL AND ended_by IS NULL
""")
_END = text("""
    UPDATE me_toos m SET ended_by = :event_id FROM cases c
     WHERE c.id = m.case_id AND m.case_id = :case_id AND m.joined_at IS NOT NULL
       AND (m.ended_by IS NULL OR m.ended_by = :event_id) AND m.person_id <> c.reporter_id
    RETURNING m.person_id
""")


async def to_joined(db: Db, _: Runtime, event: Event) -> list[Notice]:
    """Everybody who said "me too" hears of the end, once: of the case, of its area, or of what it was folded into."""
    into_id = event.data.get("into_id") if event.kind == CaseEvent.MERGED else None
    if into_id and (await db.execute(_GOES_ON, {"into_id": into_id})).scalar_one_or_none():
        folded: dict[str, Any] = {"case_id": event.case_id, "event_id": event.id}
        await db.execute(_FOLD, folded | {"into_id": into_id})
        await db.execute(_FOLDED, folded)
        return []
    rows = await db.execute(_END, {"case_id": event.case_id, "event_id": event.id})
    return [Notice(person_id, ENDED_NOTICE) for person_id in rows.scalars()]


_FORGET = text(f"""
    DELETE FROM me_toos m
     WHERE m.told_at < clock_timestamp() - interval '{KEPT_DAYS} days'
       AND (m.joined_at IS NULL OR m.ended_by IS NOT NULL)
    RETURNING m.case_id
""")


async def forget(runtime: Runtime) -> int:
    """Erase who was told, or has heard of the end, more than 7 days ago; every hour. Returns how many."""
    async with runtime.database.moves() as db:
        return len((await db.execute(_FORGET)).all())


def register() -> None:
    """Tell `notices` whom to tell. Doing it again changes nothing."""
    for kind in (CaseEvent.CLOSED, CaseEvent.CANCELLED, CaseEvent.MERGED, AREA_ENDED):
        register_rule(kind, to_joined)
