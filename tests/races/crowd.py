"""Many officers, cases and offers in a few statements, and what the log says of them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.ids import new_id
from app.kit.runtime import Runtime
from tests.factories import Made

_PEOPLE = text("INSERT INTO people (id, kind) SELECT unnest(CAST(:ids AS uuid[])), 'officer'")
_OFFICERS = text("""
    INSERT INTO officers (person_id, station_id, badge, on_duty, duty_since, skills)
    SELECT o.id, :station, o.badge, TRUE, clock_timestamp(), '{}'
      FROM unnest(CAST(:ids AS uuid[]), CAST(:badges AS text[])) AS o(id, badge)
""")
_CASES = text("""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    INSERT INTO cases (id, number, state, reporter_id, category, meet_code, station_id, reported_at, deadline,
                       silence_s, stall_s, ack_s)
    SELECT n.id, n.number, 'open', :reporter, 'noise', '4711', :station,
           t.now + make_interval(secs => CAST(:in_s AS float8) + n.later_s - CAST(:window_s AS float8)),
           t.now + make_interval(secs => CAST(:in_s AS float8) + n.later_s), '{60,120,180}', 600, 60
      FROM t, unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:later_s AS float8[])) AS n(id, number, later_s)
""")
_OFFERS = text("""
    INSERT INTO offers (case_id, epoch, officer_id, ring, distance_m, candidates)
    SELECT c.id, c.epoch, o.id, 0, 100, cardinality(CAST(:officers AS uuid[]))
      FROM cases c, unnest(CAST(:officers AS uuid[])) AS o(id) WHERE c.id = ANY(CAST(:cases AS uuid[]))
    ON CONFLICT DO NOTHING
""")


async def officers(runtime: Runtime, station: Made, count: int, *, first: int = 500_000) -> list[Made]:
    """`count` officers on duty; badges count from `first`."""
    ids = [new_id() for _ in range(count)]
    badges = [f"{first + n:06d}" for n in range(count)]
    async with runtime.database.moves() as db:
        await db.execute(_PEOPLE, {"ids": ids})
        await db.execute(_OFFICERS, {"ids": ids, "badges": badges, "station": station.id})
    facts = [{"badge": badge, "station_id": station.id, "kind": "officer"} for badge in badges]
    return [Made(i, f) for i, f in zip(ids, facts, strict=True)]


async def cases(
    runtime: Runtime,
    station: Made,
    reporter: Made,
    count: int,
    *,
    in_s: float = 60.0,
    spread_s: float = 0.0,
    window_s: float = 60.0,
) -> list[UUID]:
    """`count` open cases, no ring due. Deadlines: `in_s` from the database's now, spread over `spread_s`."""
    ids = [new_id() for _ in range(count)]
    later_s = [spread_s * n / max(1, count - 1) for n in range(count)]
    values = {
        "ids": ids, "numbers": [i.hex[-15:] for i in ids], "later_s": later_s, "reporter": reporter.id,
        "station": station.id, "in_s": in_s, "window_s": window_s,
    }  # fmt: skip
    async with runtime.database.moves() as db:
        await db.execute(_CASES, values)
    return ids


async def offer(runtime: Runtime, case_ids: Sequence[UUID], asked: Sequence[Made]) -> None:
    """Every case to every one of these officers, at its present epoch."""
    async with runtime.database.moves() as db:
        await db.execute(_OFFERS, {"cases": list(case_ids), "officers": [o.id for o in asked]})


async def rows(runtime: Runtime, sql: str, **values: Any) -> list[Any]:
    """Rows of a query."""
    async with runtime.database.moves() as db:
        return list((await db.execute(text(sql), values)).all())


async def run(runtime: Runtime, sql: str, **values: Any) -> None:
    """One statement, committed."""
    async with runtime.database.moves() as db:
        await db.execute(text(sql), values)


async def kinds(runtime: Runtime, case_id: UUID) -> list[str]:
    """The kinds of a case's events, in order."""
    found = await rows(runtime, "SELECT kind FROM events WHERE case_id = :id ORDER BY id", id=case_id)
    return [row.kind for row in found]
