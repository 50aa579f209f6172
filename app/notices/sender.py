"""The port by which notices leave: a door implements it, the composition plugs it in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Verdict(StrEnum):
    """What became of one try, as far as the ledger must know."""

    SENT = "sent"
    RETRY = "retry"  # certainly not sent: again, with back-off
    SOON = "soon"  # another send to this person is under way: again after 1-2 s
    UNCERTAIN = "uncertain"  # it may have arrived: again only where a duplicate is the lesser evil
    STOP = "stop"  # nobody can be written to by this channel for `stop_s` seconds
    NO_WINDOW = "no_window"  # the person must act first; our ledger of windows was wrong
    REFUSED = "refused"  # this person cannot be reached by this channel
    DEAD = "dead"  # our fault, or a capability that is gone: a person must look


@dataclass(frozen=True, slots=True)
class Outcome:
    """One try. `code` is the channel's own, `reading` a stable word for it; `stop_s` goes with STOP."""

    verdict: Verdict
    code: int | None = None
    reading: str | None = None
    stop_s: float | None = None


class Sender(Protocol):
    """Writes to a person. Answers within 20 s; what it raises counts as uncertain."""

    async def send(self, person_id: UUID, words: str) -> Outcome:
        """Send `words` once, without trying again."""
        ...
