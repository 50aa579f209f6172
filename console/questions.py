"""What residents asked their community officers and the desk now has, since the officer is away."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.community.errors import QuestionAnswered, QuestionNotFound
from app.community.queries import MOST, questions_of_desks
from app.community.service import WORDS_MAX, answer
from app.dispatch.desk import stations_of
from app.events.edge import transaction
from app.kit.problems import problems
from app.people.sessions import Role
from console.auth import Board, Desk, Stores
from console.refusals import UNSAFE, RoleNeeded, roles
from console.schema import In, Out, text_of

_DESK = roles(Role.DESK, Role.COMMANDER)


class QuestionOut(Out):
    """A question that waits. Who asked is not told."""

    id: UUID
    station_id: UUID
    words: str = Field(examples=["办居住证需要带什么材料？"])
    asked_at: datetime
    cause: str | None = Field(
        description="`off_duty`, `suspended` or `moved`: why the desk has it", examples=["off_duty"]
    )


class QuestionsOut(Out):
    """Oldest first, as many as a page holds."""

    items: list[QuestionOut] = Field(description=f"At most {MOST}")


class AnswerIn(In):
    """What the resident reads in the chat."""

    words: Annotated[str, text_of(WORDS_MAX)] = Field(
        examples=["请带身份证和租房合同，周一至周五到派出所户籍窗口。"]
    )


routes = APIRouter(tags=["Console: desk"])


@routes.get(
    "/questions",
    operation_id="consoleQuestions",
    summary="Residents' questions that wait for my desk",
    responses=problems(RoleNeeded),
    openapi_extra=_DESK,
)
async def get_questions(actor: Board, runtime: Stores) -> QuestionsOut:
    """What waits."""
    everywhere, stations = stations_of(actor)
    async with runtime.database.moves() as db:
        found = await questions_of_desks(db, runtime, stations=stations, everywhere=everywhere)
    return QuestionsOut(
        items=[
            QuestionOut(id=q.id, station_id=q.station_id, words=q.words, asked_at=q.asked_at, cause=q.cause)
            for q in found
        ]
    )


@routes.post(
    "/questions/{question_id}/answer",
    status_code=204,
    operation_id="consoleAnswerQuestion",
    summary="Answer a resident",
    description="Once; the resident is told that an answer waits, and reads it in the chat.",
    responses=problems(*UNSAFE, RoleNeeded, QuestionNotFound, QuestionAnswered),
    openapi_extra=_DESK,
)
async def post_answer(question_id: UUID, body: AnswerIn, actor: Desk, runtime: Stores) -> Response:
    """Answer."""
    async with transaction(runtime) as db:
        await answer(db, runtime, question_id, words=body.words, by=actor)
    return Response(status_code=204)
