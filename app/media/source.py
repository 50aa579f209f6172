"""The port by which a medium is fetched. A door implements it, `app.worker_process` plugs it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """How an attempt to fetch went."""

    FETCHED = "fetched"
    GONE = "gone"  # there is no such medium (any more): trying again is useless
    TOO_LARGE = "too_large"
    RETRY = "retry"  # no answer, or busy
    SPENT = "spent"  # the day's downloads are spent, whatever we counted
    STOP = "stop"  # a trouble of the account, which every medium would meet: a person must look


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of an attempt; `code` is WeChat's, if it said one."""

    verdict: Verdict
    content: bytes = field(default=b"", repr=False)
    code: int | None = None


class MediaSource(Protocol):
    """Where media come from."""

    async def fetch(self, source_id: str, *, max_bytes: int) -> Fetched:
        """The file of that id, of at most `max_bytes`. Raises nothing that it knows how to read."""
