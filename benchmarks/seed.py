"""Rows by the thousand: cloned in the database from one that the tests' factories made."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.events.edge import transaction
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.people.sessions import issue
from app.people.tables import Audience
from tests.factories import Made, Make

_PEOPLE = text("INSERT INTO people (id, kind) SELECT unnest(CAST(:ids AS uuid[])), 'officer'")
_OFFICERS = text("""
    INSERT INTO officers (person_id, station_id, badge, on_duty, duty_since, skills, last_lat, last_lng, last_seen_at)
    SELECT id, :station, right(id::text, 12), TRUE, clock_timestamp(), '{}', 32.06, 118.82, clock_timestamp()
      FROM unnest(CAST(:ids AS uuid[])) AS o(id)
""")
_CASES = text("""
    INSERT INTO cases SELECT (jsonb_populate_record(c, jsonb_build_object('id', n.id, 'number', right(n.id::text, 12),
           'reported_at', clock_timestamp() + make_interval(secs => n.due_s - 60),
           'deadline', clock_timestamp() + make_interval(secs => n.due_s), 'next_ring_at', NULL))).*
      FROM cases c, unnest(CAST(:ids AS uuid[]), CAST(:due_s AS float8[])) AS n(id, due_s) WHERE c.id = :like
""")
_OFFERS = text("""
    INSERT INTO offers (case_id, epoch, officer_id, ring, distance_m, candidates)
    SELECT c.id, 0, o.id, 0, 100, 1
      FROM unnest(CAST(:cases AS uuid[])) WITH ORDINALITY AS c(id, n)
      JOIN unnest(CAST(:officers AS uuid[])) WITH ORDINALITY AS o(id, n) ON (NOT :paired OR o.n = c.n)
""")


@dataclass(frozen=True)
class Signed:
    """An officer on duty with a session."""

    id: UUID
    token: str


async def station(runtime: Runtime) -> Made:
    """The one station."""
    return await Make(runtime).the_station()


async def officers(runtime: Runtime, at: Made, count: int) -> list[UUID]:
    """Officers on duty, free."""
    ids = [new_id() for _ in range(count)]
    async with transaction(runtime) as db:
        await db.execute(_PEOPLE, {"ids": ids})
        await db.execute(_OFFICERS, {"ids": ids, "station": at.id})
    return ids


async def signed_in(runtime: Runtime, people: list[UUID]) -> list[Signed]:
    """A session with its second factor for each."""
    found = []
    async with transaction(runtime) as db:
        for one in people:
            token, _ = await issue(db, one, Audience.MINIPROGRAM, ttl_s=36_000, second_factor=True)
            found.append(Signed(one, token))
    return found


async def sessions_of(runtime: Runtime, people: list[UUID]) -> list[tuple[UUID, UUID]]:
    """(person, session) for each; their tokens are thrown away."""
    async with transaction(runtime) as db:
        return [
            (one, (await issue(db, one, Audience.MINIPROGRAM, ttl_s=36_000, second_factor=True))[1])
            for one in people
        ]


async def cases(runtime: Runtime, at: Made, *, due_s: list[float]) -> list[UUID]:
    """Open cases, each with its deadline that many seconds from now; the one they are cloned from is closed."""
    like = await Make(runtime).case(station=at)
    ids = [new_id() for _ in due_s]
    async with transaction(runtime) as db:
        await db.execute(_CASES, {"ids": ids, "due_s": due_s, "like": like.id})
        await db.execute(text("DELETE FROM cases WHERE id = :id"), {"id": like.id})
    return ids


async def offers(runtime: Runtime, of: list[UUID], to: list[UUID], *, paired: bool) -> None:
    """Offers of the first opening: each case to each officer, or (paired) the nth to the nth."""
    async with transaction(runtime) as db:
        await db.execute(_OFFERS, {"cases": of, "officers": to, "paired": paired})
