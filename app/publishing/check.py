"""The port of a content check: a door implements it (`wechat.content_check`).

Nothing is published yet, so nothing plugs it in: whatever is going to publish words of ours asks it first.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Published(StrEnum):
    """What the words are for."""

    PROFILE = "profile"
    BULLETIN = "bulletin"


class Judgement(StrEnum):
    """What a check says of words; only a human decides."""

    FINE = "pass"
    REVIEW = "review"  # a second look before it goes out
    RISKY = "risky"  # not without somebody who answers for it
    UNCHECKED = "unchecked"  # nobody could check it: as `review`, and marked so


class ContentCheck(Protocol):
    """Judges words of ours before they are published. Never raises: what cannot be checked is UNCHECKED."""

    async def judge(self, words: str, *, author_id: UUID, what: Published) -> Judgement:
        """Judge words that `author_id`, one of us, is about to publish."""
        ...


def worst(found: list[Judgement]) -> Judgement:
    """The judgement of a whole by those of its parts; of nothing FINE."""
    for judgement in (Judgement.RISKY, Judgement.REVIEW, Judgement.UNCHECKED):
        if judgement in found:
            return judgement
    return Judgement.FINE
