"""Whom the desk may assign: free officers by distance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.cases.queries import Case
from app.cases.states import ACTIVE_SQL
from app.dispatch.presence import nearby
from app.dispatch.reachable import reach_of
from app.kit.database import Db, MovesDb
from app.kit.errors import Unavailable
from app.kit.geo import Point, metres
from app.kit.runtime import Runtime
from app.stations.registry import registry

WITHIN_M = 20_000
LIMIT = 200
_FAR_M = 10**9


class Known(StrEnum):
    """How well an officer's distance is known."""

    FRESH = "fresh"  # a beat at most 45 s old
    SQUARE = "square"  # from the 300 m square last seen in
    UNKNOWN = "unknown"  # no place, or never seen


@dataclass(frozen=True, slots=True)
class Free:
    """An officer on duty without a case. `fit`: of a kind and with the skill that an offer would ask for.

    `reachable`: some channel reaches the phone now; else the desk calls by radio.
    """

    officer_id: UUID
    badge: str
    kind: str
    station_id: UUID
    skills: tuple[str, ...]
    fit: bool
    distance_m: int | None
    known: Known
    reachable: bool = True


_FREE = text(f"""
    SELECT f.person_id, f.badge, p.kind, f.station_id, f.skills, f.last_lat, f.last_lng,
           p.kind = ANY(c.kinds) AND (c.skill IS NULL OR c.skill = ANY(f.skills)) AS fit
      FROM officers f JOIN people p ON p.id = f.person_id JOIN cases c ON c.id = :case_id
     WHERE f.on_duty AND p.active AND f.lead_id IS NULL AND NOT (f.person_id = ANY(c.excluded))
       AND f.person_id <> c.reporter_id
       AND (f.station_id = ANY(CAST(:stations AS uuid[])) OR f.person_id = ANY(CAST(:near AS uuid[])))
       AND NOT EXISTS (SELECT FROM cases h WHERE h.officer_id = f.person_id
                          AND h.state IN {ACTIVE_SQL})
     LIMIT :limit
""")


async def free_officers(db: Db | MovesDb, runtime: Runtime, case: Case) -> list[Free]:
    """Free officers of the case's station and its neighbours, and whoever is near; nearest first, at most 200.

    Without Valkey distances are those of the 300 m squares in PostgreSQL. A crew stands under its lead.
    """
    at = (case.place.at if case.place else None) or case.rough
    near = await _near(runtime, at)
    stations = await registry(runtime)
    own = stations.get(case.station_id)
    values = {
        "case_id": case.id, "stations": [own.id, *own.neighbours], "near": list(near), "limit": LIMIT * 5,
    }  # fmt: skip
    found = []
    for row in await db.execute(_FREE, values):
        square = Point(row.last_lat, row.last_lng) if row.last_lat is not None else None
        distance_m, known = _distance(at, square, near.get(row.person_id))
        found.append(
            Free(
                row.person_id,
                row.badge,
                row.kind,
                row.station_id,
                tuple(row.skills),
                row.fit,
                distance_m,
                known,
            )
        )
    found.sort(key=lambda f: (_FAR_M if f.distance_m is None else f.distance_m, f.badge))
    nearest = found[:LIMIT]
    reach = await reach_of(db, runtime, [f.officer_id for f in nearest])
    return [replace(f, reachable=bool(reach[f.officer_id].channels)) for f in nearest]


async def _near(runtime: Runtime, at: Point | None) -> dict[UUID, int]:
    if at is None:
        return {}
    try:
        return {n.officer_id: n.distance_m for n in await nearby(runtime, at, within_m=WITHIN_M, limit=LIMIT)}
    except Unavailable:
        return {}


def _distance(at: Point | None, square: Point | None, fresh_m: int | None) -> tuple[int | None, Known]:
    if fresh_m is not None:
        return fresh_m, Known.FRESH
    if at is None or square is None:
        return None, Known.UNKNOWN
    return round(metres(at, square)), Known.SQUARE
