"""The daily walls: how often each channel's API may be called on one day in Beijing, shared by all processes.

A reservation is one conditional statement on one of eight shards, so that senders do not queue for one row. A
lower priority stops earlier: what it leaves is there for the higher ones. A call counts when it is made, whatever
becomes of it, as WeChat counts; nothing is put back.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.kit.metrics import WALL_REFUSALS
from app.kit.runtime import Runtime
from app.notices.tables import Channel

log = structlog.get_logger()

SHARDS = 8
SHARES = {1: 1.0, 2: 0.97, 3: 0.90}
"""How much of a day's calls each priority may find used up and still go out."""
SHARE_OF_THE_REST = 0.80
ALARM_AT = 0.80

# The statement's own time: one value for all of it, so that the key finds the row.
_TODAY = "(statement_timestamp() AT TIME ZONE 'Asia/Shanghai')::date"
# The shards' parts add up to `most` exactly: floor((m + 0) / 8) + ... + floor((m + 7) / 8) = m.
_ROOM = f"channel = :channel AND day = {_TODAY} AND taken < (CAST(:most AS int) + shard) / {SHARDS}"
# A shard that another sender has in hand is passed over.
_QUICK = text(f"""
    UPDATE daily_sends SET taken = taken + 1
     WHERE (channel, day, shard) = (SELECT channel, day, shard FROM daily_sends WHERE {_ROOM}
                                     ORDER BY taken, shard LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING taken
""")
# Waits for the shards with room one after the other, so that a day that is not used up refuses nobody. Nothing is
# ever put back: a shard that is seen full stays full, and who waits holds no other shard.
_WITH_ROOM = text(f"SELECT shard FROM daily_sends WHERE {_ROOM} ORDER BY shard")
_OF_SHARD = text(f"UPDATE daily_sends SET taken = taken + 1 WHERE {_ROOM} AND shard = :shard RETURNING taken")
_OPEN_DAY = text(f"""
    INSERT INTO daily_sends (channel, day, shard) SELECT :channel, {_TODAY}, s FROM generate_series(0, {SHARDS - 1}) AS s
    ON CONFLICT DO NOTHING
""")
_USED = text(f"""
    SELECT channel, sum(taken)::int AS taken FROM daily_sends WHERE day = {_TODAY} GROUP BY channel ORDER BY channel
""")
_ALARM = text(f"""
    UPDATE daily_sends SET alarmed_at = clock_timestamp()
     WHERE channel = :channel AND day = {_TODAY} AND shard = 0 AND alarmed_at IS NULL RETURNING channel
""")
_FORGET = text(f"DELETE FROM daily_sends WHERE day < {_TODAY} - 30")


@dataclass(frozen=True, slots=True)
class Used:
    """What of a day's calls of a channel is used up."""

    channel: Channel
    taken: int
    wall: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.taken / self.wall

    @property
    def near(self) -> bool:
        """80 % and more: the lowest priorities are no longer sent."""
        return self.share >= ALARM_AT


def wall_of(runtime: Runtime, channel: Channel) -> int | None:
    """Calls a day, as the settings have it; None for a channel without a wall."""
    settings = runtime.settings
    return {
        Channel.OFFICIAL_ACCOUNT: settings.wechat_daily_messages,
        Channel.TEMPLATE: settings.wechat_daily_templates,
        Channel.SUBSCRIPTION: settings.miniprogram_daily_subscriptions,
    }.get(channel)


async def reserve(db: Db | MovesDb, runtime: Runtime, channel: Channel, priority: int) -> bool:
    """Take one of today's calls for a notice of this priority; False when it must leave the rest to higher ones."""
    wall = wall_of(runtime, channel)
    if wall is None:
        return True
    values = {"channel": channel, "most": int(wall * SHARES.get(priority, SHARE_OF_THE_REST))}
    if (await db.execute(_QUICK, values)).one_or_none() is not None:
        return True
    await db.execute(_OPEN_DAY, {"channel": channel})  # the first call of the day
    for shard in list((await db.execute(_WITH_ROOM, values)).scalars()):
        if (await db.execute(_OF_SHARD, values | {"shard": shard})).one_or_none() is not None:
            return True
    WALL_REFUSALS.labels(str(channel), str(priority)).inc()
    return False


async def used_today(db: Db | MovesDb, runtime: Runtime) -> list[Used]:
    """Every channel that was used today, by name."""
    found = []
    for row in await db.execute(_USED):
        channel = Channel(row.channel)
        if wall := wall_of(runtime, channel):
            found.append(Used(channel, row.taken, wall))
    return found


async def watch_walls(runtime: Runtime) -> list[Used]:
    """Channels that have passed 80 % of their day and of which nobody has been told yet; every 30 s or so."""
    async with runtime.database.transaction() as db:
        used = await used_today(db, runtime)
        new = [u for u in used if u.near and (await db.execute(_ALARM, {"channel": u.channel})).one_or_none()]
        await db.execute(_FORGET)
    for one in new:
        log.error("daily_wall_near", channel=str(one.channel), taken=one.taken, wall=one.wall)
    return new
