"""An officer who works by chat: what was offered, by a number short enough to type, and the case in hand.

A line of chat carries no epoch, so the case and epoch that the officer was last told of are kept: what they type
next is about that one, in those hands. If the case was taken back meanwhile and another given, the act is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.states import ACTIVE_SQL, CaseState
from app.kit.database import Db, MovesDb
from app.kit.geo import Point

SHORT_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Chance:
    """An offer of the last 15 minutes, open or over. `number` is the case's, `short` what the officer types."""

    case_id: UUID
    epoch: int
    number: str
    category: str
    open: bool
    distance_m: int | None
    officer_at: Point | None  # the 300 m square they were last seen in
    rough: Point | None  # the 300 m square of the case
    seconds_left: float

    @property
    def short(self) -> str:
        """The last digits of the case's number."""
        return short_number(self.number)


@dataclass(frozen=True, slots=True)
class InHand:
    """The case an officer holds."""

    case_id: UUID
    epoch: int
    number: str
    category: str
    state: CaseState


def short_number(number: str) -> str:
    """The last three digits of a case's number: enough to tell the few that one officer is offered from one another."""
    return re.sub(r"\D", "", number)[-SHORT_DIGITS:]


_CHANCES = text("""
    SELECT c.id, o.epoch, c.number, c.category, o.distance_m, c.rough_lat, c.rough_lng, f.last_lat, f.last_lng,
           c.state = 'open' AND c.epoch = o.epoch AND c.deadline > clock_timestamp() AS open,
           extract(epoch FROM c.deadline - clock_timestamp())::float8 AS seconds_left
      FROM offers o JOIN cases c ON c.id = o.case_id JOIN officers f ON f.person_id = o.officer_id
     WHERE o.officer_id = :officer_id AND o.declined_at IS NULL AND o.offered_at > clock_timestamp() - interval '15 minutes'
     ORDER BY open DESC, c.urgent DESC, o.distance_m NULLS LAST, o.offered_at DESC, o.epoch DESC LIMIT 50
""")
_IN_HAND = text(f"""
    SELECT id, epoch, number, category, state FROM cases
     WHERE officer_id = :officer_id AND state IN {ACTIVE_SQL} ORDER BY reported_at LIMIT 1
""")
_TOLD = text("SELECT case_id, epoch FROM officer_chats WHERE officer_id = :officer_id")
_NOTE = text("""
    INSERT INTO officer_chats AS t (officer_id, case_id, epoch) VALUES (:officer_id, :case_id, :epoch)
    ON CONFLICT (officer_id) DO UPDATE SET case_id = excluded.case_id, epoch = excluded.epoch
""")
_FORGET = text("DELETE FROM officer_chats WHERE officer_id = :officer_id")


async def chances(db: Db | MovesDb, officer_id: UUID, digits: str | None = None) -> list[Chance]:
    """What this officer was offered lately: open ones first, urgent, then near; those whose number ends so, if given."""
    found = [_chance(row) for row in await db.execute(_CHANCES, {"officer_id": officer_id})]
    if digits is None:
        return [chance for chance in found if chance.open]
    return [chance for chance in found if re.sub(r"\D", "", chance.number).endswith(digits)]


def _chance(r: Any) -> Chance:  # a Row of _CHANCES
    return Chance(
        r.id, r.epoch, r.number, r.category, r.open, r.distance_m,
        Point(r.last_lat, r.last_lng) if r.last_lat is not None else None,
        Point(r.rough_lat, r.rough_lng) if r.rough_lat is not None else None, r.seconds_left,
    )  # fmt: skip


async def in_hand(db: Db | MovesDb, officer_id: UUID) -> InHand | None:
    """The case this officer holds, if any; nobody holds two."""
    r = (await db.execute(_IN_HAND, {"officer_id": officer_id})).one_or_none()
    return InHand(r.id, r.epoch, r.number, r.category, CaseState(r.state)) if r else None


async def knows_of(db: Db, officer_id: UUID, case: InHand) -> bool:
    """Whether what the officer was last told of in the chat is this case, in these hands; or nothing was."""
    told = (await db.execute(_TOLD, {"officer_id": officer_id})).one_or_none()
    # A move of one's own raises no epoch, so the same case with the same epoch is what was told.
    return told is None or (told.case_id, told.epoch) == (case.case_id, case.epoch)


async def note_told(db: Db, officer_id: UUID, case_id: UUID, epoch: int) -> None:
    """The officer was told of this case in the chat."""
    await db.execute(_NOTE, {"officer_id": officer_id, "case_id": case_id, "epoch": epoch})


async def forget_told(db: Db, officer_id: UUID) -> None:
    """It is over."""
    await db.execute(_FORGET, {"officer_id": officer_id})
