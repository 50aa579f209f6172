"""How a reporter wants to be met, as words say it: what the officer must know before arrival."""

from __future__ import annotations

import re
from typing import Final

from app.cases.queries import Flag
from app.dispatch.drafts import FLAGS, Draft
from wechat.intents import Intent, folded
from wechat.turn import noting

OF_INTENT: Final = {
    Intent.TEXT_ONLY: Flag.TEXT_ONLY,
    Intent.LARGE_PRINT: Flag.LARGE_PRINT,
    Intent.CHILD: Flag.CHILD,
    Intent.FOR_ANOTHER: Flag.FOR_ANOTHER,
}
"""What can be asked for by a line of its own."""

_SAID: Final = {
    Flag.TEXT_ONLY: re.compile(
        r"不方便说话|不能说话|不敢说话|不敢出声|不能出声|只能打字|(?:别|不要|请勿|不用)(?:给我)?打(?:我)?电话|不方便接电话|不能接电话"
        r"|\b(?:can'?t|cannot|unable to) (?:talk|speak|call)|(?:do not|don'?t|please no) (?:call|phone)|text(?:ing)? only|i(?:'m| am) deaf"
        r"|我是聋|听不见|听力障碍|聋哑"
    ),
    Flag.LARGE_PRINT: re.compile(
        r"看不清(?:小)?字|字(?:写)?大一?点|视力不好|large print|large text|poor eyesight"
    ),
    Flag.CHILD: re.compile(
        r"我(?:今年|才|只有|是)?\s*(?:[1-9]|1[0-7])\s*岁(?!的)|我(?:还)?是(?:一?个)?(?:小孩|孩子|儿童|小学生|初中生|未成年)|我(?:还)?未成年"
        r"|\bi(?:'m| am)(?: only)? (?:[1-9]|1[0-7])(?: years? old)?\b(?! (?:km|m|min|meters|metres|of))|\bi(?:'m| am) a (?:child|kid)\b"
    ),
    Flag.FOR_ANOTHER: re.compile(
        r"(?:帮|替|代)(?:我(?:的|家)?)?(?:妈|爸|父|母|爷|奶|外公|外婆|姥|哥|姐|弟|妹|儿|女|孩|老|邻|朋友|同事|同学|室友|房东|客|路人|他|她|别|人家|一)"
        r"[^\s,，。;；]{0,6}?(?:报警|报案|报个警)|on behalf of|reporting for (?:my|a|an|some|another)"
    ),
}


def flags_in(text: str) -> frozenset[Flag]:
    """The flags that a text of any length raises by its words."""
    plain = folded(text)
    return frozenset(flag for flag, words in _SAID.items() if words.search(plain))


def flagged(draft: Draft, *flags: Flag) -> Draft:
    """The draft with these flags too."""
    kept = sorted(draft.flags | set(flags))
    return noting(draft, **{FLAGS: [str(flag) for flag in kept] or None})
