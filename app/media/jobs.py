"""What the worker does for media: fetching what waits, removing what was taken back, forgetting what nobody reported.

A medium is fetched by lease, as every job here: whoever holds the row's `attempts` may end it, and what a worker
that died had begun is begun anew under a new key, in a new folder of the store. A folder of an attempt that did
not end is removed when a later one has, or when the medium is erased; what is in it no key opens.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.events.edge import transaction
from app.events.record import record
from app.kit.database import Db
from app.kit.metrics import MEDIA
from app.kit.runtime import Runtime
from app.media import quota, sealed
from app.media.check import Checked, check
from app.media.errors import MediaUnreadable
from app.media.reading import path_of, seal_key
from app.media.source import Fetched, MediaSource, Verdict
from app.media.states import MediaEvent, MediaKind, MediaState, Reason, Variant
from app.media.store import Store, store_of

log = structlog.get_logger()

BATCH = 8
MAX_BYTES = 20 * 1024 * 1024
LEASE_S = 180.0
WORK_S = 150.0
"""All of one medium: fetching, checking, storing. The lease outlives it."""
KEPT_DAYS = 3
"""So long WeChat keeps what a person sent; and so long we keep what no report and no draft holds."""
OF_ONE_PERSON_A_DAY = 200
"""Downloads of one person in 24 h: 20 files of each of 10 reports. More wait, so that nobody spends the day of all."""
BACK_OFF_MAX_S = 1800
STOP_S = 300.0

# One of each person, then the second of each: who sends a thousand waits for themselves, and nobody else for them.
_LEASE = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), line AS MATERIALIZED (
        SELECT m.id, m.person_id, row_number() OVER (PARTITION BY m.person_id ORDER BY m.due_at, m.id) AS place
          FROM media m, t WHERE m.state = 'waiting' AND m.due_at <= t.now
    ), had AS MATERIALIZED (
        SELECT p.person_id, (SELECT count(*) FROM media f, t WHERE f.person_id = p.person_id
                                AND f.fetched_at > t.now - interval '1 day') AS fetched
          FROM (SELECT DISTINCT person_id FROM line) p
    ), due AS (
        SELECT m.id FROM media m JOIN line l ON l.id = m.id JOIN had h ON h.person_id = l.person_id, t
         WHERE m.state = 'waiting' AND m.due_at <= t.now AND h.fetched + l.place <= CAST(:of_one AS int)
           AND NOT EXISTS (SELECT FROM media_days d WHERE d.day = {quota.TODAY_SQL}
                              AND (d.spent OR d.downloads >= CAST(:limit_today AS int)))
         ORDER BY l.place, m.due_at, m.id LIMIT :limit FOR UPDATE OF m SKIP LOCKED
    )
    UPDATE media m SET attempts = m.attempts + 1, due_at = t.now + make_interval(secs => {LEASE_S})
      FROM due, t WHERE m.id = due.id
    RETURNING m.id, m.kind, m.source_id, m.attempts, m.received_at < t.now - interval '{KEPT_DAYS} days' AS expired
""")
_MINE = "id = :id AND state = 'waiting' AND attempts = :attempts"
_READY = text(f"""
    UPDATE media SET state = :state, reason = CAST(:reason AS text), fetched_at = clock_timestamp(), code = NULL,
           data_key = :data_key, stored_as = :stored_as, store = :store, sha256 = :sha256,
           original_type = CAST(:original_type AS text), original_bytes = :original_bytes,
           served_type = CAST(:served_type AS text), served_bytes = CAST(:served_bytes AS int),
           width = CAST(:width AS int), height = CAST(:height AS int), duration_ms = CAST(:duration_ms AS int)
     WHERE {_MINE} RETURNING case_id
""")
_LOST = text(f"""
    UPDATE media SET state = 'lost', reason = :reason, code = CAST(:code AS int) WHERE {_MINE} RETURNING case_id
""")
# Full jitter, as with notices; the wait grows to half an hour, and WeChat keeps the file for three days.
_AGAIN = text(f"""
    UPDATE media SET code = CAST(:code AS int), due_at = clock_timestamp()
           + make_interval(secs => random() * least({BACK_OFF_MAX_S}, 2 ^ least(attempts, 20)))
     WHERE {_MINE} RETURNING id
""")
# Not tried at all: the attempt is not counted, and the row is due when a day has downloads again.
_GIVE_BACK = text(f"""
    UPDATE media SET attempts = attempts - 1, due_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS float8))
     WHERE {_MINE} RETURNING id
""")
_CASE = text("SELECT station_id, officer_id, reporter_id, epoch FROM cases WHERE id = :case_id")


async def fetch_due(runtime: Runtime, source: MediaSource, *, limit: int = BATCH) -> int:
    """Fetch up to `limit` media that are due; returns how many were leased. When the day's downloads are spent: none."""
    values = {
        "limit": limit, "limit_today": runtime.settings.media_daily_downloads, "of_one": OF_ONE_PERSON_A_DAY,
    }  # fmt: skip
    async with runtime.database.moves() as db:
        rows = (await db.execute(_LEASE, values)).all()
    results = await asyncio.gather(*(_fetch(runtime, source, row) for row in rows), return_exceptions=True)
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, BaseException):  # the lease ends by itself, and then it is tried again
            if not isinstance(result, Exception):
                raise result
            log.warning("medium_failed", medium_id=str(row.id), error=type(result).__name__)
    return len(rows)


async def _fetch(runtime: Runtime, source: MediaSource, row: Any) -> None:  # a Row of _LEASE
    if row.expired:
        await _lose(runtime, row, Reason.EXPIRED, None)
        return
    async with runtime.database.moves() as db:
        if not await quota.take_download(db, runtime.settings.media_daily_downloads):
            await _give_back(runtime, row, wait_s=0)
            return
    try:
        async with asyncio.timeout(WORK_S):
            fetched = await source.fetch(row.source_id, max_bytes=MAX_BYTES)
            if fetched.verdict is Verdict.FETCHED:
                await _keep(runtime, row, fetched.content)
            else:
                await _not_fetched(runtime, row, fetched)
    except (TimeoutError, MediaUnreadable) as error:
        log.warning("medium_not_kept", medium_id=str(row.id), error=type(error).__name__)
        await _again(runtime, row, None)


async def _not_fetched(runtime: Runtime, row: Any, fetched: Fetched) -> None:
    if fetched.verdict is Verdict.GONE:
        await _lose(runtime, row, Reason.GONE, fetched.code)
    elif fetched.verdict is Verdict.TOO_LARGE:
        await _lose(runtime, row, Reason.TOO_LARGE, fetched.code)
    elif fetched.verdict is Verdict.SPENT:
        async with runtime.database.moves() as db:
            await quota.note_spent(db)
        await _give_back(runtime, row, wait_s=0)
    elif fetched.verdict is Verdict.STOP:
        log.error("media_source_stopped", code_of_source=fetched.code)
        await _give_back(runtime, row, wait_s=STOP_S)
    else:
        await _again(runtime, row, fetched.code)


async def _keep(runtime: Runtime, row: Any, content: bytes) -> None:
    """Check, seal, store, and only then say so: a row that is ready has its files."""
    checked = await check(content, MediaKind(row.kind))
    store, folder, key = store_of(runtime), f"{row.id}-{row.attempts}", sealed.new_key()
    files = {Variant.ORIGINAL: content}
    if checked.refused is None:
        files[Variant.SERVED] = checked.served
    for variant, clear in files.items():
        path = path_of(folder, variant)
        await store.put(path, await asyncio.to_thread(sealed.seal, clear, key, path))
    values = _facts(runtime, row, content, checked) | {
        "data_key": seal_key(runtime, row.id, key), "stored_as": folder, "store": store.name,
    }  # fmt: skip
    async with transaction(runtime) as db:
        mine = (await db.execute(_READY, values)).one_or_none()
        if mine is not None:
            await _tell(db, MediaEvent.READY, mine.case_id)
    if mine is None:  # erased meanwhile, or the lease was over
        await _remove(store, str(row.id), {row.attempts})
        return
    MEDIA.labels(row.kind, str(values["state"])).inc()
    if checked.refused:
        log.warning("medium_refused", medium_id=str(row.id), kind=row.kind, reason=str(checked.refused))
    with suppress(MediaUnreadable):  # noise that no key opens; it goes with the medium
        await _remove(store, str(row.id), set(range(1, row.attempts)))


def _facts(runtime: Runtime, row: Any, content: bytes, checked: Checked) -> dict[str, object]:
    shown = checked.refused is None
    return {
        "id": row.id, "attempts": row.attempts, "state": str(MediaState.READY if shown else MediaState.REFUSED),
        "reason": str(checked.refused) if checked.refused else None, "sha256": hashlib.sha256(content).digest(),
        "original_type": checked.original_type, "original_bytes": len(content), "served_type": checked.served_type,
        "served_bytes": len(checked.served) if shown else None, "width": checked.width, "height": checked.height,
        "duration_ms": checked.duration_ms,
    }  # fmt: skip


async def _lose(runtime: Runtime, row: Any, reason: Reason, code: int | None) -> None:
    async with transaction(runtime) as db:
        lost = (await db.execute(_LOST, _of(row) | {"reason": str(reason), "code": code})).one_or_none()
        if lost is None:
            return
        await _tell(db, MediaEvent.LOST, lost.case_id)
    MEDIA.labels(row.kind, "lost").inc()
    log.warning("medium_lost", medium_id=str(row.id), kind=row.kind, reason=str(reason))


async def _tell(db: Db, event: MediaEvent, case_id: UUID | None) -> None:
    """Whoever looks at the case hears that there is more to see, or that something will not come."""
    if case_id is None:
        return
    case = (await db.execute(_CASE, {"case_id": case_id})).one()
    people = {
        "officer_id": str(case.officer_id) if case.officer_id else None,
        "reporter_id": str(case.reporter_id),
    }
    await record(db, event, case_id=case_id, station_id=case.station_id, epoch=case.epoch, data=people)


async def _again(runtime: Runtime, row: Any, code: int | None) -> None:
    async with runtime.database.moves() as db:
        await db.execute(_AGAIN, _of(row) | {"code": code})


async def _give_back(runtime: Runtime, row: Any, *, wait_s: float) -> None:
    async with runtime.database.moves() as db:
        await db.execute(_GIVE_BACK, _of(row) | {"wait_s": wait_s})


def _of(row: Any) -> dict[str, object]:
    return {"id": row.id, "attempts": row.attempts}


_ERASING = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), due AS (
        SELECT m.id FROM media m, t WHERE m.state = 'erasing' AND m.due_at <= t.now
         ORDER BY m.due_at, m.id LIMIT :limit FOR UPDATE OF m SKIP LOCKED
    )
    UPDATE media m SET due_at = t.now + make_interval(secs => {LEASE_S}) FROM due, t WHERE m.id = due.id
    RETURNING m.id, m.attempts, m.store
""")
_GONE = text("DELETE FROM media WHERE id = :id AND state = 'erasing' RETURNING id")


async def erase_files(runtime: Runtime, *, limit: int = 20) -> int:
    """Remove the files of media that were taken back, then their rows; returns how many were begun.

    A worker that dies between the two leaves a row that is done again. Of a store that is silent nothing is said to
    be gone.
    """
    async with runtime.database.moves() as db:
        rows = (await db.execute(_ERASING, {"limit": limit})).all()
    for row in rows:
        try:
            await _remove(store_of(runtime, row.store), str(row.id), set(range(1, row.attempts + 1)))
        except MediaUnreadable as error:
            log.error("media_files_not_erased", medium_id=str(row.id), error=error.detail)
            continue
        async with runtime.database.moves() as db:
            await db.execute(_GONE, {"id": row.id})
    return len(rows)


async def _remove(store: Store, medium_id: str, attempts: set[int]) -> None:
    for attempt in sorted(attempts):
        for variant in Variant:
            await store.delete(path_of(f"{medium_id}-{attempt}", variant))


# What a draft still names waits with it. What was being written and never became a report goes.
_UNBOUND = text(f"""
    UPDATE media m SET state = 'erasing', data_key = NULL, due_at = clock_timestamp(), reason = NULL
     WHERE m.id IN (
        SELECT o.id FROM media o WHERE o.case_id IS NULL AND o.state <> 'erasing'
           AND o.received_at < clock_timestamp() - interval '{KEPT_DAYS} days'
           AND NOT EXISTS (SELECT FROM drafts d WHERE d.person_id = o.person_id AND o.source_id = ANY (d.media))
         ORDER BY o.received_at LIMIT 500 FOR UPDATE SKIP LOCKED)
    RETURNING m.id
""")


async def forget(runtime: Runtime) -> int:
    """Take back what nobody reported within three days and no draft holds; returns how many."""
    async with runtime.database.moves() as db:
        gone = (await db.execute(_UNBOUND)).all()
        await quota.forget_days(db)
    return len(gone)
