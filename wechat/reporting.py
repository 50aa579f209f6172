"""The report dialogue: what a draft still lacks is asked for; when nothing is missing, the case opens.

Each question is put once, the place twice; questions are put together, so that none costs a message of its own, and
the fourth message of who has said what happened opens the case whatever is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from app.cases.queries import Flag, Place, get_case
from app.cases.service import Opened
from app.cases.states import Cause
from app.dispatch.drafts import CUT, Draft, drop, save
from app.dispatch.intake import WORDS_MAX, Report, take
from app.kit.clock import utc_now
from app.people.preference import preferred_station
from app.stations.categories import DEFAULT_CATEGORIES, MISSING_PERSON, Category, category_of, open_now
from app.stations.registry import Station, registry
from wechat import me_too, placing, receipts, replies, taps
from wechat.flags import flagged, flags_in
from wechat.times import ago
from wechat.turn import Turn, noting

OTHER: Final = "other"
CATEGORY: Final = "category"
RISK: Final = "risk"
GOING: Final = "going"
"""Questions, as a draft notes them: the last is where the reporter of an open case is. Further ones stand with what asks."""
MOST_ASKS_FOR_PLACE: Final = 2
LAST_TURN: Final = 4
RESUMED_AFTER_S: Final = 3600
"""Who goes on with a draft after so long is told that there is one, and is asked anew."""


async def told(turn: Turn, draft: Draft, text: str) -> Draft:
    """The draft with this text; asked for the place, a text may be where it is."""
    draft = flagged(await placing.with_candidates(turn, draft, text), *flags_in(text))
    if placing.is_place_alone(draft, text) and (draft.words or draft.media):
        return placing.typed(draft, text)
    if draft.place is None and draft.asked_place >= MOST_ASKS_FOR_PLACE:
        return placing.typed(draft, text)
    draft = draft.with_words(text)
    if draft.category is None and (named := category_of(text, await categories_at(turn, draft.place))):
        draft = replace(draft, category=named.key)
    return draft


async def begin(turn: Turn, line: replies.Line, *, flags: Iterable[Flag] = ()) -> str:
    """An empty draft that is begun: what comes next belongs to it, not to an open case. A category may be tapped first."""
    station = await station_of(turn, None)
    categories = categories_of(station)
    draft = Draft(turn.person_id, turns=1, facts={"begun": True, "asked": CATEGORY})
    draft = flagged(noting(draft, choices=[c.key for c in categories]), *flags)
    await save(turn.db, turn.runtime, draft)
    choices = category_choices(turn, station, categories)
    asked = turn.say(replies.ASK_CATEGORY_OR_WORDS, choices=choices)
    return f"{turn.say(line)}{asked}\n{turn.say(replies.NEED_110)}"


async def give_up(turn: Turn, draft: Draft) -> str:
    """Drop what was being written. In silent mode somebody may be forcing the hand: the desk looks, the answer is neutral."""
    if Flag.TEXT_ONLY not in draft.flags or not draft.holds_something:
        await drop(turn.db, turn.runtime, turn.person_id)
        running = await turn.open_cases()
        still = [turn.say(replies.STILL_OPEN, number=running[0].number)] if running else []
        return "\n".join([turn.say(replies.DRAFT_DROPPED), *still])
    known = {category.key for category in await categories_at(turn, draft.place)}
    category = draft.category if draft.category in known else OTHER
    opened = await take_report(turn, draft, category or OTHER, urgent=True, cancel_asked=True)
    return turn.say(replies.CANCEL_NOTED, number=opened.number)


async def go_on(turn: Turn, draft: Draft) -> str:
    """Open the case when nothing is missing, else keep the draft and ask."""
    draft, notes = _resumed(turn, draft)
    if lost := draft.facts.get(CUT):
        notes.append(turn.say(replies.WORDS_CUT, most=WORDS_MAX, n=lost))
    draft = replace(noting(draft, asked=None, **{CUT: None}), turns=draft.turns + 1)
    station = await station_of(turn, draft.place)
    categories = categories_of(station)
    draft = _settled(draft)
    questions: list[str] = []
    if not draft.words and not draft.media:
        questions.append(turn.say(replies.ASK_WORDS))
    elif draft.turns < LAST_TURN:
        draft, questions = await _missing(turn, draft, station, categories)
    if not questions and draft.turns < LAST_TURN and (asked := await me_too.ask(turn, draft, categories)):
        return "\n".join((*notes, asked, turn.say(replies.NEED_110)))
    if not questions:
        return "\n".join((*notes, await _open(turn, draft, categories)))
    if _has_no_scene(draft, categories) and not draft.facts.get("stop_told"):
        draft = noting(draft, stop_told=True)
        notes.append(turn.say(replies.STOP_PAYMENT))  # the line to call comes before any question
    await save(turn.db, turn.runtime, draft)
    # Words of danger may be missed. A silent screen says no more than it must.
    if Flag.TEXT_ONLY not in draft.flags:
        questions.append(turn.say(replies.NEED_110))
    return "\n".join((*notes, *questions))


def _resumed(turn: Turn, draft: Draft) -> tuple[Draft, list[str]]:
    """After a long pause what was asked is forgotten: it is asked once more, and said that this goes on."""
    if draft.idle_s < RESUMED_AFTER_S or not draft.holds_something:
        return draft, []
    again = replace(draft, turns=0, asked_place=min(draft.asked_place, 1), idle_s=0.0)
    return again, [turn.say(replies.DRAFT_RESUMED, ago=ago(turn, draft.idle_s))]


def _settled(draft: Draft) -> Draft:
    """What follows without asking: a question of category passed over is "other", risk is what the words say."""
    silent = Flag.TEXT_ONLY in draft.flags and bool(draft.words or draft.media)
    if draft.category is None and (draft.facts.get("asked_category") or silent):
        draft = replace(draft, category=OTHER)
    if draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft = _with_risk(draft)
    return draft


async def _missing(
    turn: Turn, draft: Draft, station: Station | None, categories: tuple[Category, ...]
) -> tuple[Draft, list[str]]:
    """The questions of this turn, and the draft that notes them. One of them at most is answered by a number."""
    if draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft, questions = noting(draft, asked=RISK, asked_risk=True), [_risk(turn)]
        return _asking_place(turn, draft, categories, questions)
    if draft.facts.get(placing.CANDIDATES) and (which := await placing.question(turn, draft)):
        draft = noting(draft, asked=placing.ASKED, **{placing.MATCHED: True})
        return replace(draft, asked_place=min(draft.asked_place + 1, MOST_ASKS_FOR_PLACE)), [which]
    questions = []
    if draft.category is None:
        draft = noting(draft, asked=CATEGORY, asked_category=True, choices=[c.key for c in categories])
        questions.append(turn.say(replies.ASK_CATEGORY, choices=category_choices(turn, station, categories)))
    return _asking_place(turn, draft, categories, questions)


def _asking_place(
    turn: Turn, draft: Draft, categories: tuple[Category, ...], questions: list[str]
) -> tuple[Draft, list[str]]:
    if not _wants_place(draft, categories):
        return draft, questions
    line = replies.ASK_PLACE_OF_ANOTHER if Flag.FOR_ANOTHER in draft.flags else replies.ASK_PLACE
    line = replies.ASK_PLACE_AGAIN if draft.asked_place else line
    return replace(draft, asked_place=draft.asked_place + 1), [*questions, turn.say(line)]


def _wants_place(draft: Draft, categories: tuple[Category, ...]) -> bool:
    if draft.place is not None or draft.facts.get("no_place") or draft.asked_place >= MOST_ASKS_FOR_PLACE:
        return False
    if draft.facts.get(placing.CANDIDATES):  # asked about once the number of this turn is free
        return False
    return not _has_no_scene(draft, categories)


def _has_no_scene(draft: Draft, categories: tuple[Category, ...]) -> bool:
    return any(c.key == draft.category and not c.scene for c in categories)


def _risk(turn: Turn) -> str:
    answers = [("1", turn.say(replies.YES)), ("2", turn.say(replies.NO))]
    return f"{turn.say(replies.ASK_RISK)}\n{taps.numbered(RISK, answers)}"


def _with_risk(draft: Draft) -> Draft:
    """At risk by the words, or because the question was asked and passed over: then the careful answer counts."""
    passed_over = draft.facts.get("asked_risk") or draft.turns >= LAST_TURN
    if passed_over or (draft.words and _AT_RISK.search(draft.words.lower()) and not _grown(draft.words)):
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
    received = await _received(turn, opened, key)
    if draft.facts.get(placing.CANDIDATES) and (which := await placing.question(turn, draft, GOING)):
        # The number does not wait for the place: which one was meant is asked of the case that is open.
        about = Draft(turn.person_id, facts={"asked": GOING, "case_id": str(opened.case_id)})
        candidates = draft.facts[placing.CANDIDATES]
        await save(turn.db, turn.runtime, noting(about, **{placing.CANDIDATES: candidates}))
        return f"{received}\n{which}"
    return received


async def take_report(turn: Turn, draft: Draft, category: str, *, urgent: bool, **facts: object) -> Opened:
    """Make the draft a case and empty it. `facts` go to the case."""
    report = Report(
        reporter_id=turn.person_id, category=category, words=draft.words, place=draft.place, media=draft.media,
        text_only=Flag.TEXT_ONLY in draft.flags, flags=draft.flags, urgent=urgent,
        idempotency_key=f"chat:{turn.key}", facts=facts, near=await preferred_station(turn.db, turn.person_id),
    )  # fmt: skip
    opened = await take(turn.db, turn.runtime, report)
    await drop(turn.db, turn.runtime, turn.person_id)
    return opened


async def _received(turn: Turn, opened: Opened, category: str) -> str:
    """The number, what happens next, and how to change or cancel."""
    case = await get_case(turn.db, turn.runtime, opened.case_id)
    if case.text_only:  # what stands on the screen must not betray its writer
        lines = [turn.say(replies.OPENED_QUIET, number=opened.number)]
        return "\n".join([*lines, turn.say(replies.NEED_110)] if category == MISSING_PERSON else lines)
    station = (await registry(turn.runtime)).get(opened.station_id)
    facts: dict[str, Any] = {
        "number": opened.number, "phone": station.phone, "meet_code": case.meet_code,
        "station": station.called(turn.language),
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
    lines.append(turn.say(replies.NEED_110))
    lines.append(taps.commands(turn.say(replies.COMMANDS)))
    lines += await receipts.lines(turn, opened.case_id)
    return "\n".join(lines)


def category_choices(turn: Turn, station: Station | None, categories: tuple[Category, ...]) -> str:
    """Every category to tap or to answer by its number; those that the desk has at this hour say so."""
    zone, now = station.settings.timezone if station else "Asia/Shanghai", utc_now()

    def label(category: Category) -> str:
        name = category.en if turn.language == "en" else category.zh
        return name if open_now(category, now, zone) else f"{name}{turn.say(replies.TO_THE_DESK_NOW)}"

    return taps.numbered(CATEGORY, [(c.key, label(c)) for c in categories])


async def station_of(turn: Turn, place: Place | None) -> Station | None:
    """The station that has the place; while it is not known, the one whose code they scanned, or the command centre."""
    stations = await registry(turn.runtime)
    if place and place.at:
        return stations.station_at(place.at) or stations.command_centre()
    near = await preferred_station(turn.db, turn.person_id)
    return next((s for s in stations.all() if s.id == near), None) or stations.command_centre()


def categories_of(station: Station | None) -> tuple[Category, ...]:
    """Those of a station; the usual ones without one."""
    return station.settings.known_categories() if station else DEFAULT_CATEGORIES


async def categories_at(turn: Turn, place: Place | None) -> tuple[Category, ...]:
    """Those of the station that has the place; the command centre's while it is not known."""
    return categories_of(await station_of(turn, place))
