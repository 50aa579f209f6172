"""The chat: one message in, one reply out. The report dialogue asks only for what is missing.

Three tables say what happens: `_ON` by the kind of message, `_ASKED_FOR` by what a line asks for (`wechat.intents`),
`_ANSWERS` by the question that a draft notes as asked. At most four messages lead to a case number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

import structlog

from app.cases.queries import Case, Place
from app.cases.states import ENDED
from app.dispatch.drafts import MEDIA_ID_MAX, Draft, draft_of, drop, save
from app.kit.database import Db
from app.kit.geo import Gcj02
from app.kit.runtime import Runtime
from app.media.service import note_medium
from app.media.states import MediaKind
from app.notices.budget import Channel, UserAction, close_windows, note_user_action
from app.notices.queries import take_waiting
from app.people.identity import Person, citizen_of, note_following, set_language
from app.stations.categories import category_of
from wechat import (
    community_chat,
    complaints,
    elsewhere,
    my_cases,
    officer_chat,
    placing,
    replies,
    reporting,
    scenes,
    taps,
    wishes,
)
from wechat.alarm import SAME_OR_NEW, alarm
from wechat.emergency import danger
from wechat.intents import Intent, intent_of, language_of
from wechat.messages import (
    ClickEvent,
    FileMessage,
    FollowEvent,
    ImageMessage,
    Incoming,
    LinkMessage,
    LocationMessage,
    MenuToolEvent,
    ScanEvent,
    TextMessage,
    UnfollowEvent,
    UnknownMessage,
    VideoMessage,
    VoiceMessage,
)
from wechat.reporting import OTHER, categories_at, go_on, told
from wechat.turn import Said, Turn, noting

log = structlog.get_logger()


class MenuKey(StrEnum):
    """Keys of the account's menu that the chat answers."""

    REPORT = "report"
    STATUS = "status"
    CHANGE = "change"
    CANCEL = "cancel"
    EMERGENCY = "emergency"
    TEXT_ONLY = "text_only"
    LARGE_PRINT = "large_print"
    NEEDS = "needs"
    CHILD = "child"
    FOR_ANOTHER = "for_another"
    COMPLAIN = "complain"
    ENGLISH = "english"
    CHINESE = "chinese"


_CLICKS: Final = {
    MenuKey.STATUS: Intent.STATUS,
    MenuKey.CHANGE: Intent.CHANGE,
    MenuKey.CANCEL: Intent.CANCEL,
    MenuKey.TEXT_ONLY: Intent.TEXT_ONLY,
    MenuKey.LARGE_PRINT: Intent.LARGE_PRINT,
    MenuKey.CHILD: Intent.CHILD,
    MenuKey.FOR_ANOTHER: Intent.FOR_ANOTHER,
    MenuKey.COMPLAIN: Intent.COMPLAIN,
    MenuKey.ENGLISH: Intent.ENGLISH,
    MenuKey.CHINESE: Intent.CHINESE,
}
"""Menu items that ask for what words ask for too."""


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
    reply = (
        await officer_chat.answer(turn, person, message)
        or await community_chat.answer(turn, message)
        or await _answer(turn, message)
    )
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
        spoken = _LANGUAGES.get(intent_of(message.text)[0], spoken)
    if isinstance(message, ClickEvent) and message.key in (MenuKey.ENGLISH, MenuKey.CHINESE):
        spoken = _LANGUAGES[_CLICKS[MenuKey(message.key)]]
    if spoken is None or spoken == person.language:
        return person.language
    await set_language(db, person.id, spoken)
    return spoken


_LANGUAGES: Final = {Intent.ENGLISH: "en", Intent.CHINESE: "zh"}


async def _answer(turn: Turn, message: Incoming) -> str | None:
    draft = await draft_of(turn.db, turn.runtime, turn.person_id)
    notes = []
    if draft.expired:
        await drop(turn.db, turn.runtime, turn.person_id)
        notes.append(turn.say(replies.DRAFT_EXPIRED, days=turn.runtime.settings.draft_kept_days))
        draft = Draft(turn.person_id)
    if complaints.LANE in draft.facts and not complaints.in_lane(draft):
        draft = complaints.left(draft)
    if _is_going(draft) and not isinstance(message, _ABOUT_PLACES):
        draft = Draft(turn.person_id)  # the question stays; a picture goes to the open case all the same
    said = await _ON.get(type(message), _on_other)(turn, draft, message)
    return "\n".join((*notes, said)) if said else None


_ABOUT_PLACES: Final = (TextMessage, LocationMessage, ClickEvent)


def _is_going(draft: Draft) -> bool:
    """Whether it was asked where the reporter of an open case is; then the draft is about that case."""
    return draft.facts.get("asked") == reporting.GOING


# By the kind of message. A handler takes what its kind has, so `Any` is that kind.


async def _on_text(turn: Turn, draft: Draft, message: Any) -> str:
    question, answer = taps.answer_of(message.menu_id or "")
    if question in _ANSWERS:
        return await _tapped(turn, draft, question, answer)
    # A phrase of silent mode is words, also where it would be a wish if it were typed.
    intent = (Intent.WORDS, "") if question == taps.PRESET else intent_of(message.text)
    said = Said(message.text, *intent)
    if complaints.in_lane(draft):
        if (written := await complaints.go_on(turn, draft, said)) is not None:
            return written
        draft = complaints.left(draft)
        await save(turn.db, turn.runtime, draft)
    return await _on_line(turn, draft, said)


async def _on_line(turn: Turn, draft: Draft, said: Said) -> str:
    """A line outside of any lane: an answer, a wish, or words of a report."""
    if _is_going(draft) and not _answers(draft, said):
        draft = await _passed_over(turn, draft, said.intent)
    if asked := _ASKED_FOR.get(said.intent):
        if (reply := await asked(turn, draft, said)) is not None:
            return reply
    elif complaints.is_about_police(said.text) and not draft.holds_something:
        if complaints.is_plainly_about_police(said.text):
            return await complaints.begin(turn, draft, said)
        return await complaints.ask(turn, draft, said.text.strip())
    return await _words(turn, draft, said.text.strip())


async def _passed_over(turn: Turn, draft: Draft, intent: Intent | None) -> Draft:
    """Not told which place was meant: what was typed is added to the case as words. The empty draft after it."""
    if intent in _BY_MOVES:
        await drop(turn.db, turn.runtime, turn.person_id)
    else:
        await my_cases.gone_to(turn, draft, 0)
    return Draft(turn.person_id)


_BY_MOVES: Final = frozenset({Intent.CANCEL, Intent.RATE, Intent.NOT_SOLVED})
"""What moves the case in a statement of its own: that would wait for the words added here, and these for it."""


async def _on_location(turn: Turn, draft: Draft, message: Any) -> str:
    label = (message.place_name or message.label).strip()[: placing.LABEL_MAX] or None
    place = Place(Gcj02(message.gcj02_lat, message.gcj02_lng).to_wgs84(), label)
    if complaints.in_lane(draft):
        return await complaints.at_place(turn, draft, label)
    if _is_going(draft):
        await drop(turn.db, turn.runtime, turn.person_id)
        draft = Draft(turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.moved(turn, running[0], place)
    draft = replace(placing.untyped(draft), place=place)
    return await complaints.ask(turn, draft) if complaints.is_asked(draft) else await go_on(turn, draft)


async def _on_image(turn: Turn, draft: Draft, message: Any) -> str:
    return await on_media(turn, draft, MediaKind.IMAGE, message.media_id)


async def _on_voice(turn: Turn, draft: Draft, message: Any) -> str:
    return await on_media(turn, draft, MediaKind.VOICE, message.media_id)


async def _on_video(turn: Turn, draft: Draft, message: Any) -> str:
    kind = MediaKind.SHORTVIDEO if message.short else MediaKind.VIDEO
    return await on_media(turn, draft, kind, message.media_id)


async def on_media(turn: Turn, draft: Draft, kind: MediaKind, media_id: str) -> str:
    """A picture, a voice, a video: part of the report that is being written, else of the open case."""
    if len(media_id) > MEDIA_ID_MAX:
        log.error("wechat_media_id_too_long", length=len(media_id))
        return turn.say(replies.PHOTO_NOT_KEPT)
    if complaints.in_lane(draft):
        return await complaints.words_only(turn, draft)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.attach(turn, running[0], kind, media_id)
    draft = draft.with_media(media_id)
    await note_medium(turn.db, turn.person_id, kind, media_id)
    return await complaints.ask(turn, draft) if complaints.is_asked(draft) else await go_on(turn, draft)


async def _on_link(turn: Turn, draft: Draft, message: Any) -> str:
    """Noted as words where a report is under way; never fetched."""
    words = "\n".join(filter(None, (message.title.strip(), message.url.strip())))
    said = Said(words, Intent.WORDS)
    if not words or not (draft.holds_something or complaints.in_lane(draft) or await turn.open_cases()):
        return turn.say(replies.KINDS["link"])
    if complaints.in_lane(draft):
        return await complaints.go_on(turn, draft, said) or turn.say(replies.LINK_ADDED)
    return f"{turn.say(replies.LINK_ADDED)}\n{await _linked(turn, draft, words)}"


async def _linked(turn: Turn, draft: Draft, words: str) -> str:
    running = await turn.open_cases()
    if draft.empty and running:
        return await my_cases.added(turn, running[0], words)
    return await go_on(turn, draft.with_words(words))


async def _on_file(turn: Turn, _: Draft, __: Any) -> str:
    return turn.say(replies.KINDS["file"])


async def _on_unknown(turn: Turn, _: Draft, message: Any) -> str:
    return turn.say(replies.KINDS.get(message.kind, replies.NOT_THIS_KIND))


async def _on_other(turn: Turn, _: Draft, __: Any) -> str:
    return turn.say(replies.NOT_THIS_KIND)


async def _on_follow(turn: Turn, _: Draft, message: Any) -> str:
    await note_following(turn.db, turn.person_id, follows=True)
    return await scenes.scanned(turn, message.scene) or turn.say(replies.GREETING)


async def _on_scan(turn: Turn, _: Draft, message: Any) -> str:
    return await scenes.scanned(turn, message.scene) or turn.say(replies.GREETING)


async def _on_click(turn: Turn, draft: Draft, message: Any) -> str:
    if complaints.in_lane(draft):
        draft = complaints.left(draft)
        await save(turn.db, turn.runtime, draft)
    if _is_going(draft) and message.key in (MenuKey.REPORT, MenuKey.NEEDS):
        draft = await _passed_over(turn, draft, None)
    if message.key == MenuKey.REPORT:
        return await _report(turn, draft)
    if message.key == MenuKey.NEEDS:
        return f"{turn.say(replies.NEEDS)}\n{taps.lines(turn.say(replies.NEEDS_CHOICES))}"
    intent = _CLICKS.get(message.key)
    return await _on_line(turn, draft, Said("", intent)) if intent else turn.say(replies.GREETING)


async def _on_menu_tool(_: Turn, __: Draft, ___: Any) -> None:
    """What the tool gives follows as a message of its own."""


_ON: Final[Mapping[type[Incoming], Callable[[Turn, Draft, Any], Awaitable[str | None]]]] = {
    TextMessage: _on_text,
    LocationMessage: _on_location,
    ImageMessage: _on_image,
    VoiceMessage: _on_voice,
    VideoMessage: _on_video,
    LinkMessage: _on_link,
    FileMessage: _on_file,
    UnknownMessage: _on_unknown,
    FollowEvent: _on_follow,
    ScanEvent: _on_scan,
    ClickEvent: _on_click,
    MenuToolEvent: _on_menu_tool,
}


# By the question that was asked.


async def _tapped(turn: Turn, draft: Draft, question: str, answer: str) -> str:
    """An answer that was tapped; to a question that is no longer asked it says where things stand."""
    if draft.facts.get("asked") != question:
        return await go_on(turn, draft) if draft.holds_something else await my_cases.progress(turn)
    return await _answered(turn, draft, answer)


async def _answered(turn: Turn, draft: Draft, answer: str) -> str:
    return await _ANSWERS[draft.facts["asked"]](turn, noting(draft, asked=None), answer)


def _answers(draft: Draft, said: Said) -> bool:
    """Whether a line answers the question that is asked: its number, or "none of these"."""
    if said.intent is Intent.NUMBER:
        return "asked" in draft.facts
    return said.intent is Intent.NONE_OF_THESE and draft.facts.get("asked") in _OF_PLACES


async def _category(turn: Turn, draft: Draft, answer: str) -> str:
    """By its number or its key; a number that was no choice is "other"."""
    choices = draft.facts["choices"]
    if answer.isdigit():
        answer = choices[int(answer) - 1] if 1 <= int(answer) <= len(choices) else OTHER
    return await go_on(turn, replace(draft, category=answer if answer in choices else OTHER))


async def _risk(turn: Turn, draft: Draft, answer: str) -> str:
    return await go_on(turn, noting(draft, risk=answer != "2"))


async def _place(turn: Turn, draft: Draft, answer: str) -> str:
    place = await placing.chosen(turn, draft, int(answer)) if answer.isdigit() else None
    if place is None:
        return await go_on(turn, placing.untyped(draft))
    return await go_on(turn, noting(replace(draft, place=place), **{placing.CANDIDATES: None}))


async def _going(turn: Turn, draft: Draft, answer: str) -> str:
    return await my_cases.gone_to(turn, draft, int(answer) if answer.isdigit() else 0)


async def _same_or_new(turn: Turn, draft: Draft, answer: str) -> str:
    if answer != "1":
        return await go_on(turn, draft)
    await drop(turn.db, turn.runtime, turn.person_id)  # the words belong to the open case
    for case in await turn.open_cases():
        if str(case.id) == draft.facts.get("case_id"):
            return await my_cases.added(turn, case, draft.words or "")
    return await my_cases.progress(turn)


async def _elsewhere(turn: Turn, draft: Draft, _: str) -> str:
    return await go_on(turn, draft)


async def _complaint_or_report(turn: Turn, draft: Draft, answer: str) -> str:
    if answer == "1":
        return await complaints.file_draft(turn, draft)
    words = draft.words or ""
    await drop(turn.db, turn.runtime, turn.person_id)
    return await _words(turn, Draft(turn.person_id, turns=draft.turns), words)


_ANSWERS: Final[Mapping[str, Callable[[Turn, Draft, str], Awaitable[str]]]] = {
    reporting.CATEGORY: _category,
    reporting.RISK: _risk,
    placing.ASKED: _place,
    reporting.GOING: _going,
    SAME_OR_NEW: _same_or_new,
    elsewhere.ASKED: _elsewhere,
    complaints.ASKED: _complaint_or_report,
}
_OF_PLACES: Final = frozenset({placing.ASKED, reporting.GOING})


# By what a line asks for. None: in this place the line is words of a report.


async def _number(turn: Turn, draft: Draft, said: Said) -> str:
    if draft.facts.get("asked") in _ANSWERS:
        return await _answered(turn, draft, said.argument)
    if not draft.empty:
        return await go_on(turn, await told(turn, draft, said.text.strip()))
    stars, cases = int(said.argument), await turn.cases()
    running = any(case.state not in ENDED for case in cases)
    if 1 <= stars <= 5 and any(my_cases.is_rateable(case) for case in cases):
        return await my_cases.rate(turn, stars)
    if 1 <= stars <= 5 and not running and (rated := my_cases.last_rated(cases)):
        return my_cases.rated_before(turn, rated)
    return await my_cases.progress(turn) if running else turn.say(replies.GREETING)


async def _none_of_these(turn: Turn, draft: Draft, _: Said) -> str | None:
    return await _answered(turn, draft, "0") if draft.facts.get("asked") in _OF_PLACES else None


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


async def _report(turn: Turn, draft: Draft) -> str:
    """The menu's key: goes on with what is being written, else begins."""
    if draft.holds_something:
        return await go_on(turn, draft)
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
        return await _answered(turn, draft, "1")
    return await go_on(turn, draft) if draft.holds_something else await _new(turn, draft, said)


async def _in_language(turn: Turn, draft: Draft, _: Said) -> str:
    if draft.empty:
        return turn.say(replies.GREETING)
    return f"{turn.say(replies.IN_LANGUAGE)}{await go_on(turn, draft)}"


async def _no_place(turn: Turn, draft: Draft, said: Said) -> str:
    if draft.empty:
        return await _greeting(turn, draft, said)
    return await go_on(turn, noting(placing.untyped(draft), no_place=True))


async def _greeting(turn: Turn, draft: Draft, said: Said) -> str:
    if not draft.empty:
        return await go_on(turn, draft)
    if await turn.open_cases():
        return await my_cases.progress(turn)
    return turn.say(replies.THANKS if said.intent is Intent.THANKS else replies.GREETING)


async def _thanks(turn: Turn, draft: Draft, said: Said) -> str:
    """Who thanks for being told where it belongs has reported nothing."""
    if draft.facts.get("asked") == elsewhere.ASKED:
        await drop(turn.db, turn.runtime, turn.person_id)
        return turn.say(replies.THANKS)
    return await _greeting(turn, draft, said)


_ASKED_FOR: Final[Mapping[Intent, Callable[[Turn, Draft, Said], Awaitable[str | None]]]] = {
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
    Intent.TEXT_ONLY: wishes.wish,
    Intent.LARGE_PRINT: wishes.wish,
    Intent.CHILD: wishes.wish,
    Intent.FOR_ANOTHER: wishes.wish,
    Intent.ENGLISH: _in_language,
    Intent.CHINESE: _in_language,
    Intent.GREETING: _greeting,
    Intent.DONE: _thanks,
    Intent.THANKS: _thanks,
    Intent.NO_PLACE: _no_place,
    Intent.NONE_OF_THESE: _none_of_these,
    Intent.NUMBER: _number,
}
"""Every intent but words."""


# Words.


async def _words(turn: Turn, draft: Draft, text: str) -> str:
    """Words of the report that is being written, of an open case, or the start of a report."""
    if draft.facts.get("asked") == placing.ASKED and (number := await placing.number_of(turn, draft, text)):
        return await _answered(turn, draft, str(number))
    if draft.facts.get("asked") == placing.ASKED:  # something else than one of the places
        draft = placing.untyped(draft)
    if complaints.is_asked(draft):
        return await complaints.ask(turn, draft, text)
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
    draft = noting(draft, asked=SAME_OR_NEW, case_id=str(case.id))
    await save(turn.db, turn.runtime, replace(draft, turns=draft.turns + 1))
    answers = [("1", turn.say(replies.SAME)), ("2", turn.say(replies.ANOTHER_MATTER))]
    choices = taps.numbered(SAME_OR_NEW, answers)
    return turn.say(replies.SAME_OR_NEW, number=case.number, choices=choices)
