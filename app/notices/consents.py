"""What people let us send by template: one-time grants that add up, lasting ones, and none once they refuse.

Fed by what the mini-program reports of `wx.requestSubscribeMessage` and by WeChat's subscription events. A grant
is taken before the send and put back when nothing was sent; 43101 or a refusal in WeChat's settings empties it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.notices.tables import Channel

MOST_ONCE = 1000
"""One-time grants kept of one template; nobody taps more often in good faith."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What is left of a person's consent to one template."""

    channel: str
    template_id: str
    left_once: int
    lasting: bool
    changed_at: datetime


_ALLOW = text(f"""
    INSERT INTO consents AS c (person_id, channel, template_id, left_once, lasting)
    VALUES (:person_id, :channel, :template_id, CASE WHEN :lasting THEN 0 ELSE 1 END, :lasting)
    ON CONFLICT (person_id, channel, template_id) DO UPDATE SET changed_at = clock_timestamp(),
        left_once = least(c.left_once + excluded.left_once, {MOST_ONCE}), lasting = c.lasting OR excluded.lasting
""")
_REFUSE = text("""
    UPDATE consents SET left_once = 0, lasting = FALSE, changed_at = clock_timestamp()
     WHERE person_id = :person_id AND channel = :channel AND template_id = :template_id
""")
_REFUSE_ALL = text("""
    UPDATE consents SET left_once = 0, lasting = FALSE, changed_at = clock_timestamp()
     WHERE person_id = :person_id AND channel = :channel
""")
_SPEND = text("""
    UPDATE consents SET left_once = CASE WHEN lasting THEN left_once ELSE left_once - 1 END
     WHERE person_id = :person_id AND channel = :channel AND template_id = :template_id
       AND (lasting OR left_once > :keep) RETURNING person_id
""")
_PUT_BACK = text(f"""
    UPDATE consents SET left_once = CASE WHEN lasting THEN left_once ELSE least(left_once + 1, {MOST_ONCE}) END
     WHERE person_id = :person_id AND channel = :channel AND template_id = :template_id
""")
_OF = text("""
    SELECT channel, template_id, left_once, lasting, changed_at FROM consents WHERE person_id = :person_id
     ORDER BY channel, template_id
""")


def _values(person_id: UUID, channel: Channel, template_id: str) -> dict[str, object]:
    return {"person_id": person_id, "channel": channel, "template_id": template_id}


async def allow(db: Db, person_id: UUID, channel: Channel, template_id: str, *, lasting: bool) -> None:
    """The person agreed: one more send, or any number of a long-term template."""
    await db.execute(_ALLOW, _values(person_id, channel, template_id) | {"lasting": lasting})


async def refuse(db: Db, person_id: UUID, channel: Channel, template_id: str) -> None:
    """The person wants this template no more: nothing is left."""
    await db.execute(_REFUSE, _values(person_id, channel, template_id))


async def refuse_all(db: Db, person_id: UUID, channel: Channel) -> None:
    """The person took everything of this channel back: nothing is left of any template."""
    await db.execute(_REFUSE_ALL, {"person_id": person_id, "channel": channel})


async def spend_consent(
    db: Db, person_id: UUID, channel: Channel, template_id: str, *, keep: int = 0
) -> bool:
    """Take one grant, if at least `keep` one-time ones stay; False takes nothing."""
    values = _values(person_id, channel, template_id) | {"keep": keep}
    return (await db.execute(_SPEND, values)).one_or_none() is not None


async def put_back(db: Db, person_id: UUID, channel: Channel, template_id: str) -> None:
    """A grant that was taken has certainly not been used."""
    await db.execute(_PUT_BACK, _values(person_id, channel, template_id))


async def consents_of(db: Db | MovesDb, person_id: UUID) -> list[Consent]:
    """Everything a person agreed to, by channel and template."""
    rows = await db.execute(_OF, {"person_id": person_id})
    return [Consent(r.channel, r.template_id, r.left_once, r.lasting, r.changed_at) for r in rows]
