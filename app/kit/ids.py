"""Ids that people or URLs name (UUIDv7), and case numbers that people read aloud."""

from __future__ import annotations

import re
import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last_ms = 0
_last_tail = 0


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random ones; growing in the process.

    Within one millisecond, and while the clock stands behind an id already given, the random part grows by a
    random step (section 6.2, method 2), so that an id tells nothing of the next.
    """
    global _last_ms, _last_tail  # noqa: PLW0603 -- one sequence a process, under its lock
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _last_tail = now_ms, secrets.randbits(73)  # the highest bit is room to grow
        else:
            _last_tail += 1 + secrets.randbits(32)
            if _last_tail >= 1 << 74:
                _last_ms, _last_tail = _last_ms + 1, secrets.randbits(73)
        ms, tail = _last_ms, _last_tail
    rand_a, rand_b = tail >> 62, tail & ((1 << 62) - 1)
    return UUID(int=ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
_FULL_WIDTH = str.maketrans(
    "０１２３４５６７８９" + "〇○零一二三四五六七八九" + "幺两",
    "0123456789" + "000123456789" + "12",
)
_BETWEEN = re.compile(r"[\s\-‐‑‒–—−－·.，,、/]+")
_NUMBER = re.compile(r"[1-9][0-9]{9}")
_LONGEST = 60


def case_number() -> str:
    """Ten digits in three groups, `123-456-7890`: nine at random and a check digit.

    The check digit (Damm, "Total anti-symmetrische Quasigruppen", 2004) catches every wrong digit and every
    swap of neighbours, which is how numbers go wrong on the phone. The first digit is never 0.

    There are 900 million. Among 5 million cases a draw meets an existing number with a chance of 0.56 %
    (three in a row: 2 in 10 million): the unique index says so and the caller draws again.
    """
    body = str(100_000_000 + secrets.randbelow(900_000_000))
    return _grouped(body + _check(body))


def parse_case_number(text: str) -> str | None:
    """The canonical number in what a person typed or said, or None when it is none or misheard.

    Spaces, dashes and dots may stand anywhere; digits may be full-width or Chinese (一二三, 幺, 两).
    """
    if len(text) > _LONGEST:
        return None
    digits = _BETWEEN.sub("", text.translate(_FULL_WIDTH))
    if not _NUMBER.fullmatch(digits) or _check(digits) != "0":
        return None
    return _grouped(digits)


def _grouped(digits: str) -> str:
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def _check(digits: str) -> str:
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)
