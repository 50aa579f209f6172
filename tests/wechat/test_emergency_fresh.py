"""How often the gate errs on sentences it was not written from; it may get better, never worse."""

from tests.wechat.fresh_sentences import DANGERS, NEAR_MISSES
from wechat.emergency import danger

MISSED_MOST = 37  # measured, of 100
FALSE_MOST = 21  # measured, of 100


def test_errors_on_fresh_sentences_do_not_grow() -> None:
    missed = [(kind, text) for kind, text in DANGERS if not danger(text)]
    false = [(kind, text) for kind, text in NEAR_MISSES if danger(text)]
    print(f"missed {len(missed)} of {len(DANGERS)}, false {len(false)} of {len(NEAR_MISSES)}")
    assert len(DANGERS) == len(NEAR_MISSES) == 100
    assert len(missed) <= MISSED_MOST, missed
    assert len(false) <= FALSE_MOST, false
