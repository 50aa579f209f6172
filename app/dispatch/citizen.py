"""What the reporter of a case can do with it, by chat or in the mini-program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.cases.errors import CaseEnded, CaseNotFound
from app.cases.moves import Moved, move, why_not
from app.cases.policy import closed_lately
from app.cases.queries import Case, Place, encrypt, encrypt_place, get_case
from app.cases.states import (
    ASK_TO_CANCEL,
    CANCEL_UNHELD,
    ENDED,
    ENDED_SQL,
    GUARDED,
    MARK_URGENT,
    NOT_SOLVED,
    RAISE,
    REFUSE_OFFICER,
    REOPEN_DAYS,
    CaseEvent,
    Move,
)
from app.dispatch.errors import MovedTooOften, WindowOver
from app.events.edge import transaction
from app.events.follow import follow_soon
from app.events.record import record
from app.kit.errors import Invalid
from app.kit.geo import rounded
from app.kit.runtime import Runtime
from app.stations.registry import registry


class Cancelled(StrEnum):
    """What became of a wish to cancel."""

    DONE = "done"
    ASKED = "asked"  # an officer on the way, or the desk, decides; the reply stays neutral


@dataclass(frozen=True, slots=True)
class Cancel:
    """The outcome of `cancel`."""

    outcome: Cancelled
    number: str


ASKED_EVERY_S, DANGER_EVERY_S = 60, 30
"""A wish to cancel, and danger that rings already, said again within so many seconds tell nobody anything new: each
would be an event on a desk's board and a message of the few that may be written to the officer."""


def _unheard(kind: CaseEvent, seconds: int) -> str:
    """A condition of a move: no such event of this holder's time in the last seconds."""
    return (
        f"NOT EXISTS (SELECT FROM events e WHERE e.case_id = c.id AND e.epoch = c.epoch AND e.kind = '{kind}'"
        f" AND e.at > t.now - interval '{seconds} seconds')"
    )


_ASK_UNHEARD = _unheard(CaseEvent.CANCEL_ASKED, ASKED_EVERY_S)
# Once a human has answered, it is new again: then nothing rings.
_DANGER_UNHEARD = f"(NOT c.urgent OR c.ack_by IS NULL OR {_unheard(CaseEvent.RAISED, DANGER_EVERY_S)})"


async def cancel(runtime: Runtime, case_id: UUID, *, reporter_id: UUID) -> Cancel:
    """Cancel one's own report; cancelling twice is the same as once.

    A silent, urgent or dispute report goes to a desk check, also with an officer on the way; of any other, the
    officer on the way agrees.
    """
    case = await _own(runtime, case_id, reporter_id)
    # For the event alone: the move judges by the row as it is then, as danger may be raised at this very moment.
    guarded = case.text_only or case.urgent or case.category in GUARDED
    async with runtime.database.moves() as db:
        if moved := await move(db, CANCEL_UNHELD, case_id, actor_id=reporter_id):
            outcome = Cancelled.DONE
        elif moved := await move(
            db, ASK_TO_CANCEL, case_id, actor_id=reporter_id, only_if=_ASK_UNHEARD, data={"guarded": guarded}
        ):
            outcome = Cancelled.ASKED
        elif (await get_case(db, runtime, case_id)).state in ASK_TO_CANCEL.sources:
            return Cancel(Cancelled.ASKED, case.number)
        else:
            moved = await why_not(db, CANCEL_UNHELD, case_id, actor_id=reporter_id)
            outcome = Cancelled.DONE
    follow_soon(runtime, moved.event)
    return Cancel(outcome, case.number)


MOVES_A_MINUTE = 5
"""How often the place of a case may change within 60 s: each tells an officer on the way and a desk."""

_PLACE = text(f"""
    UPDATE cases SET place = :place, rough_lat = :lat, rough_lng = :lng
     WHERE id = :case_id AND reporter_id = :reporter_id AND state NOT IN {ENDED_SQL} RETURNING station_id
""")


_MOVES = text(f"""
    SELECT count(*) AS moves, ceil(60 - extract(epoch FROM clock_timestamp() - min(at)))::int AS left_s FROM events
     WHERE case_id = :case_id AND kind = '{CaseEvent.MOVED_PLACE}' AND at > clock_timestamp() - interval '1 minute'
""")


async def move_place(runtime: Runtime, case_id: UUID, *, reporter_id: UUID, place: Place) -> None:
    """ "I moved": the reporter is elsewhere now; officer and desk are told. Nobody is asked.

    Raises:
        Invalid: a place without a point. CaseEnded: too late. MovedTooOften: five times in this minute already.
    """
    if place.at is None:
        raise Invalid("a place needs a point: latitude and longitude in WGS-84 degrees", field="place")
    await _own(runtime, case_id, reporter_id)
    rough = rounded(place.at, 300)
    values = {
        "case_id": case_id, "reporter_id": reporter_id, "place": encrypt_place(runtime, case_id, place),
        "lat": rough.lat, "lng": rough.lng,
    }  # fmt: skip
    async with transaction(runtime) as db:
        row = (await db.execute(_PLACE, values)).one_or_none()
        if row is None:
            raise CaseEnded(case_id=str(case_id))
        # The row is locked by now: moves at once are counted one after the other.
        counted = (await db.execute(_MOVES, {"case_id": case_id})).one()
        if counted.moves >= MOVES_A_MINUTE:
            raise MovedTooOften(
                limit="moves_a_minute", value=MOVES_A_MINUTE, retry_after_s=max(1, counted.left_s)
            )
        await record(
            db, CaseEvent.MOVED_PLACE, case_id=case_id, station_id=row.station_id, actor_id=reporter_id
        )


async def refuse_officer(runtime: Runtime, case_id: UUID, *, reporter_id: UUID) -> Moved:
    """ "Not this officer": no reason is asked; the desk finds another."""
    return await _act(runtime, REFUSE_OFFICER, case_id, reporter_id)


async def not_solved(runtime: Runtime, case_id: UUID, *, reporter_id: UUID) -> Moved:
    """Reopen a closed case to the desk, within 7 days.

    Raises:
        WindowOver: more than 7 days ago.
    """
    return await _act(runtime, NOT_SOLVED, case_id, reporter_id)


CORRECT_RATING_MIN = 5
"""A rating is given once; a slip of the thumb may be put right within these minutes of it."""

_RATE = text(f"""
    UPDATE cases c SET stars = :stars, rating_words = coalesce(CAST(:words AS bytea), c.rating_words)
     WHERE c.id = :case_id AND c.reporter_id = :reporter_id AND c.state = 'closed'
       AND (c.stars IS NULL OR (SELECT min(e.at) FROM events e WHERE e.case_id = c.id AND e.kind = '{CaseEvent.RATED}')
                               > clock_timestamp() - interval '{CORRECT_RATING_MIN} minutes')
    RETURNING c.station_id, c.epoch
""")


async def rate(
    runtime: Runtime, case_id: UUID, *, reporter_id: UUID, stars: int, words: str | None = None
) -> None:
    """1 to 5 stars and a word, after closing, once; a slip may be put right for 5 minutes.

    Words that stand are kept when a correction brings none. A rating stays with its case when that is reopened.

    Raises:
        Invalid: stars outside 1..5. WindowOver: rated more than 5 minutes ago, or not closed.
    """
    if not 1 <= stars <= 5:
        raise Invalid("stars must be 1 to 5", field="stars")
    await _own(runtime, case_id, reporter_id)
    values = {
        "case_id": case_id, "reporter_id": reporter_id, "stars": stars,
        "words": encrypt(runtime, case_id, "rating_words", words),
    }  # fmt: skip
    async with transaction(runtime) as db:
        row = (await db.execute(_RATE, values)).one_or_none()
        if row is None:
            raise WindowOver(f"rated more than {CORRECT_RATING_MIN} minutes ago, or the case is not closed")
        await record(
            db, CaseEvent.RATED, case_id=case_id, station_id=row.station_id, actor_id=reporter_id, epoch=row.epoch,
            data={"stars": stars},
        )  # fmt: skip


async def raise_urgent(runtime: Runtime, case_id: UUID, *, reporter_id: UUID) -> Moved | None:
    """Danger words about one's open case: the desk has it at second 0; an officer in hand is alerted too.

    None: the case has ended. Said again while it rings, it is a success without an event.
    """
    case = await _own(runtime, case_id, reporter_id)
    if case.state in ENDED:
        return None
    ack_s = (await registry(runtime)).get(case.station_id).settings.urgent_ack_s
    async with runtime.database.moves() as db:
        moved = await move(db, RAISE, case_id, actor_id=reporter_id, ack_s=ack_s)
        moved = moved or await move(
            db, MARK_URGENT, case_id, actor_id=reporter_id, only_if=_DANGER_UNHEARD, ack_s=ack_s
        )
        if moved is None:
            return _as_it_stands(await get_case(db, runtime, case_id))
    follow_soon(runtime, moved.event)
    return moved


def _as_it_stands(case: Case) -> Moved | None:
    if case.state in ENDED:
        return None
    return Moved(
        case.id, case.number, case.state, case.epoch, case.station_id, case.reporter_id, case.officer_id,
        case.previous_officer_id, case.reported_at, case.deadline, case.now, None,
    )  # fmt: skip


_MEDIA = text(f"""
    UPDATE cases SET media = media || CAST(:media AS varchar[])
     WHERE id = :case_id AND reporter_id = :reporter_id AND state NOT IN {ENDED_SQL}
       AND cardinality(media) < 20 AND NOT (CAST(:media AS varchar[]) <@ media) RETURNING id
""")


async def attach(runtime: Runtime, case_id: UUID, *, reporter_id: UUID, media: str) -> bool:
    """Attach a picture sent after the case was opened; False when it is there already or 20 are."""
    async with runtime.database.moves() as db:
        row = (
            await db.execute(_MEDIA, {"case_id": case_id, "reporter_id": reporter_id, "media": [media]})
        ).one_or_none()
    return row is not None


async def _own(runtime: Runtime, case_id: UUID, reporter_id: UUID) -> Case:
    async with runtime.database.moves() as db:
        case = await get_case(db, runtime, case_id)
    if case.reporter_id != reporter_id:
        raise CaseNotFound(case_id=str(case_id))
    return case


async def _act(runtime: Runtime, what: Move, case_id: UUID, reporter_id: UUID) -> Moved:
    case = await _own(runtime, case_id, reporter_id)
    async with runtime.database.moves() as db:
        moved = await move(db, what, case_id, actor_id=reporter_id)
        if moved is None and what is NOT_SOLVED and case.closed_at and not closed_lately(case):
            raise WindowOver(f"a case can be reopened within {REOPEN_DAYS} days of its closing")
        if moved is None:
            moved = await why_not(db, what, case_id, actor_id=reporter_id)
    follow_soon(runtime, moved.event)
    return moved
