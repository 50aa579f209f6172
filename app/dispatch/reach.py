"""How an offer reached its officer: which channel, when, with what outcome.

A socket counts when the phone says it showed the offer; the Official Account when WeChat took the message.
Reachable is not the same as a fresh position: who has not been heard for 45 s is told by the Official
Account at once, for WeChat puts a pocketed mini-program to sleep within seconds.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb


class ReachChannel(StrEnum):
    """Ways to an officer's phone."""

    SOCKET = "socket"
    OFFICIAL_ACCOUNT = "official_account"


HEARD_WITHIN_S = 45

_REACHED = text("""
    INSERT INTO reaches (case_id, epoch, officer_id, channel, outcome)
    VALUES (:case_id, :epoch, :officer_id, :channel, :outcome)
    ON CONFLICT (case_id, epoch, officer_id, channel) DO UPDATE SET outcome = excluded.outcome
""")
_UNHEARD = text("""
    SELECT person_id FROM officers
     WHERE person_id = ANY(CAST(:ids AS uuid[]))
       AND (last_seen_at IS NULL OR last_seen_at < clock_timestamp() - make_interval(secs => :heard_s))
""")


async def reached(
    db: Db | MovesDb,
    case_id: UUID,
    epoch: int,
    officer_id: UUID,
    channel: ReachChannel,
    outcome: str = "sent",
) -> None:
    """Record that an offer reached an officer by a channel, or was refused by it."""
    values = {
        "case_id": case_id,
        "epoch": epoch,
        "officer_id": officer_id,
        "channel": channel,
        "outcome": outcome,
    }
    await db.execute(_REACHED, values)


async def unheard(db: Db | MovesDb, officer_ids: list[UUID]) -> list[UUID]:
    """Those of these officers whose phone has been silent for 45 s."""
    return list((await db.execute(_UNHEARD, {"ids": officer_ids, "heard_s": HEARD_WITHIN_S})).scalars())
