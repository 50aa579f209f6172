"""What the worker does for people: duty without a session ends, and what is over is forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from app.events.edge import transaction
from app.events.record import record
from app.kit.runtime import Runtime
from app.people.devices import KNOWN_DAYS
from app.people.events import PeopleEvent
from app.people.sessions import PHONE

KEEP_SESSIONS_DAYS = 7
KEEP_INVITATIONS_DAYS = 30
KEEP_GUESSES_H = 24
"""Longer than any lock; five failures with a day between two of them are not a row."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went."""

    sessions: int
    invitations: int
    guesses: int
    devices: int


_SIGNED_OUT = text(f"""
    WITH gone AS (
        SELECT o.person_id FROM officers o
         WHERE o.on_duty AND EXISTS (SELECT FROM sessions s WHERE s.person_id = o.person_id)
           AND NOT EXISTS (SELECT FROM sessions s WHERE s.person_id = o.person_id AND {PHONE}
               AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp())
         LIMIT 500 FOR UPDATE SKIP LOCKED
    )
    UPDATE officers o SET on_duty = FALSE, duty_since = NULL FROM gone WHERE o.person_id = gone.person_id
    RETURNING o.person_id, o.station_id
""")


async def end_duty_of_expired(runtime: Runtime) -> int:
    """Take officers off duty whose last session expired: nobody signed out is offered a case. Every 30 s or so.

    Whoever never had a session (rows imported or made by a test) is left alone.
    """
    async with transaction(runtime) as db:
        rows = (await db.execute(_SIGNED_OUT)).all()
        for row in rows:
            data = {"why": "session_expired", "by": None}
            await record(
                db, PeopleEvent.DUTY_OFF, actor_id=row.person_id, station_id=row.station_id, data=data
            )
    return len(rows)


_ENDED = f"(revoked_at < t.now - interval '{KEEP_SESSIONS_DAYS} days' OR expires_at < t.now - interval '{KEEP_SESSIONS_DAYS} days')"
_NOW = "(SELECT clock_timestamp() AS now) AS t"
_FORGET_APPROVALS = text(f"""
    DELETE FROM approvals a USING sessions s, {_NOW} WHERE a.session_id = s.id AND {_ENDED}
""")
_FORGET_SESSIONS = text(f"""
    WITH gone AS (DELETE FROM sessions s USING {_NOW} WHERE {_ENDED} RETURNING s.id) SELECT count(*) FROM gone
""")
_FORGET_INVITATION_TRIES = text(f"""
    DELETE FROM invitation_tries t USING invitations i
     WHERE i.id = t.invitation_id AND i.expires_at < clock_timestamp() - interval '{KEEP_INVITATIONS_DAYS} days'
""")
_FORGET_GUESSES = text(f"""
    WITH gone AS (
        DELETE FROM guesses WHERE tried_at < clock_timestamp() - interval '{KEEP_GUESSES_H} hours' RETURNING key_hash
    ) SELECT count(*) FROM gone
""")
_FORGET_DEVICES = text(f"""
    WITH gone AS (
        DELETE FROM devices WHERE used_at < clock_timestamp() - interval '{KNOWN_DAYS} days' RETURNING id
    ) SELECT count(*) FROM gone
""")
_FORGET_INVITATIONS = text(f"""
    WITH gone AS (
        DELETE FROM invitations WHERE expires_at < clock_timestamp() - interval '{KEEP_INVITATIONS_DAYS} days' RETURNING id
    ) SELECT count(*) FROM gone
""")


async def forget(runtime: Runtime) -> Forgotten:
    """Delete sessions 7 days and invitations 30 days after their end, guesses of yesterday, browsers unused for 180 days."""
    async with transaction(runtime) as db:
        await db.execute(_FORGET_APPROVALS)
        sessions = (await db.execute(_FORGET_SESSIONS)).scalar_one()
        await db.execute(_FORGET_INVITATION_TRIES)
        invitations = (await db.execute(_FORGET_INVITATIONS)).scalar_one()
        guesses = (await db.execute(_FORGET_GUESSES)).scalar_one()
        devices = (await db.execute(_FORGET_DEVICES)).scalar_one()
    return Forgotten(sessions, invitations, guesses, devices)
