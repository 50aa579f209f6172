"""The report dialogue: what a draft still lacks is asked for; when nothing is missing, the case opens.

Each question is put once, the place twice; questions are put together, so that none costs a message of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from app.cases.queries import Place, get_case
from app.cases.service import Opened
from app.cases.states import Cause
from app.dispatch.drafts import Draft, drop, save
from app.dispatch.intake import Report, take
from app.stations.categories import DEFAULT_CATEGORIES, MISSING_PERSON, Category, category_of
from app.stations.registry import registry
from wechat import receipts, replies
from wechat.turn import Turn

OTHER: Final = "other"
MOST_ASKS_FOR_PLACE: Final = 2


async def told(turn: Turn, draft: Draft, text: str) -> Draft:
    """The draft with this text; asked for the place a second time, a text is where it is."""
    if draft.place is None and draft.asked_place >= MOST_ASKS_FOR_PLACE:
        return replace(draft, place=Place(None, text[:200]))
    draft = draft.with_words(text)
    if draft.category is None and (named := category_of(text, await categories_at(turn, draft.place))):
        draft = replace(draft, category=named.key)
    return draft


async def go_on(turn: Turn, draft: Draft) -> str:
    """Open the case when nothing is missing, else keep the draft and ask."""
    categories = await categories_at(turn, draft.place)
    if draft.category is None and draft.facts.get("asked_category"):
        draft = replace(draft, category=OTHER)
    if draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft = _with_risk(draft)
    draft = noting(draft, asked=None)
    questions: list[str] = []
    if not draft.words and not draft.media:
        questions.append(turn.say(replies.ASK_WORDS))
    elif draft.category is None:
        draft = noting(draft, asked="category", asked_category=True, choices=[c.key for c in categories])
        questions.append(turn.say(replies.ASK_CATEGORY, choices=_choices(turn, categories)))
    elif draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft = noting(draft, asked="risk", asked_risk=True)
        questions.append(turn.say(replies.ASK_RISK))
    if (draft.words or draft.media) and _wants_place(draft, categories):
        again = draft.asked_place > 0
        draft = replace(draft, asked_place=draft.asked_place + 1)
        questions.append(turn.say(replies.ASK_PLACE_AGAIN if again else replies.ASK_PLACE))
    if not questions:
        return await _open(turn, draft, categories)
    await save(turn.db, turn.runtime, draft)
    return "\n".join(questions)


def _wants_place(draft: Draft, categories: tuple[Category, ...]) -> bool:
    if draft.place is not None or draft.facts.get("no_place") or draft.asked_place >= MOST_ASKS_FOR_PLACE:
        return False
    return next((c.scene for c in categories if c.key == draft.category), True)


def _with_risk(draft: Draft) -> Draft:
    """At risk by the words, or because the question was asked and passed over: then the careful answer counts."""
    if draft.facts.get("asked_risk") or (
        draft.words and _AT_RISK.search(draft.words.lower()) and not _grown(draft.words)
    ):
        return noting(draft, risk=True)
    return draft


_AT_RISK: Final = re.compile(
    r"孩子|小孩|儿童|婴儿|宝宝|老人|老太|老头|爷爷|奶奶|外公|外婆|痴呆|阿尔茨海默|残疾|残障|智障|精神病|抑郁|拐|[0-9]{1,3}\s*岁"
    r"|child|kid|baby|toddler|elderly|grandm|grandf|dementia|alzheimer|disabled|depress|abduct|[0-9]{1,3}\s*(?:years? old|yo\b|y/o)"
)
_AGE: Final = re.compile(r"([0-9]{1,3})\s*(?:岁|years? old|yo\b|y/o)")


def _grown(words: str) -> bool:
    """Only ages of 14 to 64 are named."""
    ages = [int(age) for age in _AGE.findall(words.lower())]
    others = _AT_RISK.search(_AGE.sub("", words.lower()))
    return bool(ages) and all(14 <= age < 65 for age in ages) and others is None


async def _open(turn: Turn, draft: Draft, categories: tuple[Category, ...]) -> str:
    category = next((c for c in categories if c.key == draft.category), None)
    # Recognised by the usual list before the place was known; its station may have another.
    category = category or category_of(draft.words or "", categories)
    key = category.key if category else OTHER
    opened = await take_report(turn, draft, key, urgent=bool(draft.facts.get("risk")))
    return await _received(turn, opened, key)


async def take_report(turn: Turn, draft: Draft, category: str, *, urgent: bool) -> Opened:
    report = Report(
        reporter_id=turn.person_id, category=category, words=draft.words, place=draft.place, media=draft.media,
        urgent=urgent, idempotency_key=f"chat:{turn.key}",
    )  # fmt: skip
    opened = await take(turn.db, turn.runtime, report)
    await drop(turn.db, turn.runtime, turn.person_id)
    return opened


async def _received(turn: Turn, opened: Opened, category: str) -> str:
    """The number, what happens next, and how to change or cancel."""
    case = await get_case(turn.db, turn.runtime, opened.case_id)
    station = (await registry(turn.runtime)).get(opened.station_id)
    facts: dict[str, Any] = {
        "number": opened.number, "phone": station.phone, "meet_code": case.meet_code,
        "station": station.name_en if turn.language == "en" else station.name,
        "seconds": round((opened.deadline - opened.reported_at).total_seconds()),
    }  # fmt: skip
    lines = [turn.say(replies.STOP_PAYMENT)] if opened.cause is Cause.NO_SCENE else []
    if opened.cause is None and case.urgent:
        lines.append(turn.say(replies.OPENED_ALARMED, **facts))
    elif opened.cause is None:
        lines.append(turn.say(replies.OPENED, **facts))
    else:
        why = turn.say(replies.WHY.get(opened.cause, replies.WHY_DESK))
        lines.append(turn.say(replies.OPENED_AT_DESK, why=why, **facts))
    if category == MISSING_PERSON:
        lines.append(turn.say(replies.NEED_110))
    lines += await receipts.lines(turn, opened.case_id)
    return "\n".join(lines)


def _choices(turn: Turn, categories: tuple[Category, ...]) -> str:
    names = (c.en if turn.language == "en" else c.zh for c in categories)
    return "\n".join(f"{number} {name}" for number, name in enumerate(names, 1))


async def categories_at(turn: Turn, place: Place | None) -> tuple[Category, ...]:
    """Those of the station that has the place; the usual ones while it is not known."""
    stations = await registry(turn.runtime)
    station = stations.station_at(place.at) if place and place.at else None
    station = station or stations.command_centre()
    return station.settings.known_categories() if station else DEFAULT_CATEGORIES


def noting(draft: Draft, **facts: Any) -> Draft:
    """The draft with these facts; None takes one out."""
    kept = {name: value for name, value in {**draft.facts, **facts}.items() if value is not None}
    return replace(draft, facts=kept)
