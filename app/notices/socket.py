"""Notices by the open mini-program: shown at once, and told when the phone says so within 3 s.

A socket alone proves nothing, since WeChat freezes a mini-program that leaves the screen. So the frame goes out
and the delivery waits; when nobody has said "seen" by then, the next channel has it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_here
from app.live.publish import publish
from app.notices.queries import OWN_CASE
from app.notices.words import words_shown

log = structlog.get_logger()

SHOWN_WITHIN_S = 3.0
HERE_S = 35
"""A phone pings every 25 s."""
SILENT_S = 5.0
"""Valkey is not asked again so soon after it did not answer."""

_silent_until: WeakKeyDictionary[Runtime, float] = WeakKeyDictionary()


_TO_SHOW = text(f"""
    SELECT d.id, d.person_id, d.kind, {OWN_CASE} AS case_id, d.facts, p.language FROM deliveries d JOIN people p ON p.id = d.person_id
     WHERE d.event_id = :event_id AND d.channel = 'socket' AND d.state = 'queued'
""")


async def show(runtime: Runtime, event_id: int) -> None:
    """Send the notices of an event to the open mini-programs they are for."""
    async with runtime.database.moves() as db:
        rows = (await db.execute(_TO_SHOW, {"event_id": event_id})).all()
    for r in rows:
        words = words_shown(r.kind, r.language, r.facts)
        frame = {
            "type": "notice",
            "id": r.id,
            "kind": r.kind,
            "case_id": r.case_id and str(r.case_id),
            "words": words,
        }
        await publish(runtime, [f"person:{r.person_id}"], frame)


async def note_here(runtime: Runtime, person_id: UUID) -> None:
    """This person has the mini-program open; forgotten after 35 s, and with Valkey."""
    try:
        await runtime.valkey.set(key_here(person_id), b"1", ex=HERE_S)
    except ValkeyDown:
        log.warning("presence_of_socket_not_noted")


async def who_is_here(runtime: Runtime, person_ids: Collection[UUID]) -> set[UUID]:
    """Of these, who had the mini-program open in the last 35 s; without Valkey nobody, and other channels are used."""
    ids = list(person_ids)
    if _silent_until.get(runtime, 0.0) > time.monotonic():
        return set()  # every event would wait for its time-out, with a connection in hand
    try:
        pipe = runtime.valkey.pipeline(transaction=False)
        for person_id in ids:
            pipe.exists(key_here(person_id))
        found = await pipe.execute()
    except ValkeyDown:
        _silent_until[runtime] = time.monotonic() + SILENT_S
        return set()
    return {person_id for person_id, there in zip(ids, found, strict=True) if there}
