"""The seal: sequence and hash for what has committed, without gaps, by one sealer at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from app.audit.verify import FIRST_HASH, chain_hash
from app.kit.database import AdvisoryLock, Db
from app.kit.runtime import Runtime

BATCH = 500

_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_LAST = text("SELECT seq, hash FROM audit_log WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1")
_UNSEALED = text("""
    SELECT id, at, actor_id, action, object_kind, object_id, purpose, facts FROM audit_log
     WHERE seq IS NULL ORDER BY id LIMIT :limit
""")
_SEAL = text("""
    UPDATE audit_log a SET seq = s.seq, hash = s.hash
      FROM unnest(CAST(:ids AS bigint[]), CAST(:seqs AS bigint[]), CAST(:hashes AS bytea[])) AS s(id, seq, hash)
     WHERE a.id = s.id AND a.seq IS NULL
""")


async def seal(runtime: Runtime) -> int:
    """Seal what has committed, oldest id first, at most 500; returns how many. The worker's job, once a second.

    0 when there was nothing, or another process is sealing. Ids commit out of order, so the order of the
    chain is the order of sealing; an entry that rolls back never had a number, so there is no gap.
    """
    async with runtime.database.transaction() as db:
        if not (await db.execute(_TRY, {"key": AdvisoryLock.SEAL})).scalar_one():
            return 0
        return await _seal_batch(db)


async def _seal_batch(db: Db) -> int:
    # The lock is released by the commit of the sealer before us, and these statements take their
    # snapshots after we got it: its last seal is in view.
    last = (await db.execute(_LAST)).one_or_none()
    seq, previous = (int(last.seq), bytes(last.hash)) if last else (0, FIRST_HASH)
    ids: list[int] = []
    hashes: list[bytes] = []
    for row in (await db.execute(_UNSEALED, {"limit": BATCH})).all():
        previous = chain_hash(previous, content(row, seq + len(ids) + 1))
        ids.append(row.id)
        hashes.append(previous)
    if ids:
        seqs = list(range(seq + 1, seq + 1 + len(ids)))
        await db.execute(_SEAL, {"ids": ids, "seqs": seqs, "hashes": hashes})
    return len(ids)


def content(row: Any, seq: int) -> dict[str, Any]:  # a Row of the table's own columns
    """What the hash covers; `app.audit.verify` describes it byte by byte."""
    return {
        "seq": seq,
        "at": _utc(row.at),
        "actor_id": str(row.actor_id) if row.actor_id else None,
        "action": row.action,
        "object_kind": row.object_kind,
        "object_id": row.object_id,
        "purpose": row.purpose,
        "facts": row.facts,
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
