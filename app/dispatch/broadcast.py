"""Rings: an open case is offered to more and more officers until one takes it or its minute ends.

Rings are derived, not called: `cases.next_ring_at` says when the next is due. The process that took the
report runs ring 0 at once, the worker any that is due, so a crash leaves no silent case. A ring is
one statement, guarded by its own number: run twice, it offers once.

An urgent open case (a missing person at risk) has one ring: everybody of the area, at second 0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.moves import move
from app.cases.queries import place_of
from app.cases.states import ACTIVE_SQL, NOBODY_TO_ASK
from app.dispatch.presence import nearby
from app.dispatch.reachable import reach_of
from app.events.follow import follow_soon
from app.events.record import FIRST_LEASE_S, Event
from app.kit.errors import Unavailable
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown
from app.stations.registry import registry
from app.stations.settings import StationSettings


class DispatchEvent(StrEnum):
    """What happened in dispatch beside moves of a case."""

    OFFERED = "offers_made"
    DECLINED = "offer_declined"


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case whose ring is due."""

    id: UUID
    epoch: int
    ring: int
    station_id: UUID
    at: Point | None
    kinds: tuple[str, ...]
    skill: str | None
    urgent: bool  # everybody is asked at once


A_FEW = 20
EVERYBODY_CAP = 1000
"""Officers asked at once about an urgent case: beyond any area's, so that nobody is left out, yet bounded."""

_OPEN = text("""
    SELECT id, epoch, ring, station_id, place, kinds, skill, urgent FROM cases
     WHERE id = :case_id AND state = 'open' AND deadline > clock_timestamp()
""")

FIT = f"""
    f.on_duty AND p.active AND p.kind = ANY(c.kinds) AND (c.skill IS NULL OR c.skill = ANY(f.skills))
    AND (f.lead_id IS NULL OR f.lead_id = f.person_id) AND NOT (f.person_id = ANY(c.excluded)) AND p.id <> c.reporter_id
    AND NOT EXISTS (SELECT FROM cases a WHERE a.officer_id = f.person_id
                       AND a.state IN {ACTIVE_SQL})
    AND NOT EXISTS (SELECT FROM offers d WHERE d.case_id = c.id AND d.officer_id = f.person_id AND d.declined_at IS NOT NULL)
"""
"""Who may be offered case `c`: officer `f`, person `p`; the one definition, for rings and late comers."""

_RING = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now),
    c AS (
        UPDATE cases SET ring = :ring + 1,
               next_ring_at = reported_at + make_interval(secs => CAST(:next_after_s AS float8))
          FROM t
         WHERE id = CAST(:case_id AS uuid) AND state = 'open' AND epoch = :epoch AND ring = :ring AND deadline > t.now
        RETURNING id, epoch, station_id, kinds, skill, excluded, reporter_id
    ), near AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:distances AS int[])) AS n(officer_id, distance_m)
    ), asked AS (
        INSERT INTO offers (case_id, epoch, officer_id, ring, distance_m, candidates, offered_at)
        SELECT c.id, c.epoch, f.person_id, :ring, near.distance_m, :candidates, t.now
          FROM t, c CROSS JOIN near
          JOIN officers f ON f.person_id = near.officer_id JOIN people p ON p.id = f.person_id
         WHERE {FIT}
        ON CONFLICT DO NOTHING
        RETURNING officer_id, distance_m
    ), e AS (
        INSERT INTO events (kind, case_id, station_id, actor_id, epoch, at, data)
        SELECT '{DispatchEvent.OFFERED}', c.id, c.station_id, NULL, c.epoch, t.now,
               jsonb_build_object('ring', CAST(:ring AS int), 'officers',
                                  (SELECT coalesce(jsonb_agg(officer_id), '[]') FROM asked))
          FROM c, t WHERE EXISTS (SELECT FROM asked)
        RETURNING id, kind, at, case_id, station_id, epoch, data
    ), o AS (
        INSERT INTO outbox (event_id, lease_until, attempts)
        SELECT id, clock_timestamp() + interval '{FIRST_LEASE_S} seconds', 1 FROM e
    )
    SELECT (SELECT count(*) FROM c) AS ran, (SELECT count(*) FROM asked) AS asked, e.*
      FROM (SELECT 1) AS one LEFT JOIN e ON TRUE
""")

_STATION = text(f"""
    SELECT f.person_id, f.last_lat, f.last_lng FROM cases c, officers f JOIN people p ON p.id = f.person_id
     WHERE c.id = :case_id AND f.station_id = c.station_id AND {FIT} LIMIT :cap
""")
_STALE = text(f"""
    SELECT f.person_id, f.last_lat, f.last_lng FROM cases c, officers f JOIN people p ON p.id = f.person_id
     WHERE c.id = :case_id AND f.on_duty AND f.last_lat BETWEEN :south AND :north AND f.last_lng BETWEEN :west AND :east
       AND {FIT} LIMIT :cap
""")
_ASKED = text("SELECT EXISTS (SELECT FROM offers WHERE case_id = :case_id AND epoch = :epoch)")


async def offer_ring(runtime: Runtime, case_id: UUID) -> int:
    """Run the next ring of an open case; returns how many officers it asked.

    When nobody on duty, fit and free exists for it at all whom any channel reaches, the desk has the case at once.
    """
    case = await _open_case(runtime, case_id)
    if case is None:
        return 0
    settings = (await registry(runtime)).get(case.station_id).settings
    if case.ring >= (1 if case.urgent else len(settings.rings)):
        return 0
    near = await _candidates(runtime, case, settings)
    if case.ring == 0 and not await _anybody(runtime, case, settings, near):
        await _nobody(runtime, case)
        return 0
    return await _ask(runtime, case, settings, near)


async def due_rings(runtime: Runtime, *, limit: int = 50) -> int:
    """Run every ring that is due; returns how many cases had one."""
    async with runtime.database.moves() as db:
        rows = await db.execute(
            text(
                "SELECT id FROM cases WHERE state = 'open' AND next_ring_at <= clock_timestamp()"
                " AND deadline > clock_timestamp() ORDER BY next_ring_at LIMIT :limit"
            ),
            {"limit": limit},
        )
        due = list(rows.scalars())
    for case_id in due:
        await offer_ring(runtime, case_id)
    return len(due)


async def _open_case(runtime: Runtime, case_id: UUID) -> OpenCase | None:
    async with runtime.database.moves() as db:
        row = (await db.execute(_OPEN, {"case_id": case_id})).one_or_none()
    if row is None:
        return None
    place = place_of(runtime, row.id, row.place)
    return OpenCase(
        row.id, row.epoch, row.ring, row.station_id, place.at if place else None, tuple(row.kinds), row.skill,
        row.urgent,
    )  # fmt: skip


async def _candidates(runtime: Runtime, case: OpenCase, settings: StationSettings) -> dict[UUID, int | None]:
    """Officers to consider in this ring, with metres where they are known."""
    if case.urgent:
        return await _everybody(runtime, case, settings)
    within_m = settings.rings[case.ring].within_m
    if within_m is None or case.at is None:
        return await _of_the_station(runtime, case, settings.offer_cap)
    try:
        fresh = await nearby(runtime, case.at, within_m=within_m, limit=settings.offer_cap)
    except Unavailable:
        return await _of_the_station(runtime, case, settings.offer_cap)
    found: dict[UUID, int | None] = {n.officer_id: n.distance_m for n in fresh}
    for officer_id, metres_away in (await _by_last_cell(runtime, case, within_m, settings.offer_cap)).items():
        found.setdefault(officer_id, metres_away)
    return found


async def _everybody(runtime: Runtime, case: OpenCase, settings: StationSettings) -> dict[UUID, int | None]:
    """All of the station, wherever they are, and whoever is within its widest ring."""
    found = await _of_the_station(runtime, case, EVERYBODY_CAP)
    within_m = widest_m(settings)
    if case.at is None or not within_m:
        return found
    try:
        fresh = await nearby(runtime, case.at, within_m=within_m, limit=EVERYBODY_CAP)
    except Unavailable:
        fresh = []
    asleep = await _by_last_cell(runtime, case, within_m, EVERYBODY_CAP)
    return found | asleep | {n.officer_id: n.distance_m for n in fresh}


def widest_m(settings: StationSettings) -> int:
    """Radius of the widest ring that has one, in metres; 0 when none has."""
    return max((ring.within_m or 0 for ring in settings.rings), default=0)


async def _of_the_station(runtime: Runtime, case: OpenCase, cap: int) -> dict[UUID, int | None]:
    async with runtime.database.moves() as db:
        rows = (await db.execute(_STATION, {"case_id": case.id, "cap": cap})).all()
    return {row.person_id: _metres(case.at, row) for row in rows}


async def _by_last_cell(runtime: Runtime, case: OpenCase, within_m: int, cap: int) -> dict[UUID, int | None]:
    """On-duty officers whose phone sleeps, by the 300 m square they were last seen in."""
    if case.at is None:
        return {}
    box = _box(case.at, within_m)
    async with runtime.database.moves() as db:
        rows = (await db.execute(_STALE, {"case_id": case.id, "cap": cap, **box})).all()
    found = {row.person_id: _metres(case.at, row) for row in rows}
    return {o: m for o, m in found.items() if m is not None and m <= within_m}


def _box(at: Point, within_m: int) -> dict[str, float]:
    lat = within_m / 111_000
    lng = lat / 0.5  # wide enough up to 60 degrees; the exact distance is judged after
    return {"south": at.lat - lat, "north": at.lat + lat, "west": at.lng - lng, "east": at.lng + lng}


def _metres(at: Point | None, row: Any) -> int | None:
    if at is None or row.last_lat is None:
        return None
    return round(metres(at, Point(row.last_lat, row.last_lng)))


async def _anybody(
    runtime: Runtime, case: OpenCase, settings: StationSettings, near: Collection[UUID]
) -> bool:
    """Whether any ring of this case could find somebody whom any channel reaches."""
    if near and await _any_reachable(runtime, near):
        return True
    some = await _of_the_station(runtime, case, A_FEW)  # almost always enough, and cheap
    if some and await _any_reachable(runtime, some):
        return True
    everybody = set(near) | set(await _of_the_station(runtime, case, EVERYBODY_CAP))
    try:
        # Also without a place: an answer of Valkey's says that beats are heard at all.
        widest = widest_m(settings)
        if case.at is not None and widest:
            everybody |= set(await _by_last_cell(runtime, case, widest, EVERYBODY_CAP))
            everybody |= {
                n.officer_id
                for n in await nearby(runtime, case.at, within_m=widest, limit=settings.offer_cap)
            }
        else:
            await runtime.valkey.ping()
    except (Unavailable, *ValkeyDown):
        return bool(everybody)  # who was heard lately is not known: nobody is called unreachable for it
    return await _any_reachable(runtime, everybody - set(near) - set(some))


async def _any_reachable(runtime: Runtime, officer_ids: Collection[UUID]) -> bool:
    if not officer_ids:
        return False
    async with runtime.database.moves() as db:
        return any(reach.channels for reach in (await reach_of(db, runtime, officer_ids)).values())


async def _nobody(runtime: Runtime, case: OpenCase) -> None:
    async with runtime.database.moves() as db:
        asked = (await db.execute(_ASKED, {"case_id": case.id, "epoch": case.epoch})).scalar_one()
        moved = None if asked else await move(db, NOBODY_TO_ASK, case.id, actor_id=None, epoch=case.epoch)
    if moved:
        follow_soon(runtime, moved.event)


async def _ask(
    runtime: Runtime, case: OpenCase, settings: StationSettings, near: dict[UUID, int | None]
) -> int:
    following = case.ring + 1
    values = {
        "case_id": case.id, "epoch": case.epoch, "ring": case.ring, "ids": list(near), "distances": list(near.values()),
        "candidates": len(near),
        "next_after_s": None if case.urgent or following >= len(settings.rings) else settings.rings[following].after_s,
    }  # fmt: skip
    async with runtime.database.moves() as db:
        row = (await db.execute(_RING, values)).one()
    if row.id is None:
        return 0
    follow_soon(
        runtime, Event(row.id, row.kind, row.at, row.case_id, row.station_id, None, row.epoch, row.data)
    )
    return int(row.asked)
