"""Whether a station exists, asked of PostgreSQL and not of memory."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.kit.database import Db
from app.kit.errors import NotFound


class StationNotFound(NotFound):
    """No station with this id."""

    code = "station_not_found"
    message = "没有找到该单位"
    message_en = "No such station"


_EXISTS = text("SELECT EXISTS (SELECT FROM stations WHERE id = :id)")


async def require_station(db: Db, station_id: UUID | None) -> None:
    """Go on if there is this station; None asks nothing.

    Raises:
        StationNotFound: there is none.
    """
    if station_id is not None and not (await db.execute(_EXISTS, {"id": station_id})).scalar_one():
        raise StationNotFound(station_id=str(station_id))
