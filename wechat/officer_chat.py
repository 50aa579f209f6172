"""An officer works by chat: binds, goes on duty, takes a case, says where they are with it, ends it.

The verbs are those of the mini-program, with its second factor and its epoch. A claim and what follows it is its own
committed statement; if the answer's transaction fails afterwards, WeChat's repeat finds the case claimed by the same
officer, which is a success.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from app.kit.errors import AppError
from app.people.chat import officer_in_chat, open_in_chat
from app.people.identity import Person
from app.people.invitations import bind
from app.people.officers import duty_off, duty_on, facts_of
from app.people.second_factor import ask_approval, second_factor_totp
from app.people.sessions import Actor, PersonKind, revoke
from wechat import officer_lines as lines
from wechat import officer_questions, officer_work
from wechat.messages import ClickEvent, Incoming, TextMessage
from wechat.officer_words import Typed, Word, typed_of
from wechat.officer_work import Act
from wechat.taps import answer_of
from wechat.turn import Turn

log = structlog.get_logger()

MENU: Final = "officer."
"""What the keys of an officers' menu begin with."""
_OFFICERS: Final = (PersonKind.OFFICER, PersonKind.AUXILIARY)


async def answer(turn: Turn, person: Person, message: Incoming) -> str | None:
    """What to say to an officer's word; None when the message is none, or its writer is no officer."""
    typed = _typed(message)
    if typed is None:
        return None
    if typed.word is Word.BIND:
        return await _bind(turn, message.sender, typed)
    if person.kind not in _OFFICERS:
        return turn.say(lines.NOT_AN_OFFICER) if isinstance(message, ClickEvent) else None
    try:
        return await _as_officer(turn, typed, message)
    except AppError as error:  # the chat has its words; what was done before in this turn stands
        log.info("officer_refused", word=typed.word, error=error.code)
        return turn.refused(error)


def _typed(message: Incoming) -> Typed | None:
    if isinstance(message, TextMessage):
        return typed_of(message.text)
    if isinstance(message, ClickEvent) and message.key.startswith(MENU):
        name = message.key.removeprefix(MENU)
        return Typed(Word(name)) if name in set(Word) else None
    return None


async def _bind(turn: Turn, openid: str, typed: Typed) -> str:
    app_id = turn.runtime.settings.wechat_app_id
    bound = await bind(
        turn.db, turn.runtime, badge=typed.first, code=typed.second, app_id=app_id, openid=openid
    )
    actor = await open_in_chat(turn.db, bound.person_id)
    if actor is None:
        return turn.say(lines.NOT_AN_OFFICER)
    await ask_approval(turn.db, actor)
    said = turn.say(lines.BOUND, badge=actor.officer.badge if actor.officer else typed.first)
    return f"{turn.say(lines.REPLACED)}\n{said}" if bound.replaced else said


async def _as_officer(turn: Turn, typed: Typed, message: Incoming) -> str | None:
    actor = await officer_in_chat(turn.db, turn.person_id)
    if typed.word is Word.VERIFY:
        return await _verify(turn, actor, typed.first)
    if actor is None or not actor.second_factor:
        # Whose shift is over may have a report of their own: "status" is always answered.
        as_citizen = typed.word is Word.STATUS and isinstance(message, TextMessage)
        return None if as_citizen else await _ask_in(turn, actor)
    if doing := _WORDS.get(typed.word):
        return await doing(turn, actor)
    tap = answer_of(message.menu_id or "") if isinstance(message, TextMessage) else ("", "")
    work = _WORK[typed.word]
    return await work(Act(turn, actor, typed, fence=tap[1] if tap[0] == officer_work.TAP else ""))


async def _ask_in(turn: Turn, actor: Actor | None) -> str:
    """A session without its second factor yet: the desk is asked, once for each session."""
    actor = actor or await open_in_chat(turn.db, turn.person_id)
    if actor is None:
        return turn.say(lines.NOT_AN_OFFICER)
    await ask_approval(turn.db, actor)
    return turn.say(lines.ASKED_DESK)


async def _verify(turn: Turn, actor: Actor | None, code: str) -> str:
    actor = actor or await open_in_chat(turn.db, turn.person_id)
    if actor is None:
        return turn.say(lines.NOT_AN_OFFICER)
    await second_factor_totp(turn.db, turn.runtime, actor, code)
    return turn.say(lines.VERIFIED)


async def _signed_in(turn: Turn, _: Actor) -> str:
    return turn.say(lines.SIGNED_IN)


async def _sign_out(turn: Turn, actor: Actor) -> str:
    await revoke(turn.db, actor.session_id, by=actor.person_id)
    return turn.say(lines.SIGNED_OUT)


async def _duty_on(turn: Turn, actor: Actor) -> str:
    await duty_on(turn.db, actor.person_id)
    return turn.say(lines.ON_DUTY)


async def _duty_off(turn: Turn, actor: Actor) -> str:
    await duty_off(turn.db, actor.person_id)
    return turn.say(lines.OFF_DUTY)


async def _status(turn: Turn, actor: Actor) -> str:
    facts = (await facts_of(turn.db, [actor.person_id]))[actor.person_id]
    duty = turn.say(lines.DUTY[facts.on_duty])
    said = [turn.say(lines.STATUS, badge=facts.badge, duty=duty), await officer_work.standing(turn, actor)]
    if waiting := await officer_questions.waiting(turn, actor):
        said.append(waiting)
    return "\n".join(said)


_WORDS: Final[Mapping[Word, Callable[[Turn, Actor], Awaitable[str]]]] = {
    Word.SIGN_IN: _signed_in,
    Word.SIGN_OUT: _sign_out,
    Word.DUTY_ON: _duty_on,
    Word.DUTY_OFF: _duty_off,
    Word.STATUS: _status,
    Word.QUESTIONS: officer_questions.read,
}
_WORK: Final[Mapping[Word, Callable[[Act], Awaitable[str | None]]]] = {
    Word.TAKE: officer_work.take,
    Word.DECLINE: officer_work.say_no,
    Word.EN_ROUTE: officer_work.set_out,
    Word.STILL_COMING: officer_work.still_coming,
    Word.ARRIVED: officer_work.arrive,
    Word.CLOSE: officer_work.close,
    Word.RELEASE: officer_work.let_go,
    Word.ANSWER: officer_questions.answer,
}
