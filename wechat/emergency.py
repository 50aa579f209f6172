"""The emergency gate: which words mean danger, judged from the words alone, with every store down.

`emergency_words.py` holds the reviewed lists. A false alarm costs a desk one look and the writer one
line about 110; a missed one may cost a life: when in doubt a phrase is on the list, and only what people
write every day about harmless things is taken off it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from wechat.emergency_words import ALONE, CALM, CHINESE, COMBINED, ENGLISH

_ALONE: Final = re.compile(ALONE)
_IN_CHINESE: Final = re.compile("|".join(CHINESE))
_IN_ENGLISH: Final = re.compile(r"(?<![a-z0-9])(?:" + "|".join(ENGLISH) + r")(?![a-z0-9])")
_CALM: Final = re.compile(CALM)
_COMBINED: Final = re.compile("|".join(COMBINED))
_CLAUSE_ENDS: Final = re.compile(r"[!?.,;:~…。！？，、；：～]+")
_PUNCTUATION: Final = "!?.,;:~…。！？，、；：～*\"'“”‘’()（）[]【】"
_SIMPLIFIED: Final = str.maketrans(
    "殺槍著強搶綁傷燒災彈藥車禍樓輕門電氣洩褻鬥毆墜脅門闖親殘濃煙燃壓劍護進來兇險報",
    "杀枪着强抢绑伤烧灾弹药车祸楼轻门电气泄亵斗殴坠胁门闯亲残浓烟燃压剑护进来凶险报",
)


def danger(text: str) -> bool:
    """Whether these words speak of danger to life or body, in Chinese or English."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_SIMPLIFIED).replace("’", "'")
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")  # zero-width and the like
    words = " ".join(visible.split())
    if _ALONE.fullmatch(words.strip(_PUNCTUATION + " ")):
        return True
    if _IN_CHINESE.search(words.replace(" ", "")) or _IN_ENGLISH.search(words):
        return True
    return any(_COMBINED.search(said) and not _CALM.search(said) for said in _CLAUSE_ENDS.split(words))
