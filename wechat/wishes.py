"""How a reporter wishes to be met: silent mode with its phrases, large print, a child, for another person."""

from __future__ import annotations

from app.cases.queries import Case, Flag
from app.dispatch.amend import set_flags
from app.dispatch.drafts import Draft, save
from wechat import replies, taps
from wechat.flags import OF_INTENT, flagged
from wechat.reporting import go_on
from wechat.turn import Said, Turn, noting


async def wish(turn: Turn, draft: Draft, said: Said) -> str:
    """Note it: on the report that is being written, else on the open case, else on the report to come."""
    flag = OF_INTENT[said.intent]
    noted = _noted(turn, flag)
    if draft.empty and (running := await turn.open_cases()):
        return await _of_case(turn, running[0], flag, noted)
    draft = flagged(draft, flag)
    if draft.holds_something:
        return f"{noted}\n{await go_on(turn, draft)}"
    await save(turn.db, turn.runtime, noting(draft, begun=True))
    return f"{noted}\n{turn.say(replies.ASK_WORDS)}"


async def _of_case(turn: Turn, case: Case, flag: Flag, noted: str) -> str:
    await set_flags(turn.db, case.id, reporter_id=turn.person_id, flags={flag})
    return noted


def _noted(turn: Turn, flag: Flag) -> str:
    noted = turn.say(replies.FLAG_NOTED[flag])
    if flag is not Flag.TEXT_ONLY:
        return noted
    presets = "\n".join(
        taps.link(phrase, phrase, f"{taps.PRESET}.{number}")
        for number, phrase in enumerate(turn.say(line) for line in replies.PRESETS)
    )
    return f"{noted}\n{presets}\n{turn.say(replies.SILENT_12110)}"
