"""The chat: one message in, one reply out. The report dialogue asks only for what is missing.

Three tables say what happens: `_ON` by the kind of message, `_ASKED_FOR` by what a line asks for (`wechat.intents`),
`ANSWERS` by the question that a draft notes as asked. At most four messages lead to a case number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

import structlog

from app.cases.queries import Place
from app.dispatch.drafts import MEDIA_ID_MAX, Draft, draft_of, drop, save
from app.kit.database import Db
from app.kit.geo import Gcj02
from app.kit.runtime import Runtime
from app.media.service import note_medium
from app.media.states import MediaKind
from app.notices.budget import Channel, PersonAction, close_windows, note_action
from app.notices.queries import take_waiting
from app.people.identity import Person, citizen_of, note_following, set_language
from wechat import (
    community_chat,
    complaints,
    my_cases,
    officer_chat,
    placing,
    replies,
    reporting,
    scenes,
    taps,
)
from wechat.alarm import alarm
from wechat.commands import on_line, report
from wechat.dialogue import ANSWERS, is_going, on_with, passed_over, tapped
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
from wechat.turn import Said, Turn

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
        # Windows before people, as every message takes them: the other way round two at once hold each other up.
        await close_windows(db, person.id, Channel.OFFICIAL_ACCOUNT)
        await note_following(db, person.id, follows=False)
        return None
    if action := _action(message):
        await note_action(db, person.id, Channel.OFFICIAL_ACCOUNT, action)
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


def _action(message: Incoming) -> PersonAction | None:
    """Which window WeChat opens for it."""
    match message:
        case TextMessage(menu_id=str()) | ClickEvent():
            return PersonAction.CLICK
        case MenuToolEvent(kind=kind):
            return PersonAction.CLICK if kind.startswith("scancode") else None
        case FollowEvent():
            return PersonAction.FOLLOW
        case ScanEvent():
            return PersonAction.SCAN
    return PersonAction.MESSAGE


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
    if is_going(draft) and not isinstance(message, _ABOUT_PLACES):
        draft = Draft(turn.person_id)  # the question stays; a picture goes to the open case all the same
    said = await _ON.get(type(message), _on_other)(turn, draft, message)
    return "\n".join((*notes, said)) if said else None


_ABOUT_PLACES: Final = (TextMessage, LocationMessage, ClickEvent)


# By the kind of message. A handler takes what its kind has, so `Any` is that kind.


async def _on_text(turn: Turn, draft: Draft, message: Any) -> str:
    question, answer = taps.answer_of(message.menu_id or "")
    if question in ANSWERS:
        return await tapped(turn, draft, question, answer)
    # A phrase of silent mode is words, also where it would be a wish if it were typed.
    intent = (Intent.WORDS, "") if question == taps.PRESET else intent_of(message.text)
    said = Said(message.text, *intent)
    if complaints.in_lane(draft):
        if (written := await complaints.go_on(turn, draft, said)) is not None:
            return written
        draft = complaints.left(draft)
        await save(turn.db, turn.runtime, draft)
    return await on_line(turn, draft, said)


async def _on_location(turn: Turn, draft: Draft, message: Any) -> str:
    label = (message.place_name or message.label).strip()[: placing.LABEL_MAX] or None
    place = Place(Gcj02(message.gcj02_lat, message.gcj02_lng).to_wgs84(), label)
    if complaints.in_lane(draft):
        return await complaints.at_place(turn, draft, label)
    if is_going(draft):
        await drop(turn.db, turn.runtime, turn.person_id)
        draft = Draft(turn.person_id)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.moved(turn, running[0], place)
    return await on_with(turn, replace(placing.untyped(draft), place=place))


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
        log.warning("wechat_media_id_too_long", length=len(media_id))
        return turn.say(replies.PHOTO_NOT_KEPT)
    if complaints.in_lane(draft):
        return await complaints.words_only(turn, draft)
    if draft.empty and (running := await turn.open_cases()):
        return await my_cases.attach(turn, running[0], kind, media_id)
    await note_medium(turn.db, turn.person_id, kind, media_id)
    # A photo is no refusal to say where: whoever sends some first is asked for the place until the fourth message.
    asked_place = min(draft.asked_place, reporting.MOST_ASKS_FOR_PLACE - 1)
    return await on_with(turn, replace(draft.with_media(media_id), asked_place=asked_place))


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
    return await on_with(turn, draft.with_words(words))


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
    if is_going(draft) and message.key in (MenuKey.REPORT, MenuKey.NEEDS):
        draft = await passed_over(turn, draft, None)
    if message.key == MenuKey.REPORT:
        return await report(turn, draft)
    if message.key == MenuKey.NEEDS:
        return f"{turn.say(replies.NEEDS)}\n{taps.lines(turn.say(replies.NEEDS_CHOICES))}"
    intent = _CLICKS.get(message.key)
    return await on_line(turn, draft, Said("", intent)) if intent else turn.say(replies.GREETING)


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
