"""Sessions: opaque tokens of 256 bits, of which only the SHA-256 is kept.

Invariant: an actor is at most 0.5 s old by the monotonic clock, counted from before it was read; so a
revoked session or role ends within 1 s in every process, and at once in the one that heard the event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text

from app.events.record import Event, record
from app.kit.database import Db, MovesDb
from app.kit.errors import Unauthenticated
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.kit.secrets import hash_token, new_token
from app.live.publish import publish
from app.people.events import PeopleEvent
from app.people.tables import Audience, PersonKind, Role

__all__ = [
    "CITIZEN_TTL_S", "CONSOLE_TTL_S", "IDLE_LOCK_S", "OFFICER_TTL_S", "Actor", "Audience", "Grant", "OfficerFacts",
    "PersonKind", "Role", "actor_now", "actor_of", "alive", "drop_person", "drop_session", "issue", "officer_facts",
    "read_actor", "revoke", "revoke_all",
]  # fmt: skip

CACHE_S = 0.5
CACHE_ENTRIES = 50_000
IDLE_LOCK_S = 30 * 60
TOUCH_S = 30
"""How often a session's last use is written; the idle lock is exact to this."""
CITIZEN_TTL_S = 30 * 24 * 3600
OFFICER_TTL_S = 12 * 3600
CONSOLE_TTL_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Grant:
    """A role at one station, or (None) at all of them."""

    role: Role
    station_id: UUID | None


@dataclass(frozen=True, slots=True)
class OfficerFacts:
    """What PostgreSQL knows of an officer. In a crew, `lead_id` claims for all."""

    station_id: UUID
    badge: str
    skills: tuple[str, ...]
    lead_id: UUID | None
    on_duty: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is doing this, as of at most 0.5 s ago. `idle_s`: seconds since they last acted in this session."""

    person_id: UUID
    kind: PersonKind
    audience: Audience
    session_id: UUID
    roles: tuple[Grant, ...] = ()
    officer: OfficerFacts | None = None
    second_factor: bool = False
    language: str = "zh"
    idle_s: float = 0.0

    def has(self, role: Role, station_id: UUID | None = None) -> bool:
        """Whether the role is theirs at this station; `station_id` None asks for all stations."""
        return any(g.role is role and g.station_id in (None, station_id) for g in self.roles)

    def has_anywhere(self, role: Role) -> bool:
        """Whether the role is theirs at one station at least."""
        return any(g.role is role for g in self.roles)

    @property
    def idle_locked(self) -> bool:
        """Left alone for 30 minutes: personal data wait for the second factor. Never for a citizen's own."""
        return self.kind is not PersonKind.CITIZEN and self.idle_s > IDLE_LOCK_S

    @property
    def may_see_personal_data(self) -> bool:
        """Second factor given, and not idle since."""
        return self.kind is PersonKind.CITIZEN or (self.second_factor and not self.idle_locked)


_ISSUE = text("""
    INSERT INTO sessions (id, token_hash, person_id, audience, second_factor, expires_at)
    VALUES (:id, :token_hash, :person_id, :audience, :second_factor,
            clock_timestamp() + make_interval(secs => CAST(:ttl_s AS float8)))
""")


async def issue(
    db: Db, person_id: UUID, audience: Audience, *, ttl_s: float, second_factor: bool = False
) -> tuple[str, UUID]:
    """A new session: (the token, told once and never stored; the session's id)."""
    token, token_hash = new_token()
    session_id = new_id()
    values = {
        "id": session_id, "token_hash": token_hash, "person_id": person_id, "audience": audience.value,
        "second_factor": second_factor, "ttl_s": ttl_s,
    }  # fmt: skip
    await db.execute(_ISSUE, values)
    return token, session_id


# A session that lay idle is not touched by being used: it stays locked until the second factor comes.
_LOAD = text(f"""
    WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now), touched AS (
        UPDATE sessions s SET used_at = t.now FROM t
         WHERE s.token_hash = :token_hash AND CAST(:acting AS boolean) AND s.revoked_at IS NULL AND s.expires_at > t.now
           AND s.used_at < t.now - interval '{TOUCH_S} seconds' AND s.used_at > t.now - interval '{IDLE_LOCK_S} seconds'
    )
    SELECT s.id, s.person_id, s.second_factor, p.kind, p.language,
           extract(epoch FROM s.expires_at - t.now)::float8 AS left_s,
           extract(epoch FROM t.now - s.used_at)::float8 AS idle_s,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(r.role, r.station_id)), '[]') FROM roles r
             WHERE r.person_id = s.person_id) AS roles,
           o.station_id, o.badge, o.skills, o.lead_id, o.on_duty
      FROM t, sessions s JOIN people p ON p.id = s.person_id LEFT JOIN officers o ON o.person_id = s.person_id
     WHERE s.token_hash = :token_hash AND s.audience = :audience AND s.revoked_at IS NULL AND s.expires_at > t.now
       AND p.active
""")


@dataclass(slots=True)
class _Known:
    actor: Actor
    until: float  # monotonic
    acted: bool


@dataclass
class _Cache:
    """Of one runtime. `generation` grows with each drop, so that a read begun before it is not kept."""

    known: dict[tuple[bytes, Audience], _Known] = field(default_factory=dict)
    reading: dict[tuple[bytes, Audience, bool], tuple[float, asyncio.Future[Actor]]] = field(
        default_factory=dict
    )
    generation: int = 0

    def keep(self, key: tuple[bytes, Audience], known: _Known) -> None:
        if len(self.known) >= CACHE_ENTRIES:
            now = time.monotonic()
            self.known = {k: v for k, v in self.known.items() if v.until > now}
        if len(self.known) < CACHE_ENTRIES:
            self.known[key] = known

    def drop(self, *, session_id: UUID | None = None, person_id: UUID | None = None) -> None:
        self.generation += 1
        self.reading.clear()  # who asks from now on does not join a read of before
        for key, known in list(self.known.items()):
            if known.actor.session_id == session_id or known.actor.person_id == person_id:
                del self.known[key]


_caches: WeakKeyDictionary[Runtime, _Cache] = WeakKeyDictionary()


async def actor_of(runtime: Runtime, token: str, audience: Audience, *, acting: bool = True) -> Actor:
    """Who holds this token, from a cache at most 0.5 s old.

    `acting` False: a request that no thumb made (a batch of fixes, a socket): it does not keep the session
    from its idle lock.

    Raises:
        Unauthenticated: unknown, expired or revoked, of another audience, or a suspended person.
    """
    cache = _caches.setdefault(runtime, _Cache())
    key = (hash_token(token), audience)
    now = time.monotonic()
    known = cache.known.get(key)
    if known and known.until > now and (known.acted or not acting):
        return known.actor
    asked = (*key, acting)
    under_way = cache.reading.get(asked)
    if under_way and now - under_way[0] < CACHE_S:
        return await asyncio.shield(under_way[1])
    reading = asyncio.ensure_future(_read(runtime, cache, key, acting=acting))
    cache.reading[asked] = (now, reading)
    reading.add_done_callback(lambda _: _read_ended(cache, asked, reading))
    return await asyncio.shield(reading)


async def _read(runtime: Runtime, cache: _Cache, key: tuple[bytes, Audience], *, acting: bool) -> Actor:
    """One read for all who ask at the same moment: a phone that sends five things is looked up once."""
    begun, generation = time.monotonic(), cache.generation
    async with runtime.database.moves() as db:
        row = await _load(db, key, acting=acting)
    if row is None:
        cache.known.pop(key, None)
        raise Unauthenticated()
    actor = read_actor(row, key[1])
    if cache.generation == generation:
        cache.keep(key, _Known(actor, begun + min(CACHE_S, row.left_s), acting))
    return actor


def _read_ended(cache: _Cache, asked: tuple[bytes, Audience, bool], reading: asyncio.Future[Actor]) -> None:
    if (under_way := cache.reading.get(asked)) and under_way[1] is reading:
        del cache.reading[asked]
    if not reading.cancelled():
        reading.exception()  # seen: who asked may have gone


async def actor_now(db: Db, token: str, audience: Audience) -> Actor:
    """Who holds this token, read in the caller's transaction: for a sign-in that has not committed.

    Raises:
        Unauthenticated: as `actor_of`.
    """
    row = await _load(db, (hash_token(token), audience), acting=True)
    if row is None:
        raise Unauthenticated()
    return read_actor(row, audience)


async def _load(
    db: Db | MovesDb, key: tuple[bytes, Audience], *, acting: bool
) -> Any:  # a Row of _LOAD, or None
    values = {"token_hash": key[0], "audience": key[1].value, "acting": acting}
    return (await db.execute(_LOAD, values)).one_or_none()


def read_actor(row: Any, audience: Audience) -> Actor:  # a Row of _LOAD, or one with its columns
    """The actor of a row."""
    roles = tuple(Grant(Role(role), UUID(station) if station else None) for role, station in row.roles)
    return Actor(
        row.person_id, PersonKind(row.kind), audience, row.id, roles, officer_facts(row), row.second_factor,
        row.language, row.idle_s,
    )  # fmt: skip


def officer_facts(row: Any) -> OfficerFacts | None:  # a Row with an officer's columns, null for anybody else
    """The officer's part of a row."""
    if row.badge is None:
        return None
    return OfficerFacts(row.station_id, row.badge, tuple(row.skills), row.lead_id, row.on_duty)


_REVOKE = text("""
    UPDATE sessions SET revoked_at = clock_timestamp()
     WHERE revoked_at IS NULL AND (id = CAST(:session_id AS uuid) OR person_id = CAST(:person_id AS uuid))
    RETURNING id, person_id
""")
PHONE = "(s.audience = 'miniprogram' OR s.audience = 'official_account' AND s.second_factor)"
"""A session `s` by which an officer is on duty: of the mini-program, or of a chat that was let in."""
_NO_PHONE_LEFT = text(f"""
    UPDATE officers o SET on_duty = FALSE, duty_since = NULL
     WHERE o.person_id = :person_id AND o.on_duty AND NOT EXISTS (
           SELECT FROM sessions s WHERE s.person_id = o.person_id AND {PHONE}
              AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp())
    RETURNING o.station_id
""")


async def revoke(db: Db, session_id: UUID, *, by: UUID | None) -> bool:
    """End one session everywhere within 1 s; False when it had ended. `by` None: the system."""
    return bool(await _revoke(db, by, session_id=session_id, person_id=None))


async def revoke_all(db: Db, person_id: UUID, by: UUID | None) -> int:
    """End every session of a person; returns how many there were."""
    return await _revoke(db, by, session_id=None, person_id=person_id)


async def _revoke(db: Db, by: UUID | None, *, session_id: UUID | None, person_id: UUID | None) -> int:
    ended = (await db.execute(_REVOKE, {"session_id": session_id, "person_id": person_id})).all()
    for row in ended:
        data = {"session_id": str(row.id), "by": str(by) if by else None}
        await record(db, PeopleEvent.SESSION_REVOKED, actor_id=row.person_id, data=data)
    for person in {row.person_id for row in ended}:
        await _off_duty_when_signed_out(db, person, by)
    return len(ended)


async def _off_duty_when_signed_out(db: Db, person_id: UUID, by: UUID | None) -> None:
    """Nobody signed out is offered a case. A case in hand does not keep them: silence takes it back."""
    row = (await db.execute(_NO_PHONE_LEFT, {"person_id": person_id})).one_or_none()
    if row:
        data = {"by": str(by) if by else None, "why": "signed_out"}
        await record(db, PeopleEvent.DUTY_OFF, actor_id=person_id, station_id=row.station_id, data=data)


_ALIVE = text("""
    SELECT s.id FROM sessions s JOIN people p ON p.id = s.person_id
     WHERE s.id = ANY(CAST(:ids AS uuid[])) AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND p.active
""")


async def alive(runtime: Runtime, session_ids: Collection[UUID]) -> set[UUID]:
    """Of these sessions, those that have not ended; one query for all, never from a cache."""
    if not session_ids:
        return set()
    async with runtime.database.moves() as db:
        return set((await db.execute(_ALIVE, {"ids": list(session_ids)})).scalars())


async def drop_session(runtime: Runtime, event: Event) -> None:
    """Follower of `session_revoked`: forget its actor here, close its sockets everywhere."""
    session_id = UUID(event.data["session_id"])
    _caches.setdefault(runtime, _Cache()).drop(session_id=session_id)
    await publish(runtime, [f"session:{session_id}"], {"type": "signed_out"}, fresh=True)


async def drop_person(runtime: Runtime, event: Event) -> None:
    """Follower of `actor_changed`, `duty_on` and `duty_off`: read this person anew."""
    person = event.data.get("person_id") or event.actor_id
    if person:
        _caches.setdefault(runtime, _Cache()).drop(person_id=UUID(str(person)))
