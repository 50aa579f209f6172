"""The table of notices is whole: every kind that a rule tells, its words, its page."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.dispatch import notices
from app.kit.runtime import Runtime
from app.notices.policy import POLICIES, SHORT_QUIET, Told, channels_of, next_channel
from app.notices.rules import TRUTHS
from app.notices.tables import Channel
from app.notices.words import QUIET, WORDS
from tests.conftest import ROOT

ALL = frozenset(Channel)


def test_the_page_is_what_the_table_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "app.notices.policy"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert printed.stdout == (ROOT / "docs/reference/notices.md").read_text()


def test_every_kind_has_words_and_every_words_a_kind() -> None:
    worded = {kind.partition(":")[0] for kind in WORDS} - {QUIET, "probe"}

    assert set(POLICIES) == worded


def test_every_kind_dispatch_tells_is_in_the_table_and_has_a_truth(runtime: Runtime) -> None:
    told = set(notices._TO_REPORTER.values()) | set(notices._TO_HOLDER.values()) | {"offer"}

    assert told <= set(POLICIES)
    assert told <= set(TRUTHS)


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_a_templates_words_fit_its_field(kind: str) -> None:
    for words in (POLICIES[kind].short, SHORT_QUIET):
        assert 1 <= len(words.zh) <= 20
        assert 1 <= len(words.en) <= 20
        assert "\n" not in words.zh + words.en


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_every_way_is_tried_once_and_in_order(kind: str) -> None:
    ways = channels_of(kind)

    walked = [ways[0]]
    while after := next_channel(kind, walked[-1], quiet=False, ready=ALL):
        walked.append(after)

    assert tuple(walked) == ways
    assert len(set(ways)) == len(ways)
    assert POLICIES[kind].priority in (1, 2, 3, 4)


def test_silent_mode_is_told_by_the_chat_alone() -> None:
    for kind, policy in POLICIES.items():
        if policy.told is Told.REPORTER:
            assert channels_of(kind, quiet=True) == (Channel.OFFICIAL_ACCOUNT,)


def test_a_channel_that_is_not_set_up_is_left_out() -> None:
    ready = frozenset({Channel.OFFICIAL_ACCOUNT, Channel.SUBSCRIPTION})

    assert next_channel("claimed", Channel.OFFICIAL_ACCOUNT, quiet=False, ready=ready) is Channel.SUBSCRIPTION
    assert next_channel("claimed", Channel.SUBSCRIPTION, quiet=False, ready=ready) is None
