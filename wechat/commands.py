"""What a line asks for (`wechat.intents`): one small function each, and ASKED_FOR, the table of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from app.cases.states import ENDED
from app.dispatch.amend import set_flags
from app.dispatch.drafts import Draft, drop, save
from wechat import community_chat, complaints, elsewhere, my_cases, placing, replies, reporting, wishes
from wechat.dialogue import ANSWERS, OF_PLACES, answered, is_answer, is_going, on_with, passed_over, words
from wechat.flags import OF_INTENT, flagged
from wechat.intents import Intent
from wechat.turn import Said, Turn, noting


async def on_line(turn: Turn, draft: Draft, said: Said) -> str:
    """A line outside of any lane: an answer, a wish, or words of a report."""
    if is_going(draft) and not is_answer(draft, said):
        draft = await passed_over(turn, draft, said.intent)
    if asked := ASKED_FOR.get(said.intent):
        if (reply := await asked(turn, draft, said)) is not None:
            return reply
    elif complaints.is_about_police(said.text) and not draft.holds_something:
        if complaints.is_plainly_about_police(said.text):
            return await complaints.begin(turn, draft, said)
        return await complaints.ask(turn, draft, said.text.strip())
    return await words(turn, draft, said.text.strip())


async def _number(turn: Turn, draft: Draft, said: Said) -> str | None:
    if draft.facts.get("asked") in ANSWERS:
        return await answered(turn, draft, said.argument)
    if not draft.empty:
        return None
    stars, cases = int(said.argument), await turn.cases()
    running = any(case.state not in ENDED for case in cases)
    if 1 <= stars <= 5 and any(my_cases.is_rateable(case) for case in cases):
        return await my_cases.rate(turn, stars)
    if 1 <= stars <= 5 and not running and (rated := my_cases.last_rated(cases)):
        return my_cases.rated_before(turn, rated)
    return await my_cases.progress(turn) if running else turn.say(replies.GREETING)


async def _none_of_these(turn: Turn, draft: Draft, _: Said) -> str | None:
    return await answered(turn, draft, "0") if draft.facts.get("asked") in OF_PLACES else None


async def _status(turn: Turn, draft: Draft, _: Said) -> str:
    said = [await my_cases.progress(turn)]
    if draft.holds_something:
        said.append(turn.say(replies.DRAFT_UNDER_WAY))
    if answers := await community_chat.answers(turn):
        said.append(answers)
    return "\n".join(said)


async def _cancel(turn: Turn, draft: Draft, said: Said) -> str:
    if draft.empty or said.argument:
        return await my_cases.cancel(turn, said.argument)
    return await reporting.give_up(turn, draft)


async def _change(turn: Turn, draft: Draft, _: Said) -> str:
    if draft.empty:
        return await my_cases.change(turn)
    draft = replace(
        noting(placing.untyped(draft), asked=None, begun=True), words=None, category=None, turns=0
    )
    await save(turn.db, turn.runtime, draft)
    return f"{turn.say(replies.CHANGE_DRAFT)}{turn.say(replies.ASK_WORDS)}"


async def _new(turn: Turn, _: Draft, __: Said) -> str:
    return await reporting.begin(turn, replies.NEW_REPORT)


async def report(turn: Turn, draft: Draft) -> str:
    """The menu's key: goes on with what is being written, else begins."""
    if draft.holds_something:
        return await on_with(turn, draft)
    return await reporting.begin(turn, replies.NEW_REPORT, flags=draft.flags)


async def _moved(turn: Turn, draft: Draft, said: Said) -> str | None:
    running = await turn.open_cases()
    if not running or not draft.empty:
        return None if said.argument else turn.say(replies.SEND_PLACE)
    if not said.argument:
        return turn.say(replies.SEND_PLACE)
    return await my_cases.going_to(turn, running[0], said.argument)


async def _rate(turn: Turn, _: Draft, said: Said) -> str:
    return await my_cases.rate(turn, int(said.argument[0]), said.argument[1:].strip() or None)


async def _not_solved(turn: Turn, _: Draft, __: Said) -> str:
    return await my_cases.not_solved(turn)


async def _insist(turn: Turn, draft: Draft, said: Said) -> str:
    if draft.facts.get("asked") == elsewhere.ASKED:
        return await answered(turn, draft, "1")
    return await on_with(turn, draft) if draft.holds_something else await _new(turn, draft, said)


async def _wish(turn: Turn, draft: Draft, said: Said) -> str:
    """How to be met: noted on what is being written, else on the open case, else on the report to come."""
    flag = OF_INTENT[said.intent]
    noted = wishes.noted(turn, flag)
    if draft.empty and (running := await turn.open_cases()):
        await set_flags(turn.db, running[0].id, reporter_id=turn.person_id, flags={flag})
        return noted
    draft = flagged(draft, flag)
    if draft.holds_something:
        return f"{noted}\n{await on_with(turn, draft)}"
    await save(turn.db, turn.runtime, noting(draft, begun=True))
    return f"{noted}\n{turn.say(replies.ASK_WORDS)}"


async def _in_language(turn: Turn, draft: Draft, _: Said) -> str:
    if draft.empty:
        return turn.say(replies.GREETING)
    return f"{turn.say(replies.IN_LANGUAGE)}{await on_with(turn, draft)}"


async def _no_place(turn: Turn, draft: Draft, said: Said) -> str:
    if draft.empty:
        return await _greeting(turn, draft, said)
    return await on_with(turn, noting(placing.untyped(draft), no_place=True))


async def _greeting(turn: Turn, draft: Draft, said: Said) -> str:
    if not draft.empty:
        return await on_with(turn, draft)
    if await turn.open_cases():
        return await my_cases.progress(turn)
    return turn.say(replies.THANKS if said.intent is Intent.THANKS else replies.GREETING)


async def _thanks(turn: Turn, draft: Draft, said: Said) -> str:
    """Who thanks for being told where it belongs has reported nothing."""
    if draft.facts.get("asked") == elsewhere.ASKED:
        await drop(turn.db, turn.runtime, turn.person_id)
        return turn.say(replies.THANKS)
    return await _greeting(turn, draft, said)


ASKED_FOR: Final[Mapping[Intent, Callable[[Turn, Draft, Said], Awaitable[str | None]]]] = {
    Intent.STATUS: _status,
    Intent.CANCEL: _cancel,
    Intent.CHANGE: _change,
    Intent.NEW: _new,
    Intent.MOVED: _moved,
    Intent.MEET: _moved,
    Intent.RATE: _rate,
    Intent.NOT_SOLVED: _not_solved,
    Intent.INSIST: _insist,
    Intent.COMPLAIN: complaints.begin,
    Intent.TEXT_ONLY: _wish,
    Intent.LARGE_PRINT: _wish,
    Intent.CHILD: _wish,
    Intent.FOR_ANOTHER: _wish,
    Intent.ENGLISH: _in_language,
    Intent.CHINESE: _in_language,
    Intent.GREETING: _greeting,
    Intent.DONE: _thanks,
    Intent.THANKS: _thanks,
    Intent.NO_PLACE: _no_place,
    Intent.NONE_OF_THESE: _none_of_these,
    Intent.NUMBER: _number,
}
"""Every intent but words. A handler that answers None leaves the line to be words."""
