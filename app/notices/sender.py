"""The port by which notices leave: one sender a channel, each implemented by a door and plugged in by the composition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.notices.tables import Channel


class Verdict(StrEnum):
    """What became of one try, as far as the ledger must know."""

    SENT = "sent"
    RETRY = "retry"  # certainly not sent: again, with back-off
    SOON = "soon"  # another send to this person is under way: again after 1-2 s, or `stop_s`
    UNCERTAIN = "uncertain"  # it may have arrived: again only where a duplicate is the lesser evil
    STOP = "stop"  # nobody can be written to by this channel for `stop_s` seconds
    NO_WINDOW = "no_window"  # the person must act first; our ledger of windows was wrong
    REFUSED = "refused"  # this person cannot be reached by this channel
    DEAD = "dead"  # our fault: a person must look


@dataclass(frozen=True, slots=True)
class Outcome:
    """One try. `code` is the channel's own, `reading` a stable word for it; `stop_s` goes with STOP.

    `sent_id` is the channel's name of what it took, by which it may tell later what became of it.
    """

    verdict: Verdict
    code: int | None = None
    reading: str | None = None
    stop_s: float | None = None
    sent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What a channel carries to one person: `words` in full, `short` for a template's field (at most 20 characters).

    `key` names the delivery, the same at every try: a channel that drops repeats is given it. `number` is the
    case's, None where it must not be said. `at` is when it happened.
    """

    key: str
    person_id: UUID
    channel: Channel
    kind: str
    words: str
    short: str
    number: str | None
    language: str
    at: datetime


class Sender(Protocol):
    """Writes to a person. Answers within 20 s; what it raises counts as uncertain."""

    async def send(self, letter: Letter) -> Outcome:
        """Send a letter once, without trying again."""
        ...


class Senders:
    """One sender for each channel; a letter for a channel without one is REFUSED, and the next channel has it."""

    def __init__(self, by_channel: Mapping[Channel, Sender]) -> None:
        self._by_channel = by_channel

    async def send(self, letter: Letter) -> Outcome:
        """Give the letter to its channel's sender."""
        sender = self._by_channel.get(letter.channel)
        if sender is None:
            return Outcome(Verdict.REFUSED, reading="no_sender")
        return await sender.send(letter)
