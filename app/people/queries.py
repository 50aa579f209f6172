"""Lists of people, for who administers them. Names are read by the caller, who records the look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb
from app.people.sessions import Actor, Grant, PersonKind, Role


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a role reaches: everywhere, or at these stations."""

    everywhere: bool
    stations: tuple[UUID, ...]

    def holds(self, station_id: UUID) -> bool:
        """Whether it reaches this station."""
        return self.everywhere or station_id in self.stations


def scope_of(actor: Actor, *roles: Role) -> Scope:
    """Where an actor has any of these roles."""
    grants = [g for g in actor.roles if g.role in roles]
    named = dict.fromkeys(g.station_id for g in grants if g.station_id)
    return Scope(any(g.station_id is None for g in grants), tuple(named))


@dataclass(frozen=True, slots=True)
class OfficerListed:
    """An officer's account. `bound`: a phone is bound to it; `invited`: a code is out."""

    person_id: UUID
    badge: str
    kind: PersonKind
    station_id: UUID
    skills: tuple[str, ...]
    lead_id: UUID | None
    on_duty: bool
    active: bool
    bound: bool
    invited: bool


@dataclass(frozen=True, slots=True)
class StaffListed:
    """An account of the console, with its roles."""

    person_id: UUID
    username: str
    active: bool
    roles: tuple[Grant, ...]


_OFFICERS = text("""
    SELECT o.person_id, o.badge, p.kind, o.station_id, o.skills, o.lead_id, o.on_duty, p.active,
           EXISTS (SELECT FROM identity.openids i WHERE i.person_id = o.person_id) AS bound,
           EXISTS (SELECT FROM invitations v WHERE v.person_id = o.person_id AND v.used_at IS NULL AND v.tries_left > 0
                      AND v.expires_at > clock_timestamp()) AS invited
      FROM officers o JOIN people p ON p.id = o.person_id
     WHERE (:everywhere OR o.station_id = ANY(CAST(:stations AS uuid[]))) AND o.badge > :after
     ORDER BY o.badge LIMIT :limit
""")


async def officers_of(
    db: Db | MovesDb, scope: Scope, *, after_badge: str = "", limit: int = 50
) -> list[OfficerListed]:
    """Officers and auxiliaries of these stations, by badge, from the one after `after_badge`."""
    values = {
        "everywhere": scope.everywhere, "stations": list(scope.stations), "after": after_badge, "limit": limit
    }  # fmt: skip
    return [
        OfficerListed(
            r.person_id, r.badge, PersonKind(r.kind), r.station_id, tuple(r.skills), r.lead_id, r.on_duty, r.active,
            r.bound, r.invited,
        )
        for r in await db.execute(_OFFICERS, values)
    ]  # fmt: skip


_BADGES = text("""
    SELECT person_id, badge, station_id FROM officers WHERE person_id = ANY(CAST(:ids AS uuid[]))
""")


_WITH_BADGE = text("SELECT person_id FROM officers WHERE badge = :badge")


async def officer_with_badge(db: Db | MovesDb, badge: str) -> UUID | None:
    """The officer with this badge number."""
    found = (await db.execute(_WITH_BADGE, {"badge": badge})).scalar_one_or_none()
    return UUID(str(found)) if found else None


async def badges_of(db: Db | MovesDb, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """Badge numbers of these officers; whoever is none is left out."""
    rows = await db.execute(_BADGES, {"ids": list(person_ids)})
    return {r.person_id: r.badge for r in rows}


_STAFF = text("""
    SELECT p.id, c.username, p.active,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(r.role, r.station_id) ORDER BY r.granted_at, r.id), '[]')
              FROM roles r WHERE r.person_id = p.id) AS roles
      FROM people p JOIN credentials c ON c.person_id = p.id
     WHERE p.kind = 'staff' AND c.username > :after
       AND (:everywhere OR EXISTS (SELECT FROM roles r WHERE r.person_id = p.id
                                      AND r.station_id = ANY(CAST(:stations AS uuid[]))))
     ORDER BY c.username LIMIT :limit
""")


async def staff_of(
    db: Db | MovesDb, scope: Scope, *, after_username: str = "", limit: int = 50
) -> list[StaffListed]:
    """Accounts of the console with a role at these stations (everywhere: all of them), by user name."""
    values = {
        "everywhere": scope.everywhere, "stations": list(scope.stations), "after": after_username, "limit": limit
    }  # fmt: skip
    return [
        StaffListed(
            r.id, r.username, r.active,
            tuple(Grant(Role(role), UUID(station) if station else None) for role, station in r.roles),
        )
        for r in await db.execute(_STAFF, values)
    ]  # fmt: skip
