"""Danger in the chat: call 110, and the station's desk has it at second 0."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.dispatch.citizen import raise_urgent
from app.dispatch.drafts import Draft, draft_of, save
from app.dispatch.intake import WORDS_MAX
from wechat import complaints, my_cases, placing, replies
from wechat.flags import flagged, flags_in
from wechat.reporting import GOING, OTHER, categories_at, take_report
from wechat.turn import Turn

SAME_OR_NEW: Final = "same_or_new"
"""The question whether words belong to the open case, as a draft notes it."""

ABOUT_OPEN: Final = frozenset({SAME_OR_NEW, GOING})
"""Questions about a case that is open: what a draft holds meanwhile is that case's."""


async def alarm(turn: Turn, text: str | None) -> str:
    """Call 110, and the desk has it at second 0: an open case is raised, else an urgent one is opened.

    Another report that was being written becomes an urgent case of its own, with the place and the pictures it
    has. No limit, no hours and no missing answer stand in the way.
    """
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    waiting = draft if draft.facts.get("asked") == complaints.ASKED else None
    if waiting:  # perhaps a complaint about police: no station reads it before its writer says so
        draft = Draft(turn.person_id)
    # Words that waited for "same or new?" go to the open case: who is in danger answers no questions.
    of_its_own = draft.holds_something and draft.facts.get("asked") not in ABOUT_OPEN
    draft = draft if of_its_own else placing.untyped(draft)
    if text:  # the oldest words go when there are too many: the newest say what the danger is
        draft = flagged(draft, *flags_in(text))
        draft = replace(
            draft, words=f"{draft.words}\n{text}"[-WORDS_MAX:] if draft.words else text[:WORDS_MAX]
        )
    number = await _raise(turn, text if of_its_own else draft.words)
    if number is None or of_its_own:
        known = {category.key for category in await categories_at(turn, draft.place)}
        category = draft.category if draft.category in known else OTHER
        opened = await take_report(turn, draft, category, urgent=True)
        number = opened.number
    await save(turn.db, turn.runtime, waiting or Draft(turn.person_id))
    return f"{turn.say(replies.CALL_110)}\n{turn.say(replies.ALSO_SENT, number=number)}"


async def _raise(turn: Turn, words: str | None) -> str | None:
    """Raise the newest open case, so that its officer hears of it too, and add these words to it."""
    for case in await turn.open_cases():
        if await raise_urgent(turn.runtime, case.id, reporter_id=turn.person_id) is None:
            continue
        if words:
            await my_cases.added(turn, case, words)
        return case.number
    return None
