"""A report becomes a case: where it belongs, and whether it is broadcast or born with the desk.

A missing person at risk is both at once: the case is open, so that exactly one officer can claim it as any other,
all of the area are asked in the first ring, and the desk's bell rings from second 0 on. After 60 s it is the
desk's like every case that nobody claimed. So an open case that is urgent is one that everybody is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import Flag, Place, encrypt, encrypt_place
from app.cases.service import NewCase, Opened, open_case
from app.cases.states import Cause
from app.dispatch.limits import Flood, flood
from app.kit.database import Db
from app.kit.errors import Invalid, Unavailable
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.media.service import bind
from app.receipts.service import issue
from app.stations.categories import MISSING_PERSON, Category, open_now
from app.stations.registry import Registry, Station, registry

WORDS_MAX = 2000
MEDIA_MAX = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What a citizen reports. `place` None: the desk will ask where, that of the station `near` if it is known."""

    reporter_id: UUID
    category: str
    words: str | None = None
    place: Place | None = None
    media: tuple[str, ...] = ()
    text_only: bool = False
    flags: frozenset[Flag] = frozenset()  # beside text-only
    urgent: bool = False
    idempotency_key: str | None = None
    near: UUID | None = None
    facts: dict[str, object] = field(default_factory=dict)


_NOW = text("SELECT clock_timestamp() AS now")


async def take(db: Db, runtime: Runtime, report: Report) -> Opened:
    """Open a case for a report, in the edge's transaction; received means committed.

    Raises:
        Invalid: unknown category, or words or media over their limits.
        Unavailable: no station is set up yet.
    """
    _check(report)
    stations = await registry(runtime)
    station, outside = _station(stations, report)
    category = _category(station, report.category)
    now = (await db.execute(_NOW)).scalar_one()
    at = report.place.at if report.place else None
    over = await flood(db, station.settings.limits, report.reporter_id, report.category, at)
    in_hours = open_now(category, now, station.settings.timezone)
    cause = _cause(report, station, category, in_hours, over, outside=outside)
    case_id, settings = new_id(), station.settings
    kinds = ("officer", "auxiliary") if report.category in settings.auxiliaries_for else ("officer",)
    opened = await open_case(
        db,
        NewCase(
            id=case_id,
            reporter_id=report.reporter_id,
            category=report.category,
            station_id=station.id,
            words=encrypt(runtime, case_id, "words", report.words),
            place=encrypt_place(runtime, case_id, report.place),
            at=at,
            window_s=settings.claim_window_s,
            silence_s=(settings.nudge_s, settings.alarm_s, settings.take_back_s),
            stall_s=settings.stall_s,
            ack_s=settings.urgent_ack_s if report.urgent else settings.ack_s,
            born_with_desk=cause,
            alarms_desk=report.urgent and cause is None,
            urgent=report.urgent,
            text_only=report.text_only,
            media=report.media,
            kinds=kinds,
            skill=category.skill,
            idempotency_key=report.idempotency_key,
            facts=_facts(report, over),
        ),
    )
    if opened.fresh:
        await bind(db, case_id, report.reporter_id, report.media)
        await issue(
            db, runtime, case_id, number=opened.number, at=opened.reported_at, content=_content(report)
        )
    return opened


def _facts(report: Report, over: Flood | None) -> dict[str, object]:
    flags = sorted(str(flag) for flag in report.flags - {Flag.TEXT_ONLY})
    return report.facts | ({"flags": flags} if flags else {}) | ({"repeat": over.limit} if over else {})


def _content(report: Report) -> dict[str, object]:
    """What a receipt commits to: the report as it came, places rounded to 0.1 m."""
    place = report.place
    at = place.at if place else None
    return {
        "category": report.category, "words": report.words, "media": list(report.media),
        "place": place.label if place else None, "at": [f"{at.lat:.6f}", f"{at.lng:.6f}"] if at else None,
    }  # fmt: skip


def _check(report: Report) -> None:
    if report.words and len(report.words) > WORDS_MAX:
        raise Invalid(f"words may have {WORDS_MAX} characters, these have {len(report.words)}", field="words")
    if len(report.media) > MEDIA_MAX:
        raise Invalid(f"a report may carry {MEDIA_MAX} pictures", field="media")


def _station(stations: Registry, report: Report) -> tuple[Station, bool]:
    """The station whose area holds the place; else the command centre, else the nearest, and True: it lies outside.

    Without a place the one they are near; else the command centre, which forwards.
    """
    at = report.place.at if report.place else None
    if at:
        # A place that lies in no area is nobody's: only where there is none at all the scanned code counts.
        if here := stations.station_at(at):
            return here, False
        if nearest := stations.nearest(at):
            return stations.command_centre() or nearest, True
    near = None if at else next((s for s in stations.all() if s.id == report.near), None)
    station = near or stations.command_centre() or next(iter(stations.all()), None)
    if station is None:
        raise Unavailable("no station is set up yet: an administrator adds stations first")
    return station, False


def _category(station: Station, key: str) -> Category:
    category = station.settings.category(key)
    if category is None:
        known = ", ".join(c.key for c in station.settings.known_categories())
        raise Invalid(f"category must be one of {known}", field="category")
    return category


def _cause(
    report: Report, station: Station, category: Category, in_hours: bool, over: Flood | None, *, outside: bool
) -> Cause | None:  # fmt: skip
    """Why a case is not broadcast, most pressing first; None when it is."""
    if report.urgent:
        return None if _asks_everybody(report, station, outside=outside) else Cause.URGENT
    if report.place is None or report.place.at is None:
        return Cause.NO_PLACE if category.scene else Cause.NO_SCENE
    if outside or station.is_command:
        return Cause.FORWARDED
    if not category.scene:
        return Cause.NO_SCENE
    if over and not report.text_only:
        return Cause.FLOOD
    return None if in_hours else Cause.OUT_OF_HOURS


def _asks_everybody(report: Report, station: Station, *, outside: bool) -> bool:
    """A missing person at risk, where the area is known; danger of any other kind is the desk's to send to."""
    known = report.place is not None and report.place.at is not None and not (outside or station.is_command)
    return report.category == MISSING_PERSON and known
