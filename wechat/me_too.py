""" "Me too": a report that is about to open, and a case like it nearby, of which no more is said than that it is there."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from app.cases.queries import Flag
from app.dispatch.area import area_case_at
from app.dispatch.drafts import Draft, drop, save
from app.dispatch.nearby import case_near, note_told, running_of, say_me_too
from app.stations.categories import NEVER_SHARED, Category
from wechat import taps
from wechat.replies import Line
from wechat.turn import Turn, noting

ASKED: Final = "me_too"
"""The question, as a draft notes it; the fact of the same name holds which case it was put about."""
_OWN_WAY: Final = frozenset({Flag.TEXT_ONLY, Flag.CHILD})

NEARBY: Final = Line(
    "附近约300米范围内，已有多人反映“{category}”。您的是同一件事吗？\n{choices}",
    "Several people have reported “{category}” within about 300 m. Is yours the same?\n{choices}",
)
AREA: Final = Line(
    "派出所通知：{words}\n您要反映的是这件事吗？\n{choices}",
    "The station says: {words}\nIs this what you want to report?\n{choices}",
)
ME_TOO: Final = Line("我也遇到（不另立案）", "me too (no report of my own)")
MINE_IS_ANOTHER: Final = Line("我的是另一件", "mine is another")
COUNTED: Final = Line(
    "好的，已计入，结束时会在这里告诉您；您写的内容没有另外上报。如情况不同，直接写下即可。有人有危险请拨打110。",
    "Counted; you will be told here when it has ended. What you wrote was not sent. If yours is different, just write it. "
    "If anybody is in danger call 110.",
)
RUNNING: Final = Line(
    "另有{n}件与他人相同的情况已计入，尚未结束；结束时会在这里告诉您。",
    "Counted with others: {n}, not ended yet; you will be told here when it has.",
)


async def ask(turn: Turn, draft: Draft, categories: tuple[Category, ...]) -> str | None:
    """The question, once a draft, and the draft that notes it; None when there is nothing to ask: then its case opens.

    Danger, silent mode, children and missing persons are never asked: theirs is a case of its own at once.
    """
    at = draft.place.at if draft.place else None
    category = next((c for c in categories if c.key == draft.category), None)
    if at is None or category is None or ASKED in draft.facts or category.key in NEVER_SHARED:
        return None
    if draft.flags & _OWN_WAY or draft.facts.get("risk"):
        return None
    name = category.en if turn.language == "en" else category.zh
    area = await area_case_at(turn.db, person_id=turn.person_id, category=category.key, at=at)
    case_id = area.case_id if area else None
    if case_id is None and category.shared:
        case_id = await case_near(turn.db, person_id=turn.person_id, category=category.key, at=at)
    if case_id is None:
        return None
    await note_told(turn.db, turn.person_id, case_id, published=area is not None)
    await save(turn.db, turn.runtime, noting(draft, asked=ASKED, **{ASKED: str(case_id)}))
    answers = [("1", turn.say(ME_TOO)), ("2", turn.say(MINE_IS_ANOTHER))]
    choices = taps.numbered(ASKED, answers)
    if area:
        words = area.words_en if turn.language == "en" else area.words_zh
        return turn.say(AREA, words=taps.words_of_another(words), choices=choices)
    return turn.say(NEARBY, category=name, choices=choices)


async def joined(turn: Turn, draft: Draft) -> str | None:
    """ "Me too": counted, and what was being written is dropped. None: that case has ended meanwhile."""
    if not await say_me_too(turn.db, turn.person_id, UUID(draft.facts[ASKED])):
        return None
    await drop(turn.db, turn.runtime, turn.person_id)
    return turn.say(COUNTED)


async def progress(turn: Turn) -> list[str]:
    """What is said of it when somebody asks how far things are."""
    n = await running_of(turn.db, turn.person_id)
    return [turn.say(RUNNING, n=n)] if n else []
