"""What one person sees of the account, in order: their own words, replies, messages, notices."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEPT = 1_000


class Channel(StrEnum):
    """How an entry came into the chat."""

    OWN = "own"  # the person did it
    PASSIVE = "passive"  # the answer to a callback
    CUSTOM = "custom"  # a customer-service message
    SUBSCRIPTION = "subscription"  # a notice of the mini-program, by subscription
    TEMPLATE = "template"  # a template message of the account
    SYSTEM = "system"  # what WeChat itself says: unavailable, followed, unfollowed


@dataclass(frozen=True, slots=True)
class Entry:
    """One bubble. `body` depends on `kind`; `about` is the MsgId it answers or belongs to."""

    seq: int
    at_s: float
    channel: Channel
    kind: str
    body: dict[str, Any]  # Any: whatever JSON can carry
    about: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as the control API and the chat page have it."""
        return {
            "seq": self.seq,
            "at_s": self.at_s,
            "channel": self.channel.value,
            "kind": self.kind,
            "body": self.body,
            "about": self.about,
        }


@dataclass(slots=True)
class Chat:
    """The last 1,000 entries of one person; whoever waits is woken by each new one."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    last: int = 0
    typing_until: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, channel: Channel, kind: str, body: dict[str, Any], about: str | None = None) -> Entry:
        """Append one entry and wake who waits."""
        self.last += 1
        entry = Entry(self.last, time.time(), channel, kind, body, about)
        self.entries.append(entry)
        self.wake()
        return entry

    def after(self, seq: int) -> list[Entry]:
        """Entries with a number above `seq`, oldest first."""
        return [entry for entry in self.entries if entry.seq > seq]

    def wake(self) -> None:
        """Wake who waits without a new entry: the typing mark changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Return at the next `add` or `wake`."""
        await self._changed.wait()


async def wait_after(chat: Chat, seq: int, *, wait_s: float) -> list[Entry]:
    """Entries above `seq`, waiting up to `wait_s` seconds for the first; empty when none came."""
    try:
        async with asyncio.timeout(wait_s):
            while not (found := chat.after(seq)):
                await chat.changed()
    except TimeoutError:
        return []
    return found
