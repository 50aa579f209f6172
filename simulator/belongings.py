"""What an account has beside its tokens: forms of notices, tags of followers, tickets, codes with scenes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Template:
    """A form of notice: what it is called, and what each of its keys stands for."""

    template_id: str
    title: str
    labels: dict[str, str]  # by key, in the order they are shown


@dataclass(slots=True)
class Tag:
    """A name that the account gives to some of its followers."""

    tag_id: int
    name: str
    users: set[str] = field(default_factory=set)  # by user id


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket of the JS-SDK, and when it runs out."""

    value: str = field(repr=False)
    ends_at: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What a code of the account carries; `ends_at` None: for good."""

    ticket: str
    scene: str
    url: str
    ends_at: float | None
