"""Whom questions and answers are told to, and whether it still holds. Registered by `register`."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.community.service import CommunityEvent
from app.events.record import Event
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.notices.rules import Delivery, Notice, register_rule, register_truth
from app.stations.registry import registry

_STANDS = text("SELECT handed_at, answered_at, read_at FROM questions WHERE id = CAST(:id AS uuid)")


async def to_officer(_: Db, __: Runtime, event: Event) -> list[Notice]:
    """A question waits; which and whose is read in the chat or the mini-program."""
    return [
        Notice(UUID(event.data["officer_id"]), "question", facts={"question_id": event.data["question_id"]})
    ]


async def to_resident(_: Db, runtime: Runtime, event: Event) -> list[Notice]:
    """An answer can be read, or the desk has the question now. What the answer to the asking said is not said again."""
    facts = {"question_id": event.data["question_id"]}
    resident = UUID(event.data["person_id"])
    if event.kind == CommunityEvent.ANSWERED:
        return [Notice(resident, "answer", facts=facts)]
    if event.data.get("told") or event.station_id is None:
        return []
    station = (await registry(runtime)).get(event.station_id)
    facts |= station.facts()
    return [Notice(resident, "question_handed_over", facts=facts)]


async def still_waits(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """The question is with the officer, unanswered."""
    row = (await db.execute(_STANDS, {"id": delivery.facts["question_id"]})).one_or_none()
    return row is not None and row.handed_at is None and row.answered_at is None


async def still_with_desk(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """The desk has not answered yet."""
    row = (await db.execute(_STANDS, {"id": delivery.facts["question_id"]})).one_or_none()
    return row is not None and row.answered_at is None


async def still_unread(db: Db, _: Runtime, delivery: Delivery) -> bool:
    """The resident has not read the answer."""
    row = (await db.execute(_STANDS, {"id": delivery.facts["question_id"]})).one_or_none()
    return row is not None and row.read_at is None


async def tell_board(runtime: Runtime, event: Event) -> None:
    """Follower: the officer's mini-program, or the desk's board, learns that something waits."""
    topic = f"desk:{event.station_id}"
    if event.kind == CommunityEvent.ASKED:
        topic = f"person:{event.data['officer_id']}"
    await publish(runtime, [topic], {"type": event.kind, "question_id": event.data["question_id"]})


def register() -> None:
    """Tell `notices` all of this. Doing it again changes nothing."""
    register_rule(CommunityEvent.ASKED, to_officer)
    register_rule(CommunityEvent.HANDED_OVER, to_resident)
    register_rule(CommunityEvent.ANSWERED, to_resident)
    register_truth("question", still_waits)
    register_truth("question_handed_over", still_with_desk)
    register_truth("answer", still_unread)
