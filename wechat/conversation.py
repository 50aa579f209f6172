"""The chat: one message in, one reply out. The report dialogue asks only for what is missing.

At most four messages lead to a case number: each question is asked once, the place twice, and then the
case opens with the desk. Questions are put together, so that none costs a message of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum

import structlog

from app.cases.queries import Place
from app.cases.states import ENDED
from app.dispatch.drafts import MEDIA_ID_MAX, Draft, draft_of, drop, save
from app.kit.database import Db
from app.kit.geo import Gcj02
from app.kit.runtime import Runtime
from app.notices.budget import Channel, UserAction, close_windows, note_user_action
from app.notices.queries import take_waiting
from app.people.identity import Person, citizen_of, note_following, set_language
from app.stations.categories import category_of
from wechat import my_cases, replies
from wechat.alarm import SAME_OR_NEW, alarm
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
from wechat.reporting import OTHER, categories_at, go_on, noting, told
from wechat.turn import Turn

log = structlog.get_logger()


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
        return await alarm(turn, message.text if isinstance(message, TextMessage) else None)
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
        return await go_on(turn, noting(draft, no_place=True))
    if intent in (Intent.GREETING, Intent.THANKS):
        return await go_on(turn, draft)
    return await go_on(turn, await told(turn, draft, text.strip()))


async def _on_loose_text(turn: Turn, draft: Draft, intent: Intent, text: str) -> str:
    """A text while no report is being written: about an open case, or the start of one."""
    cases = await turn.cases()
    if intent is Intent.NUMBER and any(my_cases.is_rateable(c) for c in cases) and 1 <= int(text) <= 5:
        return await my_cases.rate(turn, int(text))
    running = [case for case in cases if case.state not in ENDED]
    if (
        intent is Intent.NUMBER
        and not running
        and 1 <= int(text) <= 5
        and (rated := my_cases.last_rated(cases))
    ):
        return my_cases.rated_before(turn, rated)
    if intent in (Intent.GREETING, Intent.NUMBER, Intent.NO_PLACE, Intent.THANKS):
        if running:
            return await my_cases.progress(turn)
        return turn.say(replies.THANKS if intent is Intent.THANKS else replies.GREETING)
    words = text.strip()
    if not running:
        return await go_on(turn, await told(turn, draft, words))
    named = category_of(words, await categories_at(turn, None))
    if named is None or named.key in (running[0].category, OTHER):
        return await my_cases.added(turn, running[0], words)
    draft = replace(draft.with_words(words), category=named.key)
    draft = noting(draft, asked=SAME_OR_NEW, case_id=str(running[0].id))
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
    return f"{turn.say(replies.IN_LANGUAGE)}{await go_on(turn, draft)}"


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
    asked, draft = draft.facts["asked"], noting(draft, asked=None)
    if asked == "category":
        choices = draft.facts["choices"]
        draft = replace(draft, category=choices[number - 1] if 1 <= number <= len(choices) else OTHER)
    elif asked == "risk":
        draft = noting(draft, risk=number != 2)
    elif number == 1:  # the words belong to the open case
        await drop(turn.db, turn.runtime, turn.person_id)
        for case in await turn.open_cases():
            if str(case.id) == draft.facts.get("case_id"):
                return await my_cases.added(turn, case, draft.words or "")
        return await my_cases.progress(turn)
    return await go_on(turn, draft)


async def _on_location(turn: Turn, message: LocationMessage) -> str:
    label = (message.place_name or message.label).strip()[:200] or None
    place = Place(Gcj02(message.gcj02_lat, message.gcj02_lng).to_wgs84(), label)
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.moved(turn, running[0], place)
    return await go_on(turn, replace(draft, place=place))


async def _on_image(turn: Turn, media_id: str) -> str:
    if len(media_id) > MEDIA_ID_MAX:
        log.error("wechat_media_id_too_long", length=len(media_id))
        return turn.say(replies.PHOTO_NOT_KEPT)
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.attach(turn, running[0], media_id)
    return await go_on(turn, draft.with_media(media_id))
