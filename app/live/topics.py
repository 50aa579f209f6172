"""Who may hear what. The feature that owns a topic registers its policy; the hub asks it at every send.

| topic | what goes over it |
| --- | --- |
| person:<id> | what is for this person |
| case:<id> | state and track of a case, for its people |
| desk:<station_id> | the board of a desk |
| session:<id> | signed out: every socket of this session is closed |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakSet

from app.kit.runtime import Runtime
from app.live.permissions import Permission, Permissions, Policy

__all__ = [
    "ALIVE",
    "POLICIES",
    "SESSION",
    "Permission",
    "Policy",
    "forget",
    "register_alive",
    "register_policy",
]

SESSION = "session"

POLICIES: dict[str, Policy] = {}
"""Prefix of a topic to its policy. Filled once by the composition (`app.wiring`)."""

Alive = Callable[[Runtime, Collection[UUID]], Awaitable[set[UUID]]]
"""Of these sessions, those that are neither revoked nor expired; one query for all."""


@dataclass
class _Registered:
    check: Alive | None = None


ALIVE = _Registered()

_caches: WeakSet[Permissions] = WeakSet()


def register_policy(prefix: str, policy: Policy) -> None:
    """Say who may hear the topics `prefix:<id>`; ids that the policy does not answer are for nobody.

    Raises:
        ValueError: `session` belongs to the hub; a prefix holds no colon.
    """
    if prefix == SESSION or ":" in prefix or not prefix:
        raise ValueError(f"{prefix!r} cannot be the prefix of a topic: one word, and not {SESSION!r}")
    POLICIES[prefix] = policy


def register_alive(check: Alive) -> None:
    """Say how the hub asks which sessions still live."""
    ALIVE.check = check


def forget(topic: str) -> None:
    """Drop what every hub of this process knows about a topic: the policy is asked before the next send.

    Other processes drop it when they hear a message published with `fresh=True`, else within 0.5 s.
    """
    for cache in _caches:
        cache.forget(topic)


def watch(cache: Permissions) -> None:
    """Have `forget` reach this cache too."""
    _caches.add(cache)
