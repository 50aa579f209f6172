"""An officer in the Official Account's chat: a session like any other, whose token nobody holds.

WeChat says who writes, by the openid; that an officer's WeChat account is bound does not make every message an
officer's act. The session is opened by a word, has its second factor from the authenticator or the desk, ends after
12 hours, with the officer's other sessions, and by suspension.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.people.sessions import IDLE_LOCK_S, OFFICER_TTL_S, TOUCH_S, Actor, Audience, issue, read_actor

_IN_CHAT = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), s AS (
        SELECT * FROM sessions, t WHERE person_id = :person_id AND audience = 'official_account' AND revoked_at IS NULL
           AND expires_at > t.now ORDER BY second_factor DESC, id DESC LIMIT 1
    ), touched AS (
        UPDATE sessions u SET used_at = t.now FROM s, t
         WHERE u.id = s.id AND CAST(:acting AS boolean) AND s.used_at < t.now - interval '{TOUCH_S} seconds'
           AND s.used_at > t.now - interval '{IDLE_LOCK_S} seconds'
    )
    SELECT s.id, s.person_id, s.second_factor, p.kind, p.language,
           extract(epoch FROM s.now - s.used_at)::float8 AS idle_s,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(r.role, r.station_id)), '[]') FROM roles r
             WHERE r.person_id = s.person_id) AS roles,
           o.station_id, o.badge, o.skills, o.lead_id, o.on_duty
      FROM s JOIN people p ON p.id = s.person_id JOIN officers o ON o.person_id = s.person_id WHERE p.active
""")


async def officer_in_chat(db: Db | MovesDb, person_id: UUID, *, acting: bool = True) -> Actor | None:
    """The officer's session in the chat, if one is open; that it has its second factor is for the caller to ask.

    `acting` False: what the phone sent by itself (a position) does not keep the session from its idle lock.
    """
    row = (await db.execute(_IN_CHAT, {"person_id": person_id, "acting": acting})).one_or_none()
    return read_actor(row, Audience.OFFICIAL_ACCOUNT) if row else None


async def open_in_chat(db: Db, person_id: UUID) -> Actor | None:
    """A session for the chat, without its second factor yet; None: nobody's, or a suspended officer's."""
    await issue(db, person_id, Audience.OFFICIAL_ACCOUNT, ttl_s=OFFICER_TTL_S)
    return await officer_in_chat(db, person_id)
