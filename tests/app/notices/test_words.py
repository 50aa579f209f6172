"""Words for a lock screen."""

from __future__ import annotations

import re

import pytest

from app.dispatch import notices
from app.notices.rules import TRUTHS
from app.notices.words import WORDS, words_of

FACTS = {
    "number": "A20261124001", "station": "城东派出所", "station_en": "Chengdong Station", "phone": "025-1234567", "n": 1,
    "short": "067",
}  # fmt: skip
# What happened, where, who: nobody who looks over a shoulder may learn of it. "Station" and its phone
# stand only where the citizen must know whom to call.
TELLING = re.compile(
    r"噪音|盗|偷|诈骗|走失|失踪|纠纷|狗|打架|家暴|地址|位置|路|小区|姓名|先生|女士|民警[一-龥]{2,3}|"
    r"noise|theft|stolen|fraud|missing|dispute|dog|address|street|road|mr\.|ms\.",
    re.IGNORECASE,
)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", sorted(set(WORDS) - {"probe"}))
def test_words_say_neither_what_nor_where_nor_who(kind: str, language: str) -> None:
    said = words_of(kind, language, FACTS)

    assert not TELLING.search(said)
    assert "{" not in said
    assert len(said.encode()) <= 2048
    if kind.partition(":")[0] not in ("handed_over", "ringing", "question_handed_over"):
        assert "城东" not in said
        assert "Chengdong" not in said


def test_every_kind_dispatch_tells_has_words_and_a_truth() -> None:
    kinds = set(notices._TO_REPORTER.values()) | set(notices._TO_HOLDER.values()) | {"offer"}

    assert kinds <= set(WORDS)
    notices.register()
    assert kinds <= set(TRUTHS)


def test_the_closing_notice_asks_for_one_to_five() -> None:
    assert "5" in words_of("closed", "zh", FACTS)
    assert "评分" in words_of("closed", "zh", FACTS)
    assert "rate" in words_of("closed", "en", FACTS)


def test_silent_mode_says_nothing_at_all() -> None:
    said = words_of("closed", "zh", FACTS | {"quiet": True})

    assert said == words_of("claimed", "zh", {"quiet": True})
    assert FACTS["number"] not in said


def test_a_missing_fact_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(KeyError):
        words_of("closed", "zh", {})
