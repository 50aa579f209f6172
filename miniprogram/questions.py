"""For a community officer: what residents ask, and the answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.community.errors import QuestionAnswered, QuestionNotFound
from app.community.queries import MOST, questions_of_officer
from app.community.service import WORDS_MAX, answer
from app.events.edge import transaction
from app.kit.problems import problems
from app.people.errors import PersonalDataLocked
from app.people.sessions import Actor
from miniprogram.auth import Officer, OfficersOnly, SecondFactorNeeded, Stores
from miniprogram.schema import In, Out, text_of

_OFFICERS = (OfficersOnly, SecondFactorNeeded, PersonalDataLocked)


class AskedOut(Out):
    """A question that waits for me. Who asked is not told. `number` is what the chat calls it."""

    id: UUID
    number: int = Field(examples=[3])
    words: str = Field(examples=["办居住证需要带什么材料？"])
    asked_at: datetime


class AskedListOut(Out):
    """Oldest first, as many as a page holds."""

    items: list[AskedOut] = Field(description=f"At most {MOST}")


class AnswerIn(In):
    """What the resident reads in the chat."""

    words: Annotated[str, text_of(WORDS_MAX)] = Field(examples=["请带身份证和租房合同。"])


routes = APIRouter(tags=["Questions"])


@routes.get(
    "/questions",
    operation_id="questions",
    summary="What residents ask me",
    description="When I go off duty, what is left goes to the desk.",
    responses=problems(*_OFFICERS),
)
async def get_questions(officer: Officer, runtime: Stores) -> AskedListOut:
    """What waits."""
    _unlocked(officer)
    async with runtime.database.moves() as db:
        found = await questions_of_officer(db, runtime, officer.person_id)
    return AskedListOut(
        items=[AskedOut(id=q.id, number=q.number, words=q.words, asked_at=q.asked_at) for q in found]
    )


@routes.post(
    "/questions/{question_id}/answer",
    status_code=204,
    operation_id="answerQuestion",
    summary="Answer a resident",
    description="Once; the resident is told that an answer waits, and reads it in the chat.",
    responses=problems(*_OFFICERS, QuestionNotFound, QuestionAnswered),
)
async def post_answer(question_id: UUID, body: AnswerIn, officer: Officer, runtime: Stores) -> Response:
    """Answer."""
    _unlocked(officer)
    async with transaction(runtime) as db:
        await answer(db, runtime, question_id, words=body.words, by=officer)
    return Response(status_code=204)


def _unlocked(officer: Actor) -> None:
    """What residents wrote is not shown on a phone that lay idle for 30 minutes."""
    if not officer.may_see_personal_data:
        raise PersonalDataLocked(session_id=officer.session_id)
