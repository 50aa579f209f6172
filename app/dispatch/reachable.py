"""What still reaches an officer whose mini-program sleeps: messages, consents and pagers that are left, and the last test."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.dispatch.pagers import PERSONAL, PagerKind, configured
from app.dispatch.reach import HEARD, ReachChannel
from app.kit.database import Db, MovesDb
from app.kit.runtime import Runtime
from app.notices.budget import messages_left
from app.notices.ready import template_of
from app.notices.socket import who_is_here
from app.notices.tables import Channel

RENEW_UNDER = 2
"""With fewer messages left than this, the officer is asked to write to the account."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The last test: by which channel (None: there was none to try) and what came of it."""

    at: datetime
    channel: str | None
    outcome: str  # sent, or why not


@dataclass(frozen=True, slots=True)
class Reach:
    """How one officer can be reached at this moment. `channels` are those that would, in the order they are tried."""

    officer_id: UUID
    channels: tuple[ReachChannel, ...]
    messages_left: int  # of the Official Account, at most 5
    notices_left: int | None  # subscription messages by consent; None: no end
    probe: Probe | None

    @property
    def asleep(self) -> tuple[ReachChannel, ...]:
        """What reaches this officer though the mini-program sleeps."""
        return tuple(channel for channel in self.channels if channel is not ReachChannel.SOCKET)

    @property
    def renew(self) -> bool:
        """Whether the officer should write to the account, which fills the window anew."""
        return self.messages_left < RENEW_UNDER


_REACH = text(f"""
    SELECT f.person_id, p.follows, coalesce(c.left_once, 0) AS left_once, coalesce(c.lasting, FALSE) AS lasting,
           {HEARD} AS heard,
           coalesce(r.unknown_to, '{{}}') AS unknown_to, r.probed_at, r.probe_channel, r.probe_outcome
      FROM officers f JOIN people p ON p.id = f.person_id
      LEFT JOIN consents c ON c.person_id = f.person_id AND c.channel = 'subscription'
                          AND c.template_id = CAST(:template_id AS text)
      LEFT JOIN officer_reach r ON r.person_id = f.person_id
     WHERE f.person_id = ANY(CAST(:ids AS uuid[]))
""")


async def reach_of(db: Db | MovesDb, runtime: Runtime, officer_ids: Collection[UUID]) -> dict[UUID, Reach]:
    """How each of these officers can be reached now; whoever is no officer is left out.

    A heard phone counts as reached by its socket. The loudspeaker reaches nobody for certain and is left out.
    """
    template = template_of(runtime, Channel.SUBSCRIPTION, "offer")
    by_template = template_of(runtime, Channel.TEMPLATE, "offer")
    values = {"ids": list(officer_ids), "template_id": template.id if template else None}
    rows = (await db.execute(_REACH, values)).all()
    left = await messages_left(db, officer_ids, Channel.OFFICIAL_ACCOUNT)
    here = await who_is_here(runtime, officer_ids)
    pagers = [kind for kind in configured(runtime.settings) if kind in PERSONAL]
    found = {}
    for row in rows:
        mine = left.get(row.person_id, 0)
        ways = {
            ReachChannel.SOCKET: row.heard or row.person_id in here,
            ReachChannel.OFFICIAL_ACCOUNT: mine > 0,
            # A subscription notice of the account asks for consent of its own, which is not read here.
            ReachChannel.TEMPLATE: by_template is not None and not by_template.notice and row.follows,
            ReachChannel.SUBSCRIPTION: row.lasting or row.left_once > 0,
        } | {_BY_PAGER[kind]: kind not in row.unknown_to for kind in pagers}
        probe = Probe(row.probed_at, row.probe_channel, row.probe_outcome) if row.probed_at else None
        found[row.person_id] = Reach(
            row.person_id,
            tuple(channel for channel in ReachChannel if ways.get(channel)),
            mine,
            None if row.lasting else row.left_once,
            probe,
        )
    return found


_BY_PAGER = {
    PagerKind.POLICE_APP: ReachChannel.POLICE_APP,
    PagerKind.WECOM: ReachChannel.WECOM,
    PagerKind.SMS: ReachChannel.SMS,
}
