"""What a line of chat asks for, judged from its words alone; anything else is words of a report."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

from app.kit.ids import parse_case_number


class Intent(StrEnum):
    """What a citizen can ask for by words."""

    STATUS = "status"
    CANCEL = "cancel"  # with a case number, perhaps
    CHANGE = "change"
    NEW = "new"
    MOVED = "moved"
    RATE = "rate"  # with 1 to 5
    NOT_SOLVED = "not_solved"
    ENGLISH = "english"
    CHINESE = "chinese"
    GREETING = "greeting"
    THANKS = "thanks"
    NO_PLACE = "no_place"
    NUMBER = "number"  # of a choice
    WORDS = "words"


_SAYINGS: Final[dict[Intent, str]] = {
    Intent.STATUS: "进度|状态|查询|查进度|查看进度|到哪了|怎么样了|status|progress|where|update",
    Intent.CHANGE: "改|修改|更改|更正|改一下|change|edit|correct",
    Intent.NEW: "新报警|新的报警|新报告|新警情|另一件事|报警|我要报警|我要报案|报案|new|new report|report|another",
    Intent.MOVED: "我换地方了|换地方了|我移动了|我换位置了|位置变了|i moved|i have moved|i've moved|moved",
    Intent.NOT_SOLVED: "未解决|没解决|没有解决|not solved|unsolved",
    Intent.ENGLISH: "english|英文|英语|in english",
    Intent.CHINESE: "中文|汉语|chinese",
    Intent.GREETING: "你好|您好|在吗|在么|有人吗|嗨|hi|hello|hey|good morning|good evening",
    Intent.THANKS: "谢谢|谢谢你|谢谢您|多谢|感谢|好的|好|收到|嗯|知道了|ok|okay|thanks|thank you|thx|got it",
    Intent.NO_PLACE: "没有位置|没位置|无法定位|不能定位|发不了位置|发不了|发不出位置|不会发|不会发位置|不知道位置|没有定位"
    "|no location|cannot|can't|can't send|skip|unknown place|don't know",
}
_BY_WORDS: Final = {saying: intent for intent, sayings in _SAYINGS.items() for saying in sayings.split("|")}
_CANCEL: Final = re.compile(r"(?:取消|撤销|撤回|不报了|取消报警|cancel|withdraw)[\s:#：]*(.*)")
_RATE: Final = re.compile(
    r"(?:评分|评价|打分|rate|rating)[\s:：]*([1-5])(?:分|星)?|([1-5])\s*(?:星|颗星|分|stars?)"
)
_TRAILING: Final = "!?.,;~…。！？，、；～ "
_CHINESE_TEXT: Final = re.compile("[\u3400-\u9fff]")
_ENGLISH_TEXT: Final = re.compile("[A-Za-z]{2}")
_EITHER: Final = frozenset({"ok", "okay", "hi", "hello", "new", "english"})


def intent_of(text: str) -> tuple[Intent, str]:
    """What a text asks for, and its argument: a case number, a rating, a choice, else empty."""
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().replace("’", "'").split()).strip(_TRAILING)
    if intent := _BY_WORDS.get(plain):
        return intent, ""
    if match := _CANCEL.fullmatch(plain):
        number = parse_case_number(match[1]) if match[1] else ""
        if number is not None:
            return Intent.CANCEL, number
    if match := _RATE.fullmatch(plain):
        return Intent.RATE, match[1] or match[2]
    if re.fullmatch("[0-9]{1,2}", plain):
        return Intent.NUMBER, plain
    return Intent.WORDS, ""


def language_of(text: str) -> str | None:
    """`zh` or `en` when the text tells; None for digits, and for words that both use."""
    if _CHINESE_TEXT.search(text):
        return "zh"
    if text.strip(_TRAILING).lower() in _EITHER or not _ENGLISH_TEXT.search(text):
        return None
    return "en"
