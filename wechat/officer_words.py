"""What an officer types: one table, from which docs/reference/officer-chat.md is printed (`python -m wechat.officer_words`).

Only a whole line counts. What an officer writes otherwise is what any citizen writes: a report of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.dispatch.acts import Disposition
from wechat.intents import tidied
from wechat.menu_table import OFFICERS


class Word(StrEnum):
    """What an officer can ask for. The value is also the part of a menu's key after `officer.`."""

    BIND = "bind"
    SIGN_IN = "sign_in"
    VERIFY = "verify"
    SIGN_OUT = "sign_out"
    DUTY_ON = "duty_on"
    DUTY_OFF = "duty_off"
    STATUS = "status"
    TAKE = "take"
    DECLINE = "decline"
    EN_ROUTE = "en_route"
    STILL_COMING = "still_coming"
    ARRIVED = "arrived"
    CLOSE = "close"
    RELEASE = "release"
    QUESTIONS = "questions"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Saying:
    """One word: how it is typed, in which groups its arguments stand, and what it does (for the page)."""

    word: Word
    zh: str
    en: str
    pattern: re.Pattern[str]
    does: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that is one of the words, with its arguments; empty where none was given."""

    word: Word
    first: str = ""
    second: str = ""


def _saying(word: Word, zh: str, en: str, pattern: str, does: str) -> Saying:
    return Saying(word, zh, en, re.compile(pattern, re.IGNORECASE | re.DOTALL), does)


_CODE: Final = r"([0-9]{4}[\s-]?[0-9]{4})"

SAYINGS: Final = (
    _saying(
        Word.BIND, "绑定 警号 邀请码", "bind BADGE CODE", rf"(?:绑定|bind)\s+(\S{{1,20}})\s+{_CODE}",
        "Binds this WeChat account to an invited officer. The code is the same as for the mini-program: 10 minutes, one "
        "use, five may try; who guesses wrong five times waits for 15 minutes.",
    ),
    _saying(
        Word.SIGN_IN, "登录", "sign in", r"登录|签到|sign in|log in",
        "Opens the chat for 12 hours and asks the desk to confirm. Any other word does the same when nothing is open.",
    ),
    _saying(
        Word.VERIFY, "验证 六位数", "verify CODE", r"(?:验证|verify)\s*([0-9]{6})",
        "The second factor, from the authenticator; also unlocks residents' questions after 30 idle minutes.",
    ),
    _saying(Word.SIGN_OUT, "退出", "sign out", r"退出|退出登录|sign out|log out", "Ends the session in the chat."),
    _saying(Word.DUTY_ON, "在岗", "on duty", r"在岗|上岗|on duty", "Goes on duty; keeps WeChat's window open."),
    _saying(Word.DUTY_OFF, "下岗", "off duty", r"下岗|离岗|off duty", "Goes off duty; refused with a case in hand."),
    _saying(
        Word.STATUS, "状态", "status", r"状态|status",
        "On duty or not, the case in hand, what can be taken, questions that wait.",
    ),
    _saying(
        Word.TAKE, "接 / 接 067", "take / take 067", r"(?:接|接单|抢单|take|claim)\s*([0-9]{2,10})?",
        "Takes the only or the nearest open offer, or the one whose case number ends so.",
    ),
    _saying(
        Word.DECLINE, "不接 067", "decline 067", r"(?:不接|decline|can't take)\s*([0-9]{2,10})?(?:[\s,，]+(.{1,200}))?",
        "Says no to an offer, with a reason if you like.",
    ),
    _saying(Word.EN_ROUTE, "出发", "en route", r"出发|已出发|我出发了|en route|on my way", "On the way."),
    _saying(
        Word.STILL_COMING, "在途", "still coming", r"在途|还在路上|在路上|still coming",
        "Answers a nudge: the clock of the promise starts again.",
    ),
    _saying(
        Word.ARRIVED, "到了 1234", "arrived 1234", r"(?:到了|到达|已到|到场|arrived)\s*([0-9]{4})?",
        "At the place: by the reporter's meet code, or by a position of the last minute near it.",
    ),
    _saying(
        Word.CLOSE, "结束 已解决", "close solved", r"(?:结束|结案|close)\s*(.{0,40})",
        "Closes the case with a disposition of the list; without one, the list to tap.",
    ),
    _saying(
        Word.RELEASE, "放弃 原因", "release REASON", r"(?:放弃|退单|release)\s*(.{0,200})",
        "Lets the case go, with the reason: to others while its minute runs, else to the desk.",
    ),
    _saying(
        Word.QUESTIONS, "问题", "questions", r"问题|居民提问|questions",
        "What residents ask you as their community officer.",
    ),
    _saying(
        Word.ANSWER, "答 3 内容", "answer 3 WORDS", r"(?:答|answer)\s*([0-9]{1,4})[\s:：,，]+(.{1,500})",
        "Answers the question with this number.",
    ),
)  # fmt: skip
"""Every word. Order matters only where one pattern could take another's line; none does."""

DISPOSITIONS: Final[dict[Disposition, tuple[str, str]]] = {
    Disposition.SOLVED: ("已解决", "solved"),
    Disposition.MEDIATED: ("已调解", "mediated"),
    Disposition.FOUND: ("已找到", "found"),
    Disposition.ADVISED: ("已劝导", "advised"),
    Disposition.FILED: ("已立案受理", "filed"),
    Disposition.NOBODY_THERE: ("现场无人", "nobody there"),
    Disposition.NOT_POLICE: ("非警务事项", "not police work"),
    Disposition.FALSE_REPORT: ("虚假报警", "false report"),
    Disposition.DUPLICATE: ("重复报警", "duplicate"),
}
REASONS: Final = (
    ("车辆故障", "vehicle broke down"),
    ("离得太远", "too far"),
    ("有其他紧急任务", "something urgent came up"),
)
"""Reasons to tap for letting a case go; any other can be typed."""


def typed_of(line: str) -> Typed | None:
    """The word that a line is, or None."""
    plain = tidied(line)
    for saying in SAYINGS:
        if found := saying.pattern.fullmatch(plain):
            first, second, *_ = (*(group or "" for group in found.groups()), "", "")
            return Typed(saying.word, first.strip(), second.strip())
    return None


def disposition_of(words: str) -> Disposition | None:
    """The disposition that is named: by its label in either language, or its key."""
    plain = words.strip().lower().replace(" ", "_")
    for disposition, (zh, en) in DISPOSITIONS.items():
        if plain in (zh, en.replace(" ", "_"), disposition.value):
            return disposition
    return None


def officer_page() -> str:
    """The reference page, in Markdown."""
    lines = [
        "# Officer by chat",
        "",
        "What an officer types to the Official Account, printed by `python -m wechat.officer_words`.",
        "",
        "Everything but binding and signing in needs the second factor in the chat, as the mini-program does. Each act is",
        "about the case that the chat spoke of last: if that one was taken back and another given meanwhile, the act is",
        "refused and the new one shown. Words of danger answer 110 first, whoever writes them.",
        "",
        "| Chinese | English | does |",
        "| --- | --- | --- |",
        *(f"| {s.zh} | {s.en} | {s.does} |" for s in SAYINGS),
        "",
        "## Dispositions",
        "",
        "| key | Chinese | English |",
        "| --- | --- | --- |",
        *(f"| `{key.value}` | {zh} | {en} |" for key, (zh, en) in DISPOSITIONS.items()),
        "",
        "## Position",
        "",
        "While the chat is open, WeChat sends the phone's position as a LOCATION event, when the console says so: on entering",
        "the chat, or every 5 s. Of an officer on duty who is signed in it is used as the mini-program's fixes are; anybody",
        "else's is dropped unread. WeChat does not state its datum: `WECHAT_LOCATION_DATUM` says how it is read. Calibrate it",
        "at a known spot before you rely on it.",
        "",
        "## Menu",
        "",
        "Officers see a menu of their own: " + "; ".join(_menu_line(group) for group in OFFICERS) + ".",
        "",
    ]
    return "\n".join(lines)


def _menu_line(group: Any) -> str:  # a button with buttons below it
    return f"{group['name']} ({', '.join(button['name'] for button in group['sub_button'])})"


if __name__ == "__main__":
    print(officer_page(), end="")
