"""Residents' questions, read and answered by their community officer in the chat."""

from __future__ import annotations

from app.community.queries import how_many_wait, questions_of_officer
from app.community.service import answer_number
from app.people.sessions import Actor
from wechat import officer_lines as lines
from wechat.messages import MAX_TEXT_BYTES
from wechat.officer_work import Act
from wechat.taps import words_of_another
from wechat.turn import Turn

ROOM_BYTES = MAX_TEXT_BYTES - 200


async def waiting(turn: Turn, actor: Actor) -> str | None:
    """How many wait, if any."""
    n = await how_many_wait(turn.db, actor.person_id)
    return turn.say(lines.QUESTIONS_WAIT, n=n) if n else None


async def read(turn: Turn, actor: Actor) -> str:
    """What waits, oldest first, as far as one message holds; not on a phone that lay idle for 30 minutes."""
    if not actor.may_see_personal_data:
        return turn.say(lines.UNLOCK)
    found = await questions_of_officer(turn.db, turn.runtime, actor.person_id)
    if not found:
        return turn.say(lines.NO_QUESTIONS)
    said = ""
    for question in found:
        line = turn.say(lines.QUESTION, n=question.number, words=words_of_another(question.words))
        if said and len(f"{said}\n{line}".encode()) > ROOM_BYTES:
            break
        said = f"{said}\n{line}" if said else line
    return f"{said}\n{turn.say(lines.HOW_TO_ANSWER)}"


async def answer(act: Act) -> str:
    """Answer one by its number."""
    turn, number = act.turn, int(act.typed.first)
    if not act.actor.may_see_personal_data:
        return turn.say(lines.UNLOCK)
    await answer_number(turn.db, turn.runtime, number, words=act.typed.second, by=act.actor)
    return turn.say(lines.ANSWERED, n=number)
