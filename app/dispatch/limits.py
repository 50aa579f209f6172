"""How many reports of one person are broadcast; over it the desk decides, marked as a repeat.

Nothing is ever dropped, and danger, silent and missing-person reports are never lowered.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.cases.states import ENDED_SQL
from app.kit.database import Db
from app.kit.geo import Point, rounded
from app.stations.categories import MISSING_PERSON
from app.stations.settings import Limits

OPEN_OF_A_CATEGORY_AND_PLACE = 1
NEVER_LIMITED = frozenset({MISSING_PERSON})

# Reports of one person at once are counted one after the other: the second sees the first when it has committed.
_ONE_BY_ONE = text("SELECT id FROM people WHERE id = :reporter_id FOR NO KEY UPDATE")
_COUNTS = text(f"""
    SELECT count(*) FILTER (WHERE c.category = :category AND c.state NOT IN {ENDED_SQL}
                              AND c.rough_lat IS NOT DISTINCT FROM CAST(:lat AS float8)
                              AND c.rough_lng IS NOT DISTINCT FROM CAST(:lng AS float8)) AS same,
           count(*) FILTER (WHERE c.reported_at > clock_timestamp() - interval '10 minutes') AS ten_minutes,
           count(*) FILTER (WHERE c.reported_at > clock_timestamp() - interval '1 day') AS day
      FROM cases c
     WHERE c.reporter_id = :reporter_id
       AND (c.reported_at > clock_timestamp() - interval '1 day' OR c.state NOT IN {ENDED_SQL})
""")


@dataclass(frozen=True, slots=True)
class Flood:
    """The limit that was reached."""

    limit: str
    value: int


async def flood(db: Db, limits: Limits, reporter_id: UUID, category: str, at: Point | None) -> Flood | None:
    """The first limit of the station that one more report of this person would pass, or None.

    A place is a square of 300 m. Holds the person's row until the caller's transaction ends.
    """
    if category in NEVER_LIMITED:
        return None
    square = rounded(at, 300) if at else None
    values = {
        "reporter_id": reporter_id, "category": category, "lat": square.lat if square else None,
        "lng": square.lng if square else None,
    }  # fmt: skip
    await db.execute(_ONE_BY_ONE, {"reporter_id": reporter_id})
    row = (await db.execute(_COUNTS, values)).one()
    if row.same >= OPEN_OF_A_CATEGORY_AND_PLACE:
        return Flood("open_of_a_category_and_place", OPEN_OF_A_CATEGORY_AND_PLACE)
    if row.ten_minutes >= limits.in_10_min:
        return Flood("in_ten_minutes", limits.in_10_min)
    if row.day >= limits.in_a_day:
        return Flood("in_a_day", limits.in_a_day)
    return None
