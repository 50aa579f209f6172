"""What words and answers do: to the report that is being written, to an open case, to the question that was asked.

A draft notes which question is asked; ANSWERS says what its answer does, typed as a number or tapped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from app.cases.queries import Case
from app.dispatch.drafts import Draft, drop, save
from app.stations.categories import category_of
from wechat import complaints, elsewhere, me_too, my_cases, placing, replies, reporting, taps
from wechat.alarm import SAME_OR_NEW
from wechat.intents import Intent
from wechat.reporting import OTHER, categories_at, go_on, told
from wechat.turn import Said, Turn, noting


async def on_with(turn: Turn, draft: Draft) -> str:
    """Go on with a draft, whatever it has more now; a question of what it is about that was passed over comes first."""
    if complaints.is_asked(draft):
        return await complaints.ask(turn, draft)
    return await _same_again(turn, draft) or await go_on(turn, draft)


async def words(turn: Turn, draft: Draft, text: str) -> str:
    """Words of the report that is being written, of an open case, or the start of a report."""
    if draft.facts.get("asked") == placing.ASKED and (number := await placing.number_of(turn, draft, text)):
        return await answered(turn, draft, str(number))
    if draft.facts.get("asked") == placing.ASKED:  # something else than one of the places
        draft = placing.untyped(draft)
    if complaints.is_asked(draft):
        return await complaints.ask(turn, draft, text)
    if said := await _same_again(turn, draft.with_words(text)):
        return said
    if not draft.empty:
        return await go_on(turn, await told(turn, draft, text))
    if running := await turn.open_cases():
        return await _about_open(turn, draft, running[0], text)
    where = elsewhere.elsewhere_of(text)
    if where and _is_no_category(category_of(text, await categories_at(turn, None))):
        draft = noting(await told(turn, draft, text), asked=elsewhere.ASKED)
        await save(turn.db, turn.runtime, replace(draft, turns=draft.turns + 1))
        return elsewhere.told(turn, where)
    return await go_on(turn, await told(turn, draft, text))


def _is_no_category(named: Any) -> bool:  # a Category or None
    return named is None or named.key == OTHER


async def _about_open(turn: Turn, draft: Draft, case: Case, text: str) -> str:
    """Words while a case is open: added to it, unless they name another kind of matter; then it is asked.

    Of a case that is "other" nobody knew the kind: words that name one say more about it.
    """
    named = category_of(text, await categories_at(turn, None))
    if named is None or case.category == OTHER or named.key in (case.category, OTHER):
        return await my_cases.added(turn, case, text)
    draft = replace(await told(turn, draft, text), category=named.key)
    return await _ask_same(turn, noting(draft, case_id=str(case.id)), case)


async def _ask_same(turn: Turn, draft: Draft, case: Case) -> str:
    draft = replace(noting(draft, asked=SAME_OR_NEW), turns=draft.turns + 1)
    await save(turn.db, turn.runtime, draft)
    answers = [("1", turn.say(replies.SAME)), ("2", turn.say(replies.ANOTHER_MATTER))]
    choices = taps.numbered(SAME_OR_NEW, answers)
    return turn.say(replies.SAME_OR_NEW, number=case.number, choices=choices)


def is_going(draft: Draft) -> bool:
    """Whether it was asked where the reporter of an open case is; then the draft is about that case."""
    return draft.facts.get("asked") == reporting.GOING


async def passed_over(turn: Turn, draft: Draft, intent: Intent | None) -> Draft:
    """Not told which place was meant: what was typed is added to the case as words. The empty draft after it."""
    if intent in _BY_MOVES:
        await drop(turn.db, turn.runtime, turn.person_id)
    else:
        await my_cases.gone_to(turn, draft, 0)
    return Draft(turn.person_id)


_BY_MOVES: Final = frozenset({Intent.CANCEL, Intent.RATE, Intent.NOT_SOLVED})
"""What moves the case in a statement of its own: that would wait for the words added here, and these for it."""


async def tapped(turn: Turn, draft: Draft, question: str, answer: str) -> str:
    """An answer that was tapped; to a question that is no longer asked it says where things stand."""
    if draft.facts.get("asked") != question:
        return await on_with(turn, draft) if draft.holds_something else await my_cases.progress(turn)
    return await answered(turn, draft, answer)


async def answered(turn: Turn, draft: Draft, answer: str) -> str:
    """The answer to the question that is asked: a number, or the id of a tap."""
    return await ANSWERS[draft.facts["asked"]](turn, noting(draft, asked=None), answer)


def is_answer(draft: Draft, said: Said) -> bool:
    """Whether a line answers the question that is asked: its number, or "none of these"."""
    if said.intent is Intent.NUMBER:
        return "asked" in draft.facts
    return said.intent is Intent.NONE_OF_THESE and draft.facts.get("asked") in OF_PLACES


def _number(answer: str) -> int:
    """A number that a person would type; 0 for anything else."""
    return int(answer) if answer.isdecimal() and len(answer) <= 3 else 0


async def _category(turn: Turn, draft: Draft, answer: str) -> str:
    """By its number or its key; a number that was no choice is "other"."""
    choices = draft.facts["choices"]
    if answer.isdecimal():
        answer = choices[number - 1] if 1 <= (number := _number(answer)) <= len(choices) else OTHER
    return await go_on(turn, replace(draft, category=answer if answer in choices else OTHER))


async def _risk(turn: Turn, draft: Draft, answer: str) -> str:
    return await go_on(turn, noting(draft, risk=answer != "2"))


async def _place(turn: Turn, draft: Draft, answer: str) -> str:
    place = await placing.chosen(turn, draft, _number(answer))
    if place is None:
        return await go_on(turn, placing.untyped(draft))
    return await go_on(turn, noting(replace(draft, place=place), **{placing.CANDIDATES: None}))


async def _going(turn: Turn, draft: Draft, answer: str) -> str:
    return await my_cases.gone_to(turn, draft, _number(answer))


async def _same_or_new(turn: Turn, draft: Draft, answer: str) -> str:
    if answer == "2":
        return await go_on(turn, draft)
    if answer != "1" and (again := await _same_again(turn, noting(draft, asked=SAME_OR_NEW))):
        return again
    await drop(turn.db, turn.runtime, turn.person_id)
    for case in await turn.open_cases():
        if str(case.id) == draft.facts.get("case_id"):
            return await my_cases.joined(turn, case, draft)
    return await my_cases.progress(turn)


async def _same_again(turn: Turn, draft: Draft) -> str | None:
    """Passed over, it is asked once more; passed over again it is one matter: two cases of it help nobody."""
    if draft.facts.get("asked") != SAME_OR_NEW:
        return None
    if draft.turns > 1:
        return await answered(turn, draft, "1")
    case = next((c for c in await turn.open_cases() if str(c.id) == draft.facts.get("case_id")), None)
    return await _ask_same(turn, draft, case) if case else None


async def _elsewhere(turn: Turn, draft: Draft, _: str) -> str:
    return await go_on(turn, draft)


async def _me_too(turn: Turn, draft: Draft, answer: str) -> str:
    return (await me_too.joined(turn, draft) if answer == "1" else None) or await go_on(turn, draft)


async def _complaint_or_report(turn: Turn, draft: Draft, answer: str) -> str:
    if answer == "1":
        return await complaints.file_draft(turn, draft)
    said = draft.words or ""
    await drop(turn.db, turn.runtime, turn.person_id)
    return await words(turn, replace(draft, words=None, facts={}), said)


ANSWERS: Final[Mapping[str, Callable[[Turn, Draft, str], Awaitable[str]]]] = {
    reporting.CATEGORY: _category,
    reporting.RISK: _risk,
    placing.ASKED: _place,
    reporting.GOING: _going,
    SAME_OR_NEW: _same_or_new,
    elsewhere.ASKED: _elsewhere,
    complaints.ASKED: _complaint_or_report,
    me_too.ASKED: _me_too,
}
"""Every question, and what its answer does."""
OF_PLACES: Final = frozenset({placing.ASKED, reporting.GOING})
"""Questions to which "none of these" is an answer."""
