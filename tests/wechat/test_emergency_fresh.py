"""How often the gate errs on sentences it was not written from, and on those it was mended by; never worse.

`fresh_sentences` is a stranger's list, `more_sentences` three lists by the gate's own author, each whole before the gate
was asked about it. What the gate missed at that first sight is in docs/explanation/safety.md; since then all of
them were seen, so the bounds here hold what was won and say nothing of the next stranger.
"""

import pytest

from tests.wechat import fresh_sentences, more_sentences
from wechat.emergency import danger

LISTS = {
    "fresh": (
        [said for _, said in fresh_sentences.DANGERS],
        [said for _, said in fresh_sentences.NEAR_MISSES],
    ),
    "more": (more_sentences.DANGERS, more_sentences.NEAR_MISSES),
    "later": (more_sentences.LATER_DANGERS, more_sentences.LATER_NEAR_MISSES),
    "last": (more_sentences.LAST_DANGERS, more_sentences.LAST_NEAR_MISSES),
}
MISSED_MOST = 2  # of each list; a new entry may cost one, a list may not be given up for another
FALSE_MOST = 2


@pytest.mark.parametrize("name", LISTS)
def test_errors_do_not_grow(name: str) -> None:
    dangers, near_misses = LISTS[name]
    missed = [said for said in dangers if not danger(said)]
    false = [said for said in near_misses if danger(said)]
    print(f"{name}: missed {len(missed)} of {len(dangers)}, false {len(false)} of {len(near_misses)}")

    assert len(missed) <= MISSED_MOST, missed
    assert len(false) <= FALSE_MOST, false


def test_the_lists_are_long_enough_and_share_nothing() -> None:
    said = [sentence for dangers, calm in LISTS.values() for sentence in (*dangers, *calm)]

    assert len(said) == len(set(said)) >= 700
    assert len([*more_sentences.DANGERS, *more_sentences.NEAR_MISSES]) >= 300
