"""What nobody claimed in time, and who claimed and gave no sign: the sweeps of the worker.

Deadlines are known a minute ahead: the worker reads those of the next 2 s with the database's now and
sleeps on the monotonic clock to the first. Any number of workers may sweep at once.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text

from app.cases.moves import Moved, move, move_due
from app.cases.states import ALARM, ESCALATE, HAND_OVER, NUDGE, STALL, TAKE_BACK_TO_DESK, TAKE_BACK_TO_OPEN
from app.events.follow import follow_soon
from app.kit.database import Database
from app.kit.metrics import HANDOVER_LATENESS
from app.kit.runtime import Runtime
from app.stations.registry import registry

HORIZON_S = 2.0
BATCH = 200

_NEXT = text("""
    SELECT extract(epoch FROM deadline - clock_timestamp())::float8 AS in_s FROM cases
     WHERE state = 'open' AND deadline <= clock_timestamp() + make_interval(secs => :horizon_s)
     ORDER BY deadline LIMIT 1
""")
_UNACKNOWLEDGED = text("""
    SELECT id, station_id, ack_step FROM cases
     WHERE ack_by <= clock_timestamp() AND acknowledged_at IS NULL ORDER BY ack_by LIMIT :limit
""")


async def next_deadline_s(database: Database, *, horizon_s: float = HORIZON_S) -> float | None:
    """Seconds until the next deadline within the horizon, by the database's clock; None when there is none."""
    async with database.moves() as db:
        in_s = (await db.execute(_NEXT, {"horizon_s": horizon_s})).scalar_one_or_none()
    return None if in_s is None else max(0.0, float(in_s))


async def sweep(runtime: Runtime) -> list[UUID]:
    """Hand every case whose deadline has passed to its station; returns them, oldest first."""
    handed = await hand_over_due(runtime.database, lambda moved: follow_moved(runtime, moved))
    return [one.case_id for one in handed]


async def hand_over_due(database: Database, follow: Callable[[list[Moved]], None]) -> list[Moved]:
    """The sweep itself; `follow` is given each batch once it is committed."""
    handed: list[Moved] = []
    while True:
        async with database.moves() as db:
            moved = await move_due(db, HAND_OVER, limit=BATCH)
        for one in moved:
            HANDOVER_LATENESS.observe((one.at - one.deadline).total_seconds())
        follow(moved)
        handed += moved
        if len(moved) < BATCH:
            return handed


async def sweep_silent(runtime: Runtime) -> int:
    """Run the clock of every promise: take back, alarm, nudge, stall; returns how many cases were touched.

    Each step is looked at before the one that leads to it, so a case takes one step a sweep.
    """
    touched = 0
    for what in (TAKE_BACK_TO_OPEN, TAKE_BACK_TO_DESK, ALARM, NUDGE, STALL):
        async with runtime.database.moves() as db:
            moved = await move_due(db, what, limit=BATCH)
        follow_moved(runtime, moved)
        touched += len(moved)
    return touched


async def sweep_unacknowledged(runtime: Runtime) -> int:
    """Ring the next desk of the ladder for every case that no desk acknowledged in time."""
    async with runtime.database.moves() as db:
        due = (await db.execute(_UNACKNOWLEDGED, {"limit": BATCH})).all()
    stations = await registry(runtime)
    rung = 0
    for row in due:
        ladder = stations.ladder(row.station_id)
        ringing = ladder[min(row.ack_step + 1, len(ladder) - 1)]
        async with runtime.database.moves() as db:
            moved = await move(db, ESCALATE, row.id, actor_id=None, step=row.ack_step, ringing_id=ringing.id)
        if moved:
            follow_moved(runtime, [moved])
            rung += 1
    return rung


def follow_moved(runtime: Runtime, moved: list[Moved]) -> None:
    """Follow what a sweep has done."""
    for one in moved:
        follow_soon(runtime, one.event)
