"""How many messages WeChat still lets us write to a person.

Source: WeChat's rules for customer-service messages of an Official Account (2023): 5 within 48 h of a
message, 3 within 1 min of a menu click, follow or scan; nothing adds up, each new action fills its window
anew. Our windows end a little before WeChat's: a message may reach us 15 s after it was written (two
repeats). When WeChat refuses for its window all the same, `close_windows` makes our ledger agree.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.notices.tables import Channel as Channel  # noqa: PLC0414 - for doors, which may not import tables


class PersonAction(StrEnum):
    """What a person did that lets us write to them."""

    MESSAGE = "message"
    CLICK = "click"  # also a tap on an item of a menu message, and the menu's scanner
    FOLLOW = "follow"
    SCAN = "scan"


LONG_COUNT, LONG_S = 5, 48 * 3600 - 300
SHORT_COUNT, SHORT_S = 3, 60 - 15

_OPEN_LONG = text("""
    INSERT INTO windows (person_id, channel, long_left, long_until)
    VALUES (:person_id, :channel, :count, clock_timestamp() + make_interval(secs => :length_s))
    ON CONFLICT (person_id, channel) DO UPDATE SET long_left = excluded.long_left, long_until = excluded.long_until
""")
_OPEN_SHORT = text("""
    INSERT INTO windows (person_id, channel, short_left, short_until)
    VALUES (:person_id, :channel, :count, clock_timestamp() + make_interval(secs => :length_s))
    ON CONFLICT (person_id, channel) DO UPDATE SET short_left = excluded.short_left, short_until = excluded.short_until
""")
_LEFT = """greatest(CASE WHEN w.long_until > t.now THEN w.long_left ELSE 0 END,
                     CASE WHEN w.short_until > t.now THEN w.short_left ELSE 0 END)"""
# WeChat does not say from which of two open windows a message is taken: counting it in both is never too many.
_SPEND = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    UPDATE windows w SET
           long_left = CASE WHEN w.long_until > t.now THEN greatest(0, w.long_left - 1) ELSE w.long_left END,
           short_left = CASE WHEN w.short_until > t.now THEN greatest(0, w.short_left - 1) ELSE w.short_left END
      FROM t WHERE w.person_id = :person_id AND w.channel = :channel AND {_LEFT} > :keep
    RETURNING w.person_id
""")
_GIVE_BACK = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    UPDATE windows w SET
           long_left = CASE WHEN w.long_until > t.now THEN least({LONG_COUNT}, w.long_left + 1) ELSE w.long_left END,
           short_left = CASE WHEN w.short_until > t.now THEN least({SHORT_COUNT}, w.short_left + 1) ELSE w.short_left END
      FROM t WHERE w.person_id = :person_id AND w.channel = :channel
""")
_CLOSE = text(
    "UPDATE windows SET long_left = 0, short_left = 0 WHERE person_id = :person_id AND channel = :channel"
)
_MESSAGES_LEFT = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
    SELECT w.person_id, {_LEFT} AS n FROM windows w, t
     WHERE w.person_id = ANY(CAST(:ids AS uuid[])) AND w.channel = :channel
""")


async def note_action(db: Db, person_id: UUID, channel: Channel, action: PersonAction) -> None:
    """A person did something: the window of that kind is full again, the other stays as it is."""
    message = action is PersonAction.MESSAGE
    values = {
        "person_id": person_id, "channel": channel, "count": LONG_COUNT if message else SHORT_COUNT,
        "length_s": LONG_S if message else SHORT_S,
    }  # fmt: skip
    await db.execute(_OPEN_LONG if message else _OPEN_SHORT, values)


async def spend(db: Db, person_id: UUID, channel: Channel, *, keep: int = 0) -> bool:
    """Take one message, if at least `keep` can still be sent after it; False takes nothing."""
    values = {"person_id": person_id, "channel": channel, "keep": keep}
    return (await db.execute(_SPEND, values)).one_or_none() is not None


async def give_back(db: Db | MovesDb, person_id: UUID, channel: Channel) -> None:
    """A message that was taken has certainly not been sent."""
    await db.execute(_GIVE_BACK, {"person_id": person_id, "channel": channel})


async def close_windows(db: Db | MovesDb, person_id: UUID, channel: Channel) -> None:
    """Nothing can be sent until the person acts again: they left, or WeChat says so."""
    await db.execute(_CLOSE, {"person_id": person_id, "channel": channel})


async def messages_left(db: Db | MovesDb, person_ids: Collection[UUID], channel: Channel) -> dict[UUID, int]:
    """How many messages may be sent to each now; whoever never wrote to us is left out."""
    rows = await db.execute(_MESSAGES_LEFT, {"ids": list(person_ids), "channel": channel})
    return {row.person_id: row.n for row in rows}
