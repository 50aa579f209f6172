"""What the policies answered, kept for half a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from app.kit.runtime import Runtime

log = structlog.get_logger()

FRESH_S = 0.5
"""How old a permission may be when a frame is sent, counted from the moment before the policy was asked."""
POLICY_TIMEOUT_S = 0.4
"""A policy that takes longer has not answered: its answer would be stale on arrival."""
ASKED_AT_MOST = 3
"""A topic that changes under every one of these questions is given up: its sockets read the snapshot."""
_KEPT_S = 10.0


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may hear a topic now. A frame that carries another epoch than this one (if any) is not sent."""

    persons: frozenset[UUID]
    epoch: int | None = None


Policy = Callable[[Runtime, list[str]], Awaitable[dict[str, Permission]]]
"""Ids of topics (without their prefix) to their permissions, in one query; unknown ids may be left out."""

NOBODY = Permission(frozenset())


class Grant:
    """A permission with the monotonic time before it was asked for.

    Persons are kept as integers here: a UUID hashes in Python, 2,000 times a broadcast.
    """

    __slots__ = ("asked_at", "dropped", "epoch", "persons")

    def __init__(self, permission: Permission, asked_at: float) -> None:
        self.persons = frozenset(person.int for person in permission.persons)
        self.epoch = permission.epoch
        self.asked_at = asked_at
        self.dropped = False

    def is_fresh(self, now: float) -> bool:
        """Whether a frame may still be sent on it."""
        return now - self.asked_at <= FRESH_S and not self.dropped

    def allows(self, person: int, epoch: int | None) -> bool:
        """Whether this person may have a frame of this epoch."""
        return self.fits(epoch) and person in self.persons

    def fits(self, epoch: int | None) -> bool:
        """Whether a frame of this epoch may be sent at all."""
        return epoch is None or self.epoch is None or epoch == self.epoch


class Permissions:
    """The cache of one hub."""

    def __init__(self, runtime: Runtime, policies: Mapping[str, Policy]) -> None:
        self._runtime, self._policies = runtime, policies
        self._grants: dict[str, Grant] = {}
        self._forgotten: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}

    def known(self, topic: str, now: float) -> Grant | None:
        """A grant that a frame may be sent on now, or None: ask."""
        grant = self._grants.get(topic)
        return grant if grant is not None and grant.is_fresh(now) else None

    def was_answered(self, topic: str) -> bool:
        """Whether the policy had an answer when last asked, though it may have aged since on a busy loop."""
        return topic in self._grants

    async def ask(self, topics: Collection[str]) -> None:
        """Ask the policies, once a prefix, all prefixes at the same time. A failing one leaves nothing known.

        A topic that changes meanwhile is asked about again: its answer may be about the world of before.
        """
        for _round in range(ASKED_AT_MOST):
            since = time.monotonic()
            by_prefix: dict[str, list[str]] = {}
            for topic in topics:
                prefix, _, rest = topic.partition(":")
                by_prefix.setdefault(prefix, []).append(rest)
            await asyncio.gather(*(self._ask(prefix, ids) for prefix, ids in by_prefix.items()))
            topics = [topic for topic in topics if self._forgotten_since(topic, since)]
            if not topics:
                return

    async def ask_once(self, topic: str) -> None:
        """As `ask`, for the many sockets that find a permission aged at the same moment: one question for all."""
        asked = self._asked.get(topic)
        if asked is None:
            asked = self._asked[topic] = asyncio.ensure_future(self.ask([topic]))
            asked.add_done_callback(partial(self._answered, topic))
        await asyncio.shield(asked)

    def _answered(self, topic: str, asked: asyncio.Future[None]) -> None:
        if self._asked.get(topic) is asked:
            del self._asked[topic]

    def forget(self, topic: str) -> None:
        """Let no frame be sent any more on what was asked before now; queued frames included."""
        self._forgotten[topic] = time.monotonic()
        self._asked.pop(topic, None)  # its answer would not be used
        if grant := self._grants.pop(topic, None):
            grant.dropped = True

    def prune(self) -> None:
        """Let go of what nobody can use any more."""
        oldest = time.monotonic() - _KEPT_S
        self._grants = {t: g for t, g in self._grants.items() if g.asked_at > oldest}
        self._forgotten = {t: at for t, at in self._forgotten.items() if at > oldest}

    async def _ask(self, prefix: str, ids: list[str]) -> None:
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(POLICY_TIMEOUT_S):
                answer = await self._policies[prefix](self._runtime, ids)
        except Exception as error:  # whatever a policy raises, nobody may hear
            log.warning("policy_failed", prefix=prefix, topics=len(ids), error=type(error).__name__)
            for one in ids:
                self._grants.pop(f"{prefix}:{one}", None)
            return
        for one in ids:
            topic = f"{prefix}:{one}"
            if not self._forgotten_since(topic, asked_at):
                self._grants[topic] = Grant(answer.get(one, NOBODY), asked_at)

    def _forgotten_since(self, topic: str, at: float) -> bool:
        return self._forgotten.get(topic, float("-inf")) >= at
