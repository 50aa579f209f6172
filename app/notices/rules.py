"""Whom to tell what: rules, truths and the outlook that the features above register, and their expansion.

A rule turns an event into notices; a truth says, just before sending, whether a notice still holds; the
outlook says which notices may yet come for a person, so that a message is kept for the more important.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.events.record import Event
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.notices.policy import POLICIES, channels_of
from app.notices.ready import ready_channels
from app.notices.sender import Outcome
from app.notices.socket import SHOWN_WITHIN_S, show, who_is_here
from app.notices.tables import Channel


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person. `facts` fill the words; they hold no personal data.

    `kind` names the policy (`app.notices.policy`), the words and the truth. `priority` 1 is the highest, None the
    policy's; `channel` None: the first of the policy's that this person can be reached by. It is sent `wait_s` seconds
    from now at the earliest: until then something better may have told the person.
    """

    person_id: UUID
    kind: str
    priority: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    channel: Channel | None = None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice about to be sent, as a truth or a witness sees it."""

    id: int
    kind: str
    person_id: UUID
    channel: Channel
    priority: int
    case_id: UUID | None
    epoch: int | None
    facts: Mapping[str, Any]


Rule = Callable[[Db, Runtime, Event], Awaitable[list[Notice]]]
Truth = Callable[[Db, Runtime, Delivery], Awaitable[bool]]
Outlook = Callable[[Db, UUID], Awaitable[list[int]]]
"""Priorities of the notices that may yet come for a person, one entry a notice."""
Witness = Callable[[Runtime, Delivery, Outcome], Awaitable[None]]

RULES: dict[str, list[Rule]] = {}
TRUTHS: dict[str, Truth] = {}
WITNESSES: dict[str, Witness] = {}
_outlooks: list[Outlook] = []


def register_rule(event_kind: str, rule: Rule) -> None:
    """Tell somebody about events of this kind. Registering it again changes nothing."""
    rules = RULES.setdefault(event_kind, [])
    if rule not in rules:
        rules.append(rule)


def register_truth(kind: str, still_true: Truth) -> None:
    """Ask this before a notice of this kind is sent; a kind without one is always true."""
    TRUTHS[kind] = still_true


def register_witness(kind: str, witness: Witness) -> None:
    """Let a feature know what became of its notices at each channel: sent, refused, or not even tried."""
    WITNESSES[kind] = witness


def register_outlook(outlook: Outlook) -> None:
    """Ask this how many messages to keep for more important notices."""
    if outlook not in _outlooks:
        _outlooks.append(outlook)


async def kept_for_higher(db: Db, person_id: UUID, priority: int) -> int:
    """How many notices more important than `priority` may yet come for this person."""
    expected = [p for outlook in _outlooks for p in await outlook(db, person_id)]
    return sum(1 for p in expected if p < priority)


# One delivery of a notice is under way at a time, whichever its channel (uq_deliveries_under_way).
_INSERT = text("""
    INSERT INTO deliveries (event_id, case_id, epoch, person_id, channel, kind, priority, facts, due_at)
    VALUES (:event_id, :case_id, :epoch, :person_id, :channel, :kind, :priority, :facts,
            clock_timestamp() + make_interval(secs => CAST(:wait_s AS float8)))
    ON CONFLICT DO NOTHING
""").bindparams(bindparam("facts", type_=JSONB))


async def expand(runtime: Runtime, event: Event) -> None:
    """Follower: write one delivery for each notice of this event. Running twice writes none twice.

    Raises:
        KeyError: a rule tells a kind that has no policy: our fault, the event becomes a dead letter.
    """
    rules = RULES.get(event.kind)
    if not rules:
        return
    async with runtime.database.transaction() as db:
        notices = [notice for rule in rules for notice in await rule(db, runtime, event)]
        if not notices:
            return
        here = await who_is_here(runtime, {n.person_id for n in notices})
        rows = [_row(runtime, event, n, here=n.person_id in here) for n in notices]
        await db.execute(_INSERT, rows)
    if any(row["channel"] is Channel.SOCKET for row in rows):
        await show(runtime, event.id)


def _row(runtime: Runtime, event: Event, notice: Notice, *, here: bool) -> dict[str, Any]:
    policy = POLICIES[notice.kind]
    channel = notice.channel or _first_channel(runtime, notice, here=here)
    return {
        "event_id": event.id, "case_id": event.case_id, "epoch": event.epoch, "person_id": notice.person_id,
        "channel": channel, "kind": notice.kind, "facts": dict(notice.facts),
        "priority": policy.priority if notice.priority is None else notice.priority,
        "wait_s": SHOWN_WITHIN_S if channel is Channel.SOCKET else notice.wait_s,
    }  # fmt: skip


def _first_channel(runtime: Runtime, notice: Notice, *, here: bool) -> Channel:
    ready = ready_channels(runtime, notice.kind)
    ways = channels_of(notice.kind, quiet=bool(notice.facts.get("quiet")))
    first = (c for c in ways if c in ready or (here and c is Channel.SOCKET))
    return next(first, Channel.OFFICIAL_ACCOUNT)  # which says in the ledger why not
