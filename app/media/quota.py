"""How many media were fetched today. WeChat counts by the day in Beijing; so do we, with the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import structlog
from sqlalchemy import text

from app.kit.database import MovesDb
from app.kit.runtime import Runtime

log = structlog.get_logger()

ALARM_SHARE = 0.8
KEPT_DAYS = 60
TODAY_SQL = "CAST(clock_timestamp() AT TIME ZONE 'Asia/Shanghai' AS date)"

# One statement counts and refuses: two workers at the last download do not both get it.
_TAKE = text(f"""
    INSERT INTO media_days AS d (day, downloads) SELECT {TODAY_SQL}, 1 WHERE CAST(:limit AS int) > 0
    ON CONFLICT (day) DO UPDATE SET downloads = d.downloads + 1 WHERE d.downloads < CAST(:limit AS int) AND NOT d.spent
    RETURNING downloads
""")
_SPENT = text(f"""
    INSERT INTO media_days AS d (day, downloads, spent) VALUES ({TODAY_SQL}, 0, TRUE)
    ON CONFLICT (day) DO UPDATE SET spent = TRUE
""")
_TODAY = text(f"""
    SELECT coalesce(max(downloads), 0) AS downloads, coalesce(bool_or(spent), FALSE) AS spent,
           (SELECT count(*) FROM media WHERE state = 'waiting') AS waiting,
           (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - received_at)), 0)::float8 FROM media
             WHERE state = 'waiting') AS oldest_s
      FROM media_days WHERE day = {TODAY_SQL}
""")
_FORGET = text(f"DELETE FROM media_days WHERE day < {TODAY_SQL} - {KEPT_DAYS}")


@dataclass(frozen=True, slots=True)
class Today:
    """`downloads` of `limit` so far; `spent`: no more today; `waiting` media, the oldest for `oldest_s`."""

    downloads: int
    limit: int
    spent: bool
    waiting: int
    oldest_s: float

    @property
    def near(self) -> bool:
        """Eight of ten are used: an operator should know before the last one is."""
        return self.spent or self.downloads >= ALARM_SHARE * self.limit


async def take_download(db: MovesDb, limit: int) -> bool:
    """Count one download of today; False when the day's are spent, and nothing was counted."""
    row = (await db.execute(_TAKE, {"limit": limit})).one_or_none()
    if row is None:
        return False
    # Exactly one download of a day is each of these.
    if row.downloads == limit or row.downloads == ceil(ALARM_SHARE * limit):
        log.error("media_downloads_near_limit", downloads=row.downloads, limit=limit)
    return True


async def note_spent(db: MovesDb) -> None:
    """WeChat refuses more today, whatever we counted."""
    await db.execute(_SPENT)
    log.error("media_downloads_refused")


async def today(db: MovesDb, runtime: Runtime) -> Today:
    """How far the day's downloads are used, and what waits for one."""
    limit = runtime.settings.media_daily_downloads
    row = (await db.execute(_TODAY)).one()
    return Today(row.downloads, limit, row.spent or row.downloads >= limit, row.waiting, row.oldest_s)


async def forget_days(db: MovesDb) -> None:
    """Drop counts older than 60 days."""
    await db.execute(_FORGET)
