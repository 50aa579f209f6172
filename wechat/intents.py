"""What a line of chat asks for, judged from its words alone; anything else is words of a report.

ASKINGS is the whole table: docs/reference/chat.md is printed from it (`python -m wechat.chat_page`). A line that is
one of the sayings, give or take punctuation, asks for it; a pattern takes an argument out of the line.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.kit.ids import parse_case_number


class Intent(StrEnum):
    """What a citizen can ask for by words."""

    STATUS = "status"
    CANCEL = "cancel"  # with a case number, perhaps
    CHANGE = "change"
    NEW = "new"
    MOVED = "moved"  # with where to, perhaps
    MEET = "meet"  # with the place
    RATE = "rate"  # with 1 to 5, and a word, perhaps
    NOT_SOLVED = "not_solved"
    INSIST = "insist"
    COMPLAIN = "complain"  # about police
    TEXT_ONLY = "text_only"
    LARGE_PRINT = "large_print"
    CHILD = "child"
    FOR_ANOTHER = "for_another"
    ENGLISH = "english"
    CHINESE = "chinese"
    GREETING = "greeting"
    DONE = "done"
    THANKS = "thanks"
    NO_PLACE = "no_place"
    NONE_OF_THESE = "none_of_these"
    NUMBER = "number"  # of a choice
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Asking:
    """One thing that can be asked for. `does` is for the reference page."""

    intent: Intent
    zh: tuple[str, ...]
    en: tuple[str, ...]
    does: str
    pattern: re.Pattern[str] | None = field(default=None)
    example: str = ""


def _said(sayings: str) -> tuple[str, ...]:
    return tuple(filter(None, sayings.split("|")))


def _asking(intent: Intent, zh: str, en: str, does: str, pattern: str = "", example: str = "") -> Asking:
    return Asking(intent, _said(zh), _said(en), does, re.compile(pattern) if pattern else None, example)


ASKINGS: Final = (
    _asking(
        Intent.NEW, "新报警|新的报警|新报告|新警情|另一件事|报警|我要报警|我要报案|报案", "new|new report|report|another",
        "Begins a report of its own: what comes next does not go to a case that is open.",
    ),
    _asking(
        Intent.STATUS, "进度|状态|查询|查进度|查看进度|到哪了|怎么样了", "status|progress|where|update",
        "Every open report, or the last closed one; complaints too. Always answered.",
    ),
    _asking(
        Intent.CHANGE, "改|修改|更改|更正|改一下", "change|edit|correct",
        "A report that is not finished: write anew what happened. An open one: how to change it.",
    ),
    _asking(
        Intent.CANCEL, "取消|撤销|撤回|不报了|取消报警", "cancel|withdraw",
        "Drops what is not finished, withdraws what is open. Withdrawing a silent, urgent or dispute report goes to a "
        "check by the desk; the answer is neutral.",
        r"(?:取消报警|取消|撤销|撤回|不报了|cancel|withdraw)[\s:#：]*(.*)", "取消 482-915-3065",
    ),
    _asking(
        Intent.MEET, "", "",
        "Where to meet: a place known by name becomes the place of the case, other words are added to it.",
        r"(?:请?(?:来|到|去|在)|我(?:们)?(?:现)?(?:会|就)?(?:在|去|到)|咱们(?:在|去|到))(.{2,40}?)(?:见面|见|碰头|汇合|会合|等(?:你们|你|您|民警|警察)?)"
        r"|(?:please )?(?:meet|come to meet) me (?:at|in|by|near) (.{2,60})|i(?:'ll| will| am|'m)? (?:wait|waiting) (?:at|in|by|near) (.{2,60})",
        "我在玄武湖公园北门等",
    ),
    _asking(
        Intent.MOVED, "我换地方了|换地方了|我移动了|我换位置了|位置变了", "i moved|i have moved|i've moved|moved",
        "The reporter is elsewhere now: send the new location, or name the place.",
        r"(?:我换地方了|换地方了|我移动了|我换位置了|位置变了|我(?:已经|现在)?(?:挪|搬|换|走|移|转)(?:到了?|去了?))[\s,:，：]*(?:到|在)?(.{2,40}?)了?"
        r"|(?:i|i've|i have) moved to (.{2,60})",
        "我换地方了，在玄武湖公园北门",
    ),
    _asking(
        Intent.RATE, "", "",
        "Stars for the report that was closed last, within 7 days, and a word with them. A bare number does too.",
        r"(?:评分|评价|打分|rate|rating)[\s:：]*([1-5])\s*(?:分|星|stars?)?(?:[\s,，。:：]+(.{1,200}))?"
        r"|([1-5])\s*(?:星|颗星|分|stars?)(?:[\s,，。:：]+(.{1,200}))?",
        "评分5 来得很快",
    ),
    _asking(
        Intent.NOT_SOLVED, "未解决|没解决|没有解决", "not solved|unsolved",
        "Within 7 days of its closing the report goes to the desk again.",
    ),
    _asking(
        Intent.INSIST, "仍要报警|还是要报警|坚持报警|仍然报警|继续报警", "report anyway|report it anyway",
        "What was said to belong elsewhere is reported all the same.",
    ),
    _asking(
        Intent.COMPLAIN, "投诉民警|投诉警察|投诉派出所|我要投诉民警|我要投诉警察|我要投诉派出所|举报民警|举报警察",
        "complain about police|complain about an officer|police complaint",
        "A complaint about police: 12389, and our auditor alone reads what is written here. It has a number and a "
        "receipt of its own; no station hears of it.",
    ),
    _asking(
        Intent.TEXT_ONLY, "不方便说话|不能说话|只发文字|只用文字|不要打电话|别打电话|不要给我打电话|静默|静默模式|静音模式|安静模式|静音报警",
        "text only|silent|silent mode|do not call|don't call|don't call me|cannot talk now|please do not call",
        "Silent mode: nobody calls, notices say nothing, phrases can be tapped, the state is told only when asked for.",
    ),
    _asking(
        Intent.LARGE_PRINT, "大字|大字版|字大一点|我看不清小字|看不清字", "large print|large text|big letters",
        "The officer and the desk see that writing must be large.",
    ),
    _asking(
        Intent.CHILD, "我是小孩|我是孩子|我是儿童|我是小学生|我是未成年人|我未成年", "i am a child|i'm a child|i am a kid|i'm a kid",
        "The officer and the desk see that the reporter is a child. An age under 18 in the words says so too.",
    ),
    _asking(
        Intent.FOR_ANOTHER, "替别人报警|帮别人报警|代别人报警|帮人报警|替人报警|代报警|为别人报警|帮别人报",
        "for someone else|for somebody else|on behalf of someone|for another person",
        "The place is another person's, the phone the writer's; officer and desk see it.",
    ),
    _asking(Intent.ENGLISH, "英文|英语", "english|in english", "The account answers in English from now on."),
    _asking(Intent.CHINESE, "中文|汉语", "chinese|in chinese", "The account answers in Chinese from now on."),
    _asking(
        Intent.NO_PLACE,
        "没有位置|没位置|无法定位|不能定位|发不了位置|发不了|发不出位置|不会发|不会发位置|不知道位置|没有定位",
        "no location|cannot|can't|can't send|skip|unknown place|don't know",
        "The report goes to the desk without a place.",
    ),
    _asking(
        Intent.NONE_OF_THESE, "都不是|不是|以上都不是|不对", "none|none of these|no|neither",
        "None of the places that were asked about.",
    ),
    _asking(
        Intent.GREETING, "你好|您好|在吗|在么|有人吗|嗨", "hi|hello|hey|good morning|good evening",
        "What can be done here; with a report open, its state.",
    ),
    _asking(Intent.DONE, "完|写完了|完了|没有了|说完了", "done|that is all|that's all|finished", "Ends a complaint."),
    _asking(
        Intent.THANKS, "谢谢|谢谢你|谢谢您|多谢|感谢|好的|好|收到|嗯|知道了", "ok|okay|thanks|thank you|thx|got it",
        "Reports nothing.",
    ),
)  # fmt: skip
"""Everything a citizen can ask for by words; the first whose pattern fits has the line."""

_BY_WORDS: Final = {saying: asking.intent for asking in ASKINGS for saying in (*asking.zh, *asking.en)}
_PATTERNS: Final = tuple((asking.intent, asking.pattern) for asking in ASKINGS if asking.pattern)
_TRAILING: Final = "!?.,;~…。！？，、；～ "
_CHINESE_TEXT: Final = re.compile("[\u3400-\u9fff]")
_ENGLISH_TEXT: Final = re.compile("[A-Za-z]{2}")
_EITHER: Final = frozenset({"ok", "okay", "hi", "hello", "new", "english"})


def intent_of(text: str) -> tuple[Intent, str]:
    """What a text asks for, and its argument: a case number, stars and a word, a place, a choice, else empty."""
    plain = folded(text)
    if intent := _BY_WORDS.get(plain):
        return intent, ""
    for intent, pattern in _PATTERNS:
        if (match := pattern.fullmatch(plain)) and (argument := _argument(intent, match)) is not None:
            return intent, argument
    if re.fullmatch("[0-9]{1,2}", plain):
        return Intent.NUMBER, plain
    return Intent.WORDS, ""


def _argument(intent: Intent, match: re.Match[str]) -> str | None:
    """What a pattern took out of the line; None: it does not fit after all."""
    found = " ".join(part.strip() for part in match.groups() if part)
    if intent is Intent.CANCEL:
        return parse_case_number(found) if found else ""
    return found


def tidied(line: str) -> str:
    """Signs of one width, single spaces, no punctuation at the ends."""
    return " ".join(unicodedata.normalize("NFKC", line).replace("’", "'").split()).strip(_TRAILING)


def folded(text: str) -> str:
    """The same in small letters."""
    return tidied(text).lower()


def language_of(text: str) -> str | None:
    """`zh` or `en` when the text tells; None for digits, and for words that both use."""
    if _CHINESE_TEXT.search(text):
        return "zh"
    if text.strip(_TRAILING).lower() in _EITHER or not _ENGLISH_TEXT.search(text):
        return None
    return "en"
