"""What a scrape reads from the database: one query, so that any process tells the whole picture."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from app.backlog import read_backlog
from app.cases.states import ENDED_SQL, CaseState
from app.kit import metrics
from app.kit.runtime import Runtime
from app.media.quota import today
from app.notices.queries import stops
from app.notices.walls import used_today

CONTENT_TYPE = CONTENT_TYPE_LATEST

_STATES = text(f"""
    SELECT state, count(*) AS n FROM cases
     WHERE state NOT IN {ENDED_SQL} OR closed_at > clock_timestamp() - interval '1 day'
     GROUP BY state
""")
_REST = text("""
    SELECT (SELECT count(*) FROM cases WHERE act_step > 0 AND act_by IS NOT NULL) AS silent,
           (SELECT count(*) FROM offers o JOIN cases c ON c.id = o.case_id AND c.epoch = o.epoch
             WHERE c.state = 'open' AND o.declined_at IS NULL) AS offers,
           (SELECT count(*) FROM officers WHERE on_duty) AS on_duty,
           (SELECT count(*) FROM officers WHERE on_duty AND last_seen_at > clock_timestamp() - interval '45 seconds')
               AS reachable,
           (SELECT count(*) FROM deliveries WHERE state = 'queued') AS queued
""")


async def scrape(runtime: Runtime) -> bytes:
    """The process's metrics in Prometheus's text format, gauges fresh from the database."""
    async with runtime.database.moves() as db:
        states = {row.state: row.n for row in await db.execute(_STATES)}
        rest = (await db.execute(_REST)).one()
        backlog = await read_backlog(db)
        stopped = await stops(db)
        media = await today(db, runtime)
        used = await used_today(db, runtime)
    for state in CaseState:
        metrics.CASES.labels(state.value).set(states.get(state.value, 0))
    metrics.CLAIMED_SILENT.set(rest.silent)
    metrics.OFFERS_OPEN.set(rest.offers)
    metrics.OFFICERS_ON_DUTY.set(rest.on_duty)
    metrics.OFFICERS_REACHABLE.set(rest.reachable)
    metrics.OUTBOX_AGE.set(backlog.oldest_s)
    metrics.OUTBOX_DEAD.set(backlog.dead_events + backlog.dead_notices)
    metrics.CHANNEL_STOPPED.clear()
    for stop in stopped:
        metrics.CHANNEL_STOPPED.labels(stop.channel, stop.reading).set(1)
    for one in used:
        metrics.WALL_USED.labels(str(one.channel)).set(round(one.share, 4))
    metrics.DELIVERIES_QUEUED.set(rest.queued)
    metrics.MEDIA_DOWNLOADS.set(media.downloads)
    metrics.MEDIA_DOWNLOADS_LIMIT.set(media.limit)
    metrics.MEDIA_WAITING.set(media.waiting)
    metrics.MEDIA_OLDEST.set(media.oldest_s)
    return generate_latest()
