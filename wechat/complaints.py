"""Complaints about police: 12389, and our auditor alone. What is written in this lane never meets a case.

The lane is a fact of the draft: until it is left, what the person writes is the complaint's. A report that was being
written waits beside it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from uuid import UUID

from app.complaints.errors import ComplaintFull, ComplaintNotFound
from app.complaints.queries import complaints_of
from app.complaints.service import WORDS_MAX, Filed, add_words, file
from app.dispatch.drafts import Draft, save
from app.receipts.service import link_of
from wechat import replies, taps
from wechat.intents import Intent, folded
from wechat.receipts import RECEIPT
from wechat.turn import Said, Turn, noting

LANE: Final = "complaint"
"""The fact of a draft whose writer is in the lane: the id of the complaint, or `NEW`."""
NEW: Final = "new"
ASKED: Final = "complaint_or_report"
"""The question whether words are one or the other, as a draft notes it."""
ASKED_MOST: Final = 2
LEFT_AFTER_S: Final = 1800
"""Who wrote nothing for so long is in the lane no more."""
SHOWN: Final = 3

_POLICE: Final = r"(?:民警|警察|辅警|警员|警官|交警|派出所|公安局|出警的人)"
_MISDEED: Final = (
    r"(?:态度(?:很|太|非常|极其|特别|十分)?(?:差|恶劣|不好|蛮横|傲慢|粗暴)|打人|打我|骂人|骂我|辱骂|收钱|收(?:了)?红包|索贿|受贿|勒索|要钱|不作为|乱作为"
    r"|推诿|踢皮球|不出警|拒不立案|不立案|乱收费|徇私|包庇|违纪|违规执法|执法不公|刁难|暴力执法|泄露)"
)
_ABOUT_POLICE: Final = re.compile(
    rf"(?:投诉|控告).{{0,12}}{_POLICE}|举报{_POLICE}(?!附近|旁|对面|门口)|{_POLICE}.{{0,16}}{_MISDEED}|{_POLICE}.{{0,16}}(?:我要|要)?投诉"
    r"|complain\w* .{0,24}\b(?:police|officer|cop)|\b(?:police|officer|cop)s? .{0,24}(?:rude|insult|bribe|corrupt|abus|misconduct"
    r"|beat|hit me|swore|refused to (?:help|come|register))"
)
_PLAINLY: Final = re.compile(
    rf"(?:我)?(?:想|要)?(?:投诉|控告).{{0,6}}{_POLICE}.*|(?:i )?(?:want to |would like to )?complain about .{{0,12}}(?:police|officer|cop).*"
)
_NOT_POLICE: Final = re.compile(
    rf"(?:假|冒充|自称|假扮|冒用)(?:的|是|了)?{_POLICE}|(?:fake|pretend\w*|claim\w*|posing).{{0,16}}(?:police|officer|cop)"
)
_STAYS: Final = frozenset({Intent.WORDS, Intent.NUMBER, Intent.GREETING, Intent.COMPLAIN, Intent.INSIST, Intent.MEET,
                           Intent.MOVED, Intent.NO_PLACE, Intent.NONE_OF_THESE, Intent.CHILD, Intent.TEXT_ONLY,
                           Intent.LARGE_PRINT, Intent.FOR_ANOTHER})  # fmt: skip
"""What may be words of a complaint; any other command leaves the lane and is done."""
_LEAVES: Final = frozenset({Intent.DONE, Intent.THANKS, Intent.CANCEL})


def is_about_police(text: str) -> bool:
    """Whether a text complains about police; of fake police it is a report."""
    plain = folded(text)
    return bool(_ABOUT_POLICE.search(plain)) and not _NOT_POLICE.search(plain)


def is_plainly_about_police(text: str) -> bool:
    """Whether a text says of itself that it is a complaint; of another it is asked."""
    return is_about_police(text) and bool(_PLAINLY.fullmatch(folded(text)))


def in_lane(draft: Draft) -> bool:
    """Whether what is written now belongs to a complaint."""
    return LANE in draft.facts and draft.idle_s < LEFT_AFTER_S


def left(draft: Draft) -> Draft:
    """The draft out of the lane."""
    return noting(draft, **{LANE: None})


async def begin(turn: Turn, draft: Draft, said: Said) -> str:
    """File what was written; a bare wish to complain is asked what happened."""
    if said.intent is Intent.COMPLAIN:
        await save(turn.db, turn.runtime, noting(draft, **{LANE: NEW}))
        return turn.say(replies.ASK_COMPLAINT)
    return await _write(turn, draft, said.text)


def is_asked(draft: Draft) -> bool:
    """Whether the question stands; the third message that passes it over is a report."""
    return draft.facts.get("asked") == ASKED and draft.turns < ASKED_MOST


async def ask(turn: Turn, draft: Draft, text: str = "") -> str:
    """Whether words are a complaint or a report: until that is said nobody reads them."""
    draft = replace(noting(draft.with_words(text) if text else draft, asked=ASKED), turns=draft.turns + 1)
    await save(turn.db, turn.runtime, draft)
    answers = [("1", turn.say(replies.IS_COMPLAINT)), ("2", turn.say(replies.IS_REPORT))]
    return turn.say(replies.COMPLAINT_OR_REPORT, choices=taps.numbered(ASKED, answers))


async def file_draft(turn: Turn, draft: Draft) -> str:
    """It is a complaint: the words of the draft are filed, and the draft is empty again."""
    return await _write(turn, Draft(draft.person_id), draft.words or "")


async def go_on(turn: Turn, draft: Draft, said: Said) -> str | None:
    """A line written in the lane; None: it asks for something else, and the lane is left."""
    if said.intent in _LEAVES:
        return await _leave(turn, draft)
    if said.intent not in _STAYS:
        return None
    return await _write(turn, draft, said.text)


async def words_only(turn: Turn, draft: Draft) -> str:
    """A picture, a voice or a video in the lane."""
    await save(turn.db, turn.runtime, draft)
    return turn.say(replies.COMPLAINT_WORDS_ONLY)


async def at_place(turn: Turn, draft: Draft, label: str | None) -> str:
    """A location in the lane: its label is written down, a complaint needs no point."""
    return await _write(turn, draft, turn.say(replies.PLACE_IN_WORDS, label=label or "-"))


async def progress(turn: Turn) -> list[str]:
    """How far one's own complaints are: those not answered, and the newest answer."""
    found = await complaints_of(turn.db, turn.runtime, turn.person_id, limit=SHOWN)
    lines = []
    for complaint in found:
        state = "answered" if complaint.answered_at else "read" if complaint.read_at else "filed"
        lines.append(
            turn.say(replies.COMPLAINT_STATES[state], number=complaint.number, answer=complaint.answer or "")
        )
    return lines


async def _leave(turn: Turn, draft: Draft) -> str:
    line = replies.COMPLAINT_LEFT if draft.facts[LANE] == NEW else replies.COMPLAINT_DONE
    await save(turn.db, turn.runtime, left(draft))
    return turn.say(line)


async def _write(turn: Turn, draft: Draft, words: str) -> str:
    """Add to the complaint of the lane, or file a new one."""
    words, lane = words.strip(), draft.facts.get(LANE, NEW)
    if not words:
        await save(turn.db, turn.runtime, noting(draft, **{LANE: lane}))
        return turn.say(replies.ASK_COMPLAINT)
    if lane != NEW:
        try:
            number = await add_words(turn.db, turn.runtime, UUID(lane), person_id=turn.person_id, words=words)
        except ComplaintNotFound:  # answered meanwhile: what comes now is a complaint of its own
            lane = NEW
        except ComplaintFull as full:
            await save(turn.db, turn.runtime, replace(draft, idle_s=0.0))
            return _no_room(turn, words, int(str(full.facts["left"])))
    if lane == NEW:
        if len(words) > WORDS_MAX:
            await save(turn.db, turn.runtime, noting(draft, **{LANE: NEW}))
            return _no_room(turn, words, WORDS_MAX)
        filed = await file(
            turn.db, turn.runtime, person_id=turn.person_id, words=words, key=f"chat:{turn.key}"
        )
        await save(turn.db, turn.runtime, _lane(draft, filed))
        link = link_of(turn.runtime.settings, filed.receipt)
        return f"{turn.say(replies.COMPLAINT_FILED, number=filed.number)}\n{turn.say(RECEIPT, link=link)}"
    await save(turn.db, turn.runtime, replace(draft, idle_s=0.0))
    return turn.say(replies.COMPLAINT_ADDED, number=number)


def _no_room(turn: Turn, words: str, left: int) -> str:
    """Nothing of it was written down: how much would fit, so that the writer can send that."""
    if left == 0:
        return turn.say(replies.COMPLAINT_FULL)
    return turn.say(replies.COMPLAINT_TOO_LONG, left=left, n=len(words))


def _lane(draft: Draft, filed: Filed) -> Draft:
    return noting(draft, **{LANE: str(filed.id)})
