"""An area case: many will report one event, and the desk says so once, for an area and a time, in its own words.

It is a row that refers to a case; the case itself stays as it is. Who reports the like inside is asked whether it is
this one, in the words of the desk, and "me too" counts them without a case of their own: so one case asks officers, not
a hundred. Danger, silent reports and missing persons are never asked. All are told once when the desk ends it, or with
the case. What the desk publishes is not withheld below three people, as a case nearby is (`app.dispatch.nearby`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act
from app.cases.states import ENDED_SQL
from app.dispatch.errors import AreaNotShared, AreaOpenAlready, NoAreaOpen
from app.dispatch.nearby import AREA_ENDED, SQUARE_M
from app.events.record import record
from app.kit.database import Db, MovesDb
from app.kit.errors import Invalid
from app.kit.geo import Point, metres
from app.kit.ids import new_id
from app.stations.categories import NEVER_SHARED

RADIUS_M = (50, 5000)
HOURS_MAX = 72
WORDS_MAX_ZH, WORDS_MAX_EN = 200, 300
_DEGREE_M = 111_000


@dataclass(frozen=True, slots=True)
class AreaCase:
    """An area case that runs, as the desk gave it. `centre` is WGS-84, `radius_m` in metres."""

    id: UUID
    case_id: UUID
    category: str
    centre: Point
    radius_m: int
    words_zh: str
    words_en: str
    until: datetime
    opened_at: datetime


_CASE = text(f"""
    SELECT category, station_id, epoch, clock_timestamp() AS now, rough_lat AS lat, rough_lng AS lng,
           state NOT IN {ENDED_SQL} AND NOT urgent AND NOT text_only AS may FROM cases WHERE id = :case_id FOR SHARE
""")
_OPEN = text("""
    INSERT INTO area_cases (id, case_id, category, lat, lng, radius_m, words_zh, words_en, until, opened_by)
    VALUES (:id, :case_id, :category, :lat, :lng, :radius_m, :words_zh, :words_en, :until, :by)
    ON CONFLICT (case_id) WHERE ended_at IS NULL DO NOTHING RETURNING *
""")
_COLUMNS = (
    "a.id, a.case_id, a.category, a.lat, a.lng, a.radius_m, a.words_zh, a.words_en, a.until, a.opened_at"
)
_OF_CASE = text(f"SELECT {_COLUMNS} FROM area_cases a WHERE a.case_id = :case_id AND a.ended_at IS NULL")
_AT = text(f"""
    SELECT {_COLUMNS} FROM area_cases a JOIN cases c ON c.id = a.case_id
     WHERE a.category = :category AND a.ended_at IS NULL AND a.until > clock_timestamp()
       AND a.lat BETWEEN :lat - {RADIUS_M[1]} / {_DEGREE_M}.0 AND :lat + {RADIUS_M[1]} / {_DEGREE_M}.0
       AND c.state NOT IN {ENDED_SQL} AND NOT c.urgent AND NOT c.text_only AND c.category = a.category
       AND c.reporter_id <> :person_id
       AND NOT EXISTS (SELECT FROM me_toos m WHERE m.case_id = a.case_id AND m.person_id = :person_id AND m.joined_at IS NOT NULL)
     ORDER BY a.opened_at
""")
_END = text("""
    UPDATE area_cases SET ended_at = clock_timestamp(), ended_by = :by WHERE case_id = :case_id AND ended_at IS NULL
    RETURNING id
""")


async def open_area(
    db: Db, case_id: UUID, *, centre: Point, radius_m: int, words_zh: str, words_en: str, until: datetime, by: UUID
) -> AreaCase:  # fmt: skip
    """Open an area case around `centre`; the caller has checked that `by` is of the case's desk.

    Raises:
        Invalid: radius, words or time out of range, or the case lies outside. AreaNotShared: the case has ended, is urgent or silent, or of a
        category that nobody else may know of. AreaOpenAlready: this case has one that runs.
    """
    case = (await db.execute(_CASE, {"case_id": case_id})).one()
    _check(radius_m, words_zh, words_en)
    if case.lat is not None and metres(centre, Point(case.lat, case.lng)) > radius_m + SQUARE_M:
        # Else a desk would ask, and take in, who reports to another one.
        raise Invalid("the area must hold the place of its case: move it there or widen it", field="radius_m")
    if not case.now < until <= case.now + timedelta(hours=HOURS_MAX):
        raise Invalid(f"until must lie ahead, by {HOURS_MAX} hours at most", field="until")
    if not case.may or case.category in NEVER_SHARED:
        raise AreaNotShared(case_id=str(case_id))
    values = {
        "id": new_id(), "case_id": case_id, "category": case.category, "lat": centre.lat, "lng": centre.lng,
        "radius_m": radius_m, "words_zh": words_zh, "words_en": words_en, "until": until, "by": by,
    }  # fmt: skip
    row = (await db.execute(_OPEN, values)).one_or_none()
    if row is None:
        raise AreaOpenAlready(case_id=str(case_id))
    await record_act(
        db, actor_id=by, action="area_case_opened", object_kind="case", object_id=case_id,
        facts={"radius_m": radius_m},
    )  # fmt: skip
    return _area(row)


def _check(radius_m: int, words_zh: str, words_en: str) -> None:
    least, most = RADIUS_M
    if not least <= radius_m <= most:
        raise Invalid(f"radius_m must be {least} to {most} metres, not {radius_m}", field="radius_m")
    for field, words, longest in (
        ("words_zh", words_zh, WORDS_MAX_ZH),
        ("words_en", words_en, WORDS_MAX_EN),
    ):
        if not 0 < len(words.strip()) <= len(words) <= longest:
            raise Invalid(f"{field} must have 1 to {longest} characters", field=field)


async def area_of(db: Db | MovesDb, case_id: UUID) -> AreaCase | None:
    """The area case of a case that the desk has not ended."""
    row = (await db.execute(_OF_CASE, {"case_id": case_id})).one_or_none()
    return _area(row) if row else None


async def area_case_at(db: Db, *, person_id: UUID, category: str, at: Point) -> AreaCase | None:
    """The area case of this category that holds the point, the first that was opened; None for whoever is in it already."""
    values = {"category": category, "lat": at.lat, "person_id": person_id}
    areas = [_area(row) for row in await db.execute(_AT, values)]
    return next((area for area in areas if metres(area.centre, at) <= area.radius_m), None)


async def end_area(db: Db, case_id: UUID, *, by: UUID) -> None:
    """End the area case of a case: nobody is asked any more, and all who said "me too" are told, once.

    Raises:
        NoAreaOpen: there is none that runs.
    """
    if (await db.execute(_END, {"case_id": case_id, "by": by})).one_or_none() is None:
        raise NoAreaOpen(case_id=str(case_id))
    case = (await db.execute(_CASE, {"case_id": case_id})).one()
    await record(
        db, AREA_ENDED, case_id=case_id, station_id=case.station_id, actor_id=by, epoch=case.epoch, data={}
    )
    await record_act(db, actor_id=by, action="area_case_ended", object_kind="case", object_id=case_id)


def _area(row: Any) -> AreaCase:  # a Row of the statements above
    return AreaCase(
        row.id, row.case_id, row.category, Point(row.lat, row.lng), row.radius_m, row.words_zh, row.words_en, row.until,
        row.opened_at,
    )  # fmt: skip
