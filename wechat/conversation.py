"""The chat: one message in, one reply out. The report dialogue asks only for what is missing.

At most four messages lead to a case number: each question is asked once, the place twice, and then the
case opens with the desk. Questions are put together, so that none costs a message of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from app.cases.queries import Place, get_case
from app.cases.service import Opened
from app.cases.states import ENDED, Cause
from app.dispatch.citizen import raise_urgent
from app.dispatch.drafts import Draft, draft_of, drop, save
from app.dispatch.intake import Report, take
from app.kit.database import Db
from app.kit.geo import Gcj02
from app.kit.runtime import Runtime
from app.notices.budget import Channel, UserAction, close_windows, note_user_action
from app.notices.queries import take_waiting
from app.people.identity import Person, citizen_of, note_following, set_language
from app.stations.categories import DEFAULT_CATEGORIES, MISSING_PERSON, Category, category_of
from app.stations.registry import registry
from wechat import my_cases, replies
from wechat.emergency import danger
from wechat.intents import Intent, intent_of, language_of
from wechat.messages import (
    ClickEvent,
    FollowEvent,
    ImageMessage,
    Incoming,
    LocationMessage,
    MenuToolEvent,
    ScanEvent,
    TextMessage,
    UnfollowEvent,
)
from wechat.turn import Turn

OTHER: Final = "other"
MOST_ASKS_FOR_PLACE: Final = 2


class MenuKey(StrEnum):
    """Keys of the account's menu that the chat answers."""

    REPORT = "report"
    STATUS = "status"
    EMERGENCY = "emergency"
    ENGLISH = "english"


def is_emergency(message: Incoming) -> bool:
    """Whether the message is a call for help, judged without any store."""
    if isinstance(message, TextMessage):
        return danger(message.text)
    return isinstance(message, ClickEvent) and message.key == MenuKey.EMERGENCY


async def advance(db: Db, runtime: Runtime, message: Incoming) -> str | None:
    """Take the chat one step further in the caller's transaction; None when nothing is to be said.

    Raises:
        Unavailable: no station is set up; other errors of the core as the verbs tell.
    """
    person = await citizen_of(db, runtime, app_id=runtime.settings.wechat_app_id, openid=message.sender)
    if isinstance(message, UnfollowEvent):
        await note_following(db, person.id, follows=False)
        await close_windows(db, person.id, Channel.OFFICIAL_ACCOUNT)
        return None
    if action := _action(message):
        await note_user_action(db, person.id, Channel.OFFICIAL_ACCOUNT, action)
    turn = Turn(db, runtime, person.id, await _language(db, person, message), message.dedupe_key)
    if is_emergency(message):
        return await _alarm(turn, message.text if isinstance(message, TextMessage) else None)
    reply = await _answer(turn, message)
    if reply and (missed := await take_waiting(db, person.id)):
        reply = f"{reply}\n{turn.say(replies.UPDATES, n=len(missed))}"
    return reply


def _action(message: Incoming) -> UserAction | None:
    """Which window WeChat opens for it."""
    match message:
        case TextMessage(menu_id=str()) | ClickEvent():
            return UserAction.CLICK
        case MenuToolEvent(kind=kind):
            return UserAction.CLICK if kind.startswith("scancode") else None
        case FollowEvent():
            return UserAction.FOLLOW
        case ScanEvent():
            return UserAction.SCAN
    return UserAction.MESSAGE


async def _language(db: Db, person: Person, message: Incoming) -> str:
    """The language the person writes in, kept for the notices."""
    spoken = language_of(message.text) if isinstance(message, TextMessage) else None
    if isinstance(message, TextMessage):
        spoken = {Intent.ENGLISH: "en", Intent.CHINESE: "zh"}.get(intent_of(message.text)[0], spoken)
    if isinstance(message, ClickEvent) and message.key == MenuKey.ENGLISH:
        spoken = "en"
    if spoken is None or spoken == person.language:
        return person.language
    await set_language(db, person.id, spoken)
    return spoken


async def _answer(turn: Turn, message: Incoming) -> str | None:
    match message:
        case TextMessage():
            return await _on_text(turn, message.text)
        case LocationMessage():
            return await _on_location(turn, message)
        case ImageMessage():
            return await _on_image(turn, message.media_id)
        case FollowEvent():
            await note_following(turn.db, turn.person_id, follows=True)
            return turn.say(replies.GREETING)
        case ScanEvent():
            return turn.say(replies.GREETING)
        case ClickEvent(key=MenuKey.STATUS):
            return await my_cases.progress(turn)
        case ClickEvent(key=MenuKey.REPORT):
            return await _new(turn, "")
        case ClickEvent(key=MenuKey.ENGLISH):
            return turn.say(replies.GREETING)
        case MenuToolEvent():
            return None  # what the tool gives follows as a message of its own
    return turn.say(replies.NOT_THIS_KIND)


# What a text asks for


async def _on_text(turn: Turn, text: str) -> str:
    intent, argument = intent_of(text)
    if asked := _ASKED_FOR.get(intent):
        return await asked(turn, argument)
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if intent is Intent.NUMBER and draft.facts.get("asked"):
        return await _chosen(turn, draft, int(argument))
    if draft.empty:
        return await _on_loose_text(turn, draft, intent, argument or text)
    if intent is Intent.NO_PLACE:
        return await _go_on(turn, _noting(draft, no_place=True))
    if intent in (Intent.GREETING, Intent.THANKS):
        return await _go_on(turn, draft)
    return await _go_on(turn, await _told(turn, draft, text.strip()))


async def _on_loose_text(turn: Turn, draft: Draft, intent: Intent, text: str) -> str:
    """A text while no report is being written: about an open case, or the start of one."""
    cases = await turn.cases()
    if intent is Intent.NUMBER and any(my_cases.is_rateable(c) for c in cases) and 1 <= int(text) <= 5:
        return await my_cases.rate(turn, int(text))
    running = [case for case in cases if case.state not in ENDED]
    if intent in (Intent.GREETING, Intent.NUMBER, Intent.NO_PLACE, Intent.THANKS):
        if running:
            return await my_cases.progress(turn)
        return turn.say(replies.THANKS if intent is Intent.THANKS else replies.GREETING)
    words = text.strip()
    if not running:
        return await _go_on(turn, await _told(turn, draft, words))
    named = category_of(words, await _categories(turn, None))
    if named is None or named.key in (running[0].category, OTHER):
        return await my_cases.added(turn, running[0], words)
    draft = replace(draft.with_words(words), category=named.key)
    draft = _noting(draft, asked="same_or_new", case_id=str(running[0].id))
    await save(turn.db, turn.runtime, draft)
    return turn.say(replies.SAME_OR_NEW, number=running[0].number)


async def _progress(turn: Turn, _: str) -> str:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    said = await my_cases.progress(turn)
    return said if draft.empty else f"{said}\n{turn.say(replies.DRAFT_UNDER_WAY)}"


async def _cancel(turn: Turn, number: str) -> str:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty or number:
        return await my_cases.cancel(turn, number)
    await drop(turn.db, turn.runtime, turn.person_id)
    return turn.say(replies.DRAFT_DROPPED)


async def _change(turn: Turn, _: str) -> str:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty:
        return await my_cases.change(turn)
    await _begin(turn)
    return f"{turn.say(replies.CHANGE_DRAFT)}{turn.say(replies.ASK_WORDS)}"


async def _new(turn: Turn, _: str) -> str:
    await draft_of(turn.db, turn.runtime, turn.person_id)
    await _begin(turn)
    return f"{turn.say(replies.NEW_REPORT)}{turn.say(replies.ASK_WORDS)}\n{turn.say(replies.NEED_110)}"


async def _begin(turn: Turn) -> None:
    """An empty draft that is begun: what comes next belongs to it, not to an open case."""
    await save(turn.db, turn.runtime, Draft(turn.person_id, facts={"begun": True}))


async def _moved(turn: Turn, _: str) -> str:
    return turn.say(replies.SEND_PLACE)


async def _rate(turn: Turn, stars: str) -> str:
    return await my_cases.rate(turn, int(stars))


async def _not_solved(turn: Turn, _: str) -> str:
    return await my_cases.not_solved(turn)


async def _in_language(turn: Turn, _: str) -> str:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty:
        return turn.say(replies.GREETING)
    return f"{turn.say(replies.IN_LANGUAGE)}{await _go_on(turn, draft)}"


_ASKED_FOR: dict[Intent, Callable[[Turn, str], Awaitable[str]]] = {
    Intent.STATUS: _progress,
    Intent.CANCEL: _cancel,
    Intent.CHANGE: _change,
    Intent.NEW: _new,
    Intent.MOVED: _moved,
    Intent.RATE: _rate,
    Intent.NOT_SOLVED: _not_solved,
    Intent.ENGLISH: _in_language,
    Intent.CHINESE: _in_language,
}


async def _chosen(turn: Turn, draft: Draft, number: int) -> str:
    """The answer to a numbered question; a number that was no choice leaves it unanswered."""
    asked, draft = draft.facts["asked"], _noting(draft, asked=None)
    if asked == "category":
        choices = draft.facts["choices"]
        draft = replace(draft, category=choices[number - 1] if 1 <= number <= len(choices) else OTHER)
    elif asked == "risk":
        draft = _noting(draft, risk=number != 2)
    elif number == 1:  # the words belong to the open case
        await drop(turn.db, turn.runtime, turn.person_id)
        for case in await turn.open_cases():
            if str(case.id) == draft.facts.get("case_id"):
                return await my_cases.added(turn, case, draft.words or "")
        return await my_cases.progress(turn)
    return await _go_on(turn, draft)


# Other messages


async def _on_location(turn: Turn, message: LocationMessage) -> str:
    label = (message.place_name or message.label).strip()[:200] or None
    place = Place(Gcj02(message.gcj02_lat, message.gcj02_lng).to_wgs84(), label)
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.moved(turn, running[0], place)
    return await _go_on(turn, replace(draft, place=place))


async def _on_image(turn: Turn, media_id: str) -> str:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.attach(turn, running[0], media_id)
    return await _go_on(turn, draft.with_media(media_id))


# The report


async def _told(turn: Turn, draft: Draft, text: str) -> Draft:
    """The draft with this text; asked for the place a second time, a text is where it is."""
    if draft.place is None and draft.asked_place >= MOST_ASKS_FOR_PLACE:
        return replace(draft, place=Place(None, text[:200]))
    draft = draft.with_words(text)
    if draft.category is None and (named := category_of(text, await _categories(turn, draft.place))):
        draft = replace(draft, category=named.key)
    return draft


async def _go_on(turn: Turn, draft: Draft) -> str:
    """Open the case when nothing is missing, else keep the draft and ask."""
    categories = await _categories(turn, draft.place)
    if draft.category is None and draft.facts.get("asked_category"):
        draft = replace(draft, category=OTHER)
    if draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft = _with_risk(draft)
    draft = _noting(draft, asked=None)
    questions: list[str] = []
    if not draft.words and not draft.media:
        questions.append(turn.say(replies.ASK_WORDS))
    elif draft.category is None:
        draft = _noting(draft, asked="category", asked_category=True, choices=[c.key for c in categories])
        questions.append(turn.say(replies.ASK_CATEGORY, choices=_choices(turn, categories)))
    elif draft.category == MISSING_PERSON and "risk" not in draft.facts:
        draft = _noting(draft, asked="risk", asked_risk=True)
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
        return _noting(draft, risk=True)
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
    opened = await _take(turn, draft, key, urgent=bool(draft.facts.get("risk")))
    return await _received(turn, opened, key)


async def _take(turn: Turn, draft: Draft, category: str, *, urgent: bool) -> Opened:
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
    if opened.cause is None:
        lines.append(turn.say(replies.OPENED, **facts))
    else:
        why = turn.say(replies.WHY.get(opened.cause, replies.WHY_DESK))
        lines.append(turn.say(replies.OPENED_AT_DESK, why=why, **facts))
    if category == MISSING_PERSON:
        lines.append(turn.say(replies.NEED_110))
    return "\n".join(lines)


def _choices(turn: Turn, categories: tuple[Category, ...]) -> str:
    names = (c.en if turn.language == "en" else c.zh for c in categories)
    return "\n".join(f"{number} {name}" for number, name in enumerate(names, 1))


async def _categories(turn: Turn, place: Place | None) -> tuple[Category, ...]:
    """Those of the station that has the place; the usual ones while it is not known."""
    stations = await registry(turn.runtime)
    station = stations.station_at(place.at) if place and place.at else None
    station = station or stations.command_centre()
    return station.settings.known_categories() if station else DEFAULT_CATEGORIES


def _noting(draft: Draft, **facts: Any) -> Draft:
    """The draft with these facts; None takes one out."""
    kept = {name: value for name, value in {**draft.facts, **facts}.items() if value is not None}
    return replace(draft, facts=kept)


# Danger


async def _alarm(turn: Turn, text: str | None) -> str:
    """Call 110, and the desk has it at second 0: an open case is raised, else an urgent one is opened.

    Whatever was being written goes with it; no limit, no hours and no missing answer stand in the way.
    """
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if text:
        draft = draft.with_words(text)
    number = await _raise(turn, draft)
    if number is None:
        opened = await _take(turn, draft, draft.category or OTHER, urgent=True)
        number = opened.number
    return f"{turn.say(replies.CALL_110)}\n{turn.say(replies.ALSO_SENT, number=number)}"


async def _raise(turn: Turn, draft: Draft) -> str | None:
    """Raise the newest open case, and add what was just written to it."""
    for case in await turn.open_cases():
        if await raise_urgent(turn.runtime, case.id, reporter_id=turn.person_id) is None:
            continue
        if draft.words:
            await my_cases.added(turn, case, draft.words)
        await drop(turn.db, turn.runtime, turn.person_id)
        return case.number
    return None
