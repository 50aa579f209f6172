"""Answers to tap in a text: WeChat sends their words as a text of the person, with the id that stands here.

An id is `question.answer`: an answer to a question that is no longer asked is known by it. The form of the link is
WeChat's: <a href="weixin://bizmsgmenu?msgmenucontent=..&msgmenuid=..">.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wechat.messages import MAX_TEXT_BYTES

COMMAND: Final = "say"
"""The id of a tap whose words say all, as if they had been typed."""
PRESET: Final = "preset"
ROOM_BYTES: Final = MAX_TEXT_BYTES - 700
"""What the taps of one text may take; beyond it they are plain lines, to be answered by their number."""

_NO_LINK: Final = str.maketrans("<>", "＜＞")
_UNFIT: Final = re.compile(r"[\"'<>&=?#%+\s]+")


def link(shown: str, sends: str, tap_id: str) -> str:
    """A text to tap; `sends` is what the person says by it."""
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={_UNFIT.sub(" ", sends)}&msgmenuid={tap_id}">{shown}</a>'


def command(words: str, tap_id: str = COMMAND) -> str:
    """A command to tap, as it would be typed; `tap_id` where the tap must tell more than its words."""
    return link(words, words, tap_id)


def commands(words: str) -> str:
    """Several of them in one line, parted by `|`."""
    return " · ".join(command(one) for one in words.split("|"))


def lines(words: str) -> str:
    """Several of them, parted by `|`, a line each."""
    return "\n".join(command(one) for one in words.split("|"))


def words_of_another(words: str) -> str:
    """What somebody else wrote, with nothing in it to tap: a link of theirs would speak with the reader's voice."""
    return words.translate(_NO_LINK)


def numbered(question: str, answers: Iterable[tuple[str, str]], *, first: int = 1) -> str:
    """One line an answer (its id, its label), numbered for who types; without links when they would not fit."""
    said = [(answer, words_of_another(label)) for answer, label in answers]
    lines = [(f"{number} {label}", label, answer) for number, (answer, label) in enumerate(said, first)]
    linked = "\n".join(link(shown, label, f"{question}.{answer}") for shown, label, answer in lines)
    return linked if len(linked.encode()) <= ROOM_BYTES else "\n".join(shown for shown, _, _ in lines)


def answer_of(tap_id: str) -> tuple[str, str]:
    """The question that was answered by a tap, and the answer."""
    question, _, answer = tap_id.partition(".")
    return question, answer
