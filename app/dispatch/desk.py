"""What the desk does with a case: each act is a conditional grant, as the claim is, so two desks never hold one.

Every act may be sent again: the same person who did the same thing gets the same answer, as long as the case has
not changed hands since. The event of the act is the proof, so this holds also where the act itself took the case
out of that person's sight (forwarded) or ended it (closed, merged).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.cases.errors import CaseEnded, CaseNotFound, StaleEpoch, WrongState
from app.cases.moves import Moved, move, why_not
from app.cases.queries import encrypt
from app.cases.states import (
    ACKNOWLEDGE,
    ASSIGN,
    CLOSE_AT_DESK,
    ENDED_SQL,
    FORWARD,
    FORWARD_BY_COMMANDER,
    MERGE,
    PUT_BACK,
    RECALL,
    REOPEN,
    TAKE,
    CaseState,
    Move,
)
from app.dispatch.acts import checked
from app.dispatch.errors import NotFree
from app.events.follow import follow_soon
from app.kit.database import AdvisoryLock, MovesDb
from app.kit.errors import Forbidden, Invalid
from app.kit.runtime import Runtime
from app.people.queries import scope_of
from app.people.sessions import Actor
from app.people.tables import Role
from app.stations.registry import registry

_MINE = "(:everywhere OR c.station_id = ANY(CAST(:stations AS uuid[])) OR c.ringing_id = ANY(CAST(:stations AS uuid[])))"
_STATION_OF = text("SELECT station_id FROM cases WHERE id = :case_id")
_VISIBLE = text(f"SELECT EXISTS (SELECT FROM cases c WHERE c.id = :case_id AND {_MINE})")
# FOR SHARE: who goes off duty at this moment waits for the assignment, and then holds a case.
_ON_DUTY = """EXISTS (SELECT FROM officers f JOIN people p ON p.id = f.person_id
    WHERE f.person_id = CAST(:officer_id AS uuid) AND f.on_duty AND p.active FOR SHARE OF f)"""


_FIT = text(
    f"SELECT {_ON_DUTY} AND NOT (CAST(:officer_id AS uuid) = ANY(excluded))"
    " AND reporter_id <> CAST(:officer_id AS uuid) FROM cases WHERE id = :case_id"
)


async def acknowledge(runtime: Runtime, case_id: UUID, *, actor: Actor) -> Moved:
    """A human of the desk has seen it: the ladder stops ringing. Seen twice by one person is seen once."""
    return await _act(runtime, ACKNOWLEDGE, case_id, actor=actor)


async def take_case(runtime: Runtime, case_id: UUID, *, epoch: int, actor: Actor) -> Moved:
    """Take a case at the desk; of two who try, one gets it."""
    return await _act(runtime, TAKE, case_id, epoch=epoch, actor=actor)


async def put_back(runtime: Runtime, case_id: UUID, *, epoch: int, actor: Actor) -> Moved:
    """Lay one's case back into the queue."""
    return await _act(runtime, PUT_BACK, case_id, epoch=epoch, actor=actor)


async def assign(runtime: Runtime, case_id: UUID, *, epoch: int, officer_id: UUID, actor: Actor) -> Moved:
    """Put a free officer on a case.

    Raises:
        NotFree: off duty, or left out of this case. OfficerHasACase: holds another.
    """
    moved = await _try(
        runtime, ASSIGN, case_id, epoch=epoch, actor=actor, only_if=f"{_ON_DUTY} AND {_MINE}",
        same={"officer_id": str(officer_id)}, officer_id=officer_id,
    )  # fmt: skip
    if moved is None:
        async with runtime.database.moves() as db:
            if not (await db.execute(_FIT, {"officer_id": officer_id, "case_id": case_id})).scalar_one():
                raise NotFree(officer_id=str(officer_id))
        await _refuse(runtime, ASSIGN, case_id, epoch=epoch, actor=actor)
    return _followed(runtime, moved)


async def recall(runtime: Runtime, case_id: UUID, *, epoch: int, actor: Actor, reason: str) -> Moved:
    """Take a case back from the officer who holds it."""
    return await _act(runtime, RECALL, case_id, epoch=epoch, actor=actor, data={"reason": reason})


async def forward(
    runtime: Runtime, case_id: UUID, *, epoch: int, to_station_id: UUID, actor: Actor, reason: str
) -> Moved:
    """Send a case to another station: twice at most, then only a commander.

    Raises:
        Invalid: no such station, or the case is there already. TooManyForwards: a commander decides now.
    """
    stations = await registry(runtime)
    if to_station_id not in {s.id for s in stations.all()}:
        raise Invalid("to_station_id names no station", field="to_station_id")
    async with runtime.database.moves() as db:
        if again := await _done_before(
            db, (FORWARD, FORWARD_BY_COMMANDER), case_id, epoch=epoch, actor=actor, same={"to_station_id": str(to_station_id)}
        ):  # fmt: skip
            return again
        await _visible(db, case_id, actor)
        here = (await db.execute(_STATION_OF, {"case_id": case_id})).scalar_one()
    what = FORWARD_BY_COMMANDER if actor.has(Role.COMMANDER, here) else FORWARD
    elsewhere = f"{_MINE} AND c.station_id <> CAST(:to_station_id AS uuid)"
    return await _act(
        runtime, what, case_id, epoch=epoch, actor=actor, only_if=elsewhere,
        data={"reason": reason, "from_station_id": str(here), "to_station_id": str(to_station_id)},
        to_station_id=to_station_id,
    )  # fmt: skip


async def close_at_desk(
    runtime: Runtime, case_id: UUID, *, epoch: int, actor: Actor, disposition: str, note: str
) -> Moved:
    """End a case at the desk that one has taken; the note says why, always."""
    if not note.strip():
        raise Invalid("note is required: a case closed at the desk carries its reason", field="note")
    return await _act(
        runtime, CLOSE_AT_DESK, case_id, epoch=epoch, actor=actor, data={"disposition": disposition},
        same={"disposition": disposition},
        disposition=checked(disposition), note=encrypt(runtime, case_id, "disposition_note", note),
    )  # fmt: skip


# One merge at a time, so that of two cases folded into each other one goes on; the lock comes first (CASE), then
# the other case is read as it stands now (FOR SHARE), not as it stood when the statement began.
_OTHER_GOES_ON = f"""CASE WHEN CAST(pg_advisory_xact_lock({AdvisoryLock.MERGE.value}) AS text) = '' THEN EXISTS (
    SELECT FROM cases i WHERE i.id = :into_id AND i.state NOT IN {ENDED_SQL} FOR SHARE) END"""
_ENDED = text(f"SELECT state IN {ENDED_SQL} FROM cases WHERE id = :into_id")


async def merge(runtime: Runtime, case_id: UUID, *, epoch: int, into_id: UUID, actor: Actor) -> Moved:
    """Fold a case into another of the same matter; the other goes on.

    Raises:
        CaseEnded: the other has ended, and nobody would look after either.
    """
    async with runtime.database.moves() as db:
        await _visible(db, into_id, actor)
    try:
        return await _act(
            runtime, MERGE, case_id, epoch=epoch, actor=actor, only_if=f"{_MINE} AND {_OTHER_GOES_ON}",
            data={"into_id": str(into_id)}, same={"into_id": str(into_id)}, into_id=into_id,
        )  # fmt: skip
    except WrongState:
        async with runtime.database.moves() as db:
            if (await db.execute(_ENDED, {"into_id": into_id})).scalar_one():
                raise CaseEnded(case_id=str(into_id)) from None
        raise


async def reopen(runtime: Runtime, case_id: UUID, *, actor: Actor, reason: str) -> Moved:
    """Take up a closed case again."""
    return await _act(runtime, REOPEN, case_id, actor=actor, data={"reason": reason})


def stations_of(actor: Actor) -> tuple[bool, list[UUID]]:
    """(all of them?, those named): where this person is desk or commander."""
    scope = scope_of(actor, Role.DESK, Role.COMMANDER)
    return scope.everywhere, list(scope.stations)


def _scope(actor: Actor) -> dict[str, object]:
    everywhere, stations = stations_of(actor)
    if not everywhere and not stations:
        raise Forbidden("this needs the role desk or commander")
    return {"everywhere": everywhere, "stations": stations}


async def _visible(db: MovesDb, case_id: UUID, actor: Actor) -> None:
    if not (await db.execute(_VISIBLE, {"case_id": case_id, **_scope(actor)})).scalar_one():
        raise CaseNotFound(case_id=str(case_id))


async def _try(
    runtime: Runtime, what: Move, case_id: UUID, *, actor: Actor, epoch: int | None = None, only_if: str = _MINE,
    data: dict[str, object] | None = None, same: Mapping[str, str] | None = None, **values: object,
) -> Moved | None:  # fmt: skip
    async with runtime.database.moves() as db:
        seen = (await db.execute(_VISIBLE, {"case_id": case_id, **_scope(actor)})).scalar_one()
        moved = (
            await move(
                db, what, case_id, actor_id=actor.person_id, epoch=epoch, only_if=only_if, data=data,
                **_scope(actor), **values,
            )
            if seen
            else None
        )  # fmt: skip
        moved = moved or await _done_before(db, (what,), case_id, epoch=epoch, actor=actor, same=same)
    if moved is None and not seen:
        raise CaseNotFound(case_id=str(case_id))
    return moved


async def _act(
    runtime: Runtime, what: Move, case_id: UUID, *, actor: Actor, epoch: int | None = None, only_if: str = _MINE,
    data: dict[str, object] | None = None, same: Mapping[str, str] | None = None, **values: object,
) -> Moved:  # fmt: skip
    moved = await _try(
        runtime, what, case_id, actor=actor, epoch=epoch, only_if=only_if, data=data, same=same, **values
    )
    if moved is None:
        await _refuse(runtime, what, case_id, epoch=epoch, actor=actor)
    return _followed(runtime, moved)


# The epoch that the act left behind is still the case's: nobody has taken hold of it since.
_DONE = text("""
    SELECT c.id, c.number, e.data ->> 'to' AS state, e.epoch, e.station_id, c.reporter_id, e.data ->> 'officer_id' AS officer_id,
           e.data ->> 'previous_officer_id' AS previous_officer_id, c.reported_at, c.deadline, e.at
      FROM events e JOIN cases c ON c.id = e.case_id AND c.epoch = e.epoch
     WHERE e.case_id = :case_id AND e.actor_id = :actor_id AND e.data ->> 'move' = ANY(CAST(:moves AS text[]))
       AND (CAST(:epoch AS int) IS NULL OR e.epoch - CAST(:grown AS int) = :epoch) AND e.data @> CAST(:same AS jsonb)
       AND (NOT :acknowledged OR c.acknowledged_at IS NOT NULL)
     ORDER BY e.id DESC LIMIT 1
""").bindparams(bindparam("same", type_=JSONB))


async def _done_before(
    db: MovesDb, what: tuple[Move, ...], case_id: UUID, *, epoch: int | None, actor: Actor,
    same: Mapping[str, str] | None = None,
) -> Moved | None:  # fmt: skip
    """The answer this person had to this very act, to give it once more; `same`: what must have been asked for alike."""
    values = {
        "case_id": case_id, "actor_id": actor.person_id, "moves": [one.name for one in what], "same": dict(same or {}),
        "epoch": epoch, "grown": 1 if what[0].new_holder else 0,
        "acknowledged": ACKNOWLEDGE in what,
    }  # fmt: skip
    row = (await db.execute(_DONE, values)).one_or_none()
    if row is None:
        return None
    return Moved(
        row.id, row.number, CaseState(row.state), row.epoch, row.station_id, row.reporter_id, _id(row.officer_id),
        _id(row.previous_officer_id), row.reported_at, row.deadline, row.at, None,
    )  # fmt: skip


def _id(given: str | None) -> UUID | None:
    return UUID(given) if given else None


async def _refuse(
    runtime: Runtime, what: Move, case_id: UUID, *, epoch: int | None, actor: Actor
) -> NoReturn:
    """Say what stands in the way of an act that is no repeat."""
    async with runtime.database.moves() as db:
        now = await why_not(db, what, case_id, actor_id=actor.person_id, epoch=epoch)
    # Done by this person, but asked for otherwise: another officer, another disposition.
    if epoch in (None, now.epoch):
        raise WrongState(case_id=str(case_id), state=str(now.state), epoch=now.epoch)
    raise StaleEpoch(case_id=str(case_id), state=str(now.state), epoch=now.epoch, given=epoch)


def _followed(runtime: Runtime, moved: Moved) -> Moved:
    follow_soon(runtime, moved.event)
    return moved
