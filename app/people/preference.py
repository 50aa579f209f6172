"""The station a citizen is near, as they said by scanning its code: where a report without a place begins."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db, MovesDb

DAYS = 30
"""A scan of longer ago says nothing of where somebody is."""

_PREFER = text("""
    UPDATE people SET near_station_id = :station_id, near_station_at = clock_timestamp() WHERE id = :person_id
""")
_PREFERRED = text(f"""
    SELECT near_station_id FROM people
     WHERE id = :person_id AND near_station_at > clock_timestamp() - interval '{DAYS} days'
""")


async def prefer_station(db: Db, person_id: UUID, station_id: UUID) -> None:
    """The person scanned the code of this station."""
    await db.execute(_PREFER, {"person_id": person_id, "station_id": station_id})


async def preferred_station(db: Db | MovesDb, person_id: UUID) -> UUID | None:
    """The station whose code the person scanned last, within 30 days."""
    found = (await db.execute(_PREFERRED, {"person_id": person_id})).scalar_one_or_none()
    return UUID(str(found)) if found else None
