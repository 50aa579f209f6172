"""An officer who comes on duty, becomes free or moves into a ring already open is offered it on the next fix."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import place_of
from app.dispatch.broadcast import FIT, DispatchEvent, widest_m
from app.events.follow import follow_soon
from app.events.record import FIRST_LEASE_S, Event
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.stations.registry import registry

REREAD_S = 1.0
_SEEN_MAX = 50_000


@dataclass(frozen=True, slots=True)
class OpenRing:
    """An open case and how far its rings reach by now: its whole station, metres around it, or both."""

    case_id: UUID
    epoch: int
    ring: int
    station_id: UUID
    at: Point | None
    within_m: int
    whole_station: bool


_OPEN = text("""
    SELECT id, epoch, ring, station_id, place, urgent FROM cases
     WHERE state = 'open' AND ring > 0 AND deadline > clock_timestamp() LIMIT 2000
""")
_OFFER = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), asked AS (
        INSERT INTO offers (case_id, epoch, officer_id, ring, distance_m, candidates, offered_at)
        SELECT c.id, c.epoch, f.person_id, :ring, CAST(:distance_m AS int), 1, t.now
          FROM t, cases c, officers f JOIN people p ON p.id = f.person_id
         WHERE c.id = CAST(:case_id AS uuid) AND c.epoch = :epoch AND c.state = 'open' AND c.deadline > t.now
           AND f.person_id = CAST(:officer_id AS uuid) AND {FIT}
        ON CONFLICT DO NOTHING RETURNING case_id, epoch, officer_id
    ), e AS (
        INSERT INTO events (kind, case_id, station_id, actor_id, epoch, at, data)
        SELECT '{DispatchEvent.OFFERED}', a.case_id, CAST(:station_id AS uuid), NULL, a.epoch, t.now,
               jsonb_build_object('ring', CAST(:ring AS int), 'officers', jsonb_build_array(a.officer_id), 'late', TRUE)
          FROM asked a, t RETURNING id, kind, at, case_id, station_id, epoch, data
    ), o AS (
        INSERT INTO outbox (event_id, lease_until, attempts)
        SELECT id, clock_timestamp() + interval '{FIRST_LEASE_S} seconds', 1 FROM e
    )
    SELECT * FROM e
""")

_open: dict[int, tuple[float, list[OpenRing]]] = {}  # by runtime: what is open, read at most once a second
_asked: dict[tuple[UUID, int, UUID], None] = {}  # (case, epoch, officer) already tried here


async def offer_what_is_open(runtime: Runtime, officer_id: UUID, station_id: UUID, at: Point) -> int:
    """Offer this free officer every open case whose rings already reach here; returns how many."""
    offered = 0
    for ring in await _open_rings(runtime):
        key = (ring.case_id, ring.epoch, officer_id)
        if key in _asked or not _reaches(ring, station_id, at):
            continue
        while len(_asked) >= _SEEN_MAX:
            _asked.pop(next(iter(_asked)))
        _asked[key] = None
        offered += await _offer(runtime, ring, officer_id, at)
    return offered


def forget_officer(officer_id: UUID) -> None:
    """An officer became free again: what was refused for being busy may be offered now."""
    for key in [k for k in _asked if k[2] == officer_id]:
        del _asked[key]


def _reaches(ring: OpenRing, station_id: UUID, at: Point) -> bool:
    if ring.whole_station and ring.station_id == station_id:
        return True
    return ring.at is not None and metres(at, ring.at) <= ring.within_m


async def _open_rings(runtime: Runtime) -> list[OpenRing]:
    known = _open.get(id(runtime))
    if known and time.monotonic() - known[0] < REREAD_S:
        return known[1]
    async with runtime.database.moves() as db:
        rows = (await db.execute(_OPEN)).all()
    stations = await registry(runtime)
    rings = []
    for row in rows:
        place = place_of(runtime, row.id, row.place)
        settings = stations.get(row.station_id).settings
        newest_m = settings.rings[min(row.ring, len(settings.rings)) - 1].within_m
        rings.append(
            OpenRing(
                row.id, row.epoch, row.ring - 1, row.station_id, place.at if place else None,
                within_m=widest_m(settings) if row.urgent else newest_m or 0,
                whole_station=row.urgent or newest_m is None,
            )
        )  # fmt: skip
    _open[id(runtime)] = (time.monotonic(), rings)
    return rings


async def _offer(runtime: Runtime, ring: OpenRing, officer_id: UUID, at: Point) -> int:
    values = {
        "case_id": ring.case_id, "epoch": ring.epoch, "officer_id": officer_id, "ring": ring.ring,
        "station_id": ring.station_id, "distance_m": round(metres(at, ring.at)) if ring.at else None,
    }  # fmt: skip
    async with runtime.database.moves() as db:
        row = (await db.execute(_OFFER, values)).one_or_none()
    if row is None:
        return 0
    follow_soon(
        runtime, Event(row.id, row.kind, row.at, row.case_id, row.station_id, None, row.epoch, row.data)
    )
    return 1
