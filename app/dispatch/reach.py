"""How an offer reached its officer: which channel, when, with what outcome.

A socket counts when the phone says it showed the offer; another channel when it took the message. WeChat puts a
pocketed mini-program to sleep within seconds, and its socket then looks alive for minutes: so every officer asked
has a message waiting. It goes at once to whom nothing was heard of for 45 s, to the others after 2 s, unless the
phone has shown the offer by then.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb


class ReachChannel(StrEnum):
    """Ways to an officer, in the order in which they are tried."""

    SOCKET = "socket"
    OFFICIAL_ACCOUNT = "official_account"
    TEMPLATE = "template"
    SUBSCRIPTION = "subscription"
    POLICE_APP = "police_app"
    WECOM = "wecom"
    SMS = "sms"
    LOUDSPEAKER = "loudspeaker"


HEARD_WITHIN_S = 45
LIVE_GRACE_S = 2.0
"""How long a phone that was heard lately has to show the offer by itself. WeChat suspends it 5 s after the screen went off."""
SEEN_LIVE = "seen_live"

_REACHED = text("""
    INSERT INTO reaches AS r (case_id, epoch, officer_id, channel, outcome)
    VALUES (:case_id, :epoch, :officer_id, :channel, :outcome)
    ON CONFLICT (case_id, epoch, officer_id, channel) DO UPDATE SET outcome = excluded.outcome, at = excluded.at
     WHERE r.outcome NOT IN ('sent', 'seen') OR excluded.outcome = 'seen' AND r.outcome <> 'seen'
""")
_SIGNED_IN = """EXISTS (SELECT FROM sessions s WHERE s.person_id = f.person_id AND s.audience = '{audience}'
               AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp())"""
_BY_CHAT_ALONE = (
    f"{_SIGNED_IN.format(audience='official_account')} AND NOT {_SIGNED_IN.format(audience='miniprogram')}"
)
HEARD = f"""
    (coalesce(greatest(f.last_seen_at, f.duty_since) > clock_timestamp() - interval '{HEARD_WITHIN_S} seconds', FALSE)
     AND NOT ({_BY_CHAT_ALONE}))
"""
"""Whether the phone of officer `f` gave a sign lately: a fix, or the tap that put them on duty. Of who works by chat
alone it says nothing: there is no mini-program that could show an offer by itself."""
_UNHEARD = text(
    f"SELECT f.person_id FROM officers f WHERE f.person_id = ANY(CAST(:ids AS uuid[])) AND NOT {HEARD}"
)
# The message that waits is not needed: dropped here, it costs the worker nothing. Nothing is left to be told later.
_SHOWN = text(f"""
    UPDATE deliveries SET state = 'dropped', reading = '{SEEN_LIVE}', done_at = clock_timestamp(), seen_at = clock_timestamp()
     WHERE case_id = :case_id AND epoch = :epoch AND person_id = :officer_id AND state = 'queued' AND sending_at IS NULL
       AND kind LIKE 'offer%'
""")


async def reached(
    db: Db | MovesDb,
    case_id: UUID,
    epoch: int,
    officer_id: UUID,
    channel: ReachChannel,
    outcome: str = "sent",
) -> None:
    """Record that an offer reached an officer by a channel, or why it did not. What has reached once stays so."""
    values = {
        "case_id": case_id,
        "epoch": epoch,
        "officer_id": officer_id,
        "channel": channel,
        "outcome": outcome[:20],
    }
    await db.execute(_REACHED, values)


async def shown(db: Db | MovesDb, case_id: UUID, epoch: int, officer_id: UUID) -> None:
    """The phone showed the offer by itself: its socket reached, and no message needs to follow."""
    await reached(db, case_id, epoch, officer_id, ReachChannel.SOCKET, "seen")
    await db.execute(_SHOWN, {"case_id": case_id, "epoch": epoch, "officer_id": officer_id})


async def unheard(db: Db | MovesDb, officer_ids: list[UUID]) -> list[UUID]:
    """Those of these officers whose phone has been silent for 45 s."""
    return list((await db.execute(_UNHEARD, {"ids": officer_ids})).scalars())
