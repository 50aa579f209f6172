"""Pockets: the phone in each, and what its owner carries beside WeChat. What happens in them: `simulator.pagers`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Pager(StrEnum):
    """What can call a person beside WeChat."""

    POLICE_APP = "police_app"
    WECOM = "wecom"
    SMS = "sms"
    LOUDSPEAKER = "loudspeaker"


@dataclass(frozen=True, slots=True)
class Called:
    """One page that was taken."""

    at_s: float
    pager: Pager
    badge: str
    station: str
    words: str


@dataclass(slots=True)
class Pocket:
    """One person's phone, and what they carry beside WeChat."""

    badge: str | None = None
    carries: frozenset[Pager] = frozenset()
    locked_at: float | None = None  # by the simulator's clock
    called: list[Called] = field(default_factory=list)


@dataclass(slots=True)
class Pockets:
    """All pockets, by user id; what the loudspeakers said; pages taken once; WeCom's token."""

    of: dict[str, Pocket] = field(default_factory=dict)
    spoken: list[Called] = field(default_factory=list)
    taken: set[tuple[Pager, str]] = field(default_factory=set)
    token: str = field(default="", repr=False)
    token_until: float = 0.0
