"""What every resource's schemas share: strictness, words without control characters, places with their datum."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.cases.queries import Place
from app.kit.geo import Gcj02, Point

EPOCH_MAX = 2**31 - 1
LABEL_MAX = 200
REASON_MAX = 100
NOTE_MAX = 2000

_NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"


class In(BaseModel):
    """A request: an unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """A response: exactly its fields, no more than its reader needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def text_of(longest: int, shortest: int = 1) -> Any:  # a type of `str` for a schema
    """Text of `shortest` to `longest` characters; PostgreSQL cannot store NUL, and no reader wants controls."""
    return StringConstraints(
        strip_whitespace=True, min_length=shortest, max_length=longest, pattern=_NO_CONTROLS
    )


Reason = Annotated[str, text_of(REASON_MAX), Field(examples=["另有紧急警情"])]
Epoch = Annotated[
    int,
    Field(
        ge=0,
        le=EPOCH_MAX,
        description="The fencing token of the case as you know it; a stale one gets 409",
        examples=[1],
    ),
]


class Datum(StrEnum):
    """What a pair of degrees counts from. WeChat's map and location messages are GCJ-02, GPS is WGS-84."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


class PointIn(In):
    """Degrees, and the datum they are in: converted once, here."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False, examples=[32.0603])
    lng: float = Field(ge=-180, le=180, allow_inf_nan=False, examples=[118.8205])
    datum: Datum = Field(examples=["gcj02"])

    def wgs84(self) -> Point:
        """The point as the core keeps it."""
        if self.datum is Datum.GCJ02:
            return Gcj02(self.lat, self.lng).to_wgs84()
        return Point(self.lat, self.lng)


class PlaceIn(In):
    """Where: a point, words for it, or both."""

    point: PointIn | None = None
    label: Annotated[str, text_of(LABEL_MAX)] | None = Field(None, examples=["珠江路88号3单元门口"])

    @model_validator(mode="after")
    def _something(self) -> PlaceIn:
        if self.point is None and self.label is None:
            raise ValueError("a place needs `point`, `label` or both; without a place leave it out")
        return self

    def place(self) -> Place:
        """The place as the core keeps it."""
        return Place(self.point.wgs84() if self.point else None, self.label)


class PointOut(Out):
    """WGS-84 degrees, always; a client with a GCJ-02 map converts."""

    lat: float = Field(examples=[32.0621])
    lng: float = Field(examples=[118.8152])

    @classmethod
    def of(cls, at: Point | None) -> PointOut | None:
        """A point of the core."""
        return cls(lat=at.lat, lng=at.lng) if at else None


class PlaceOut(Out):
    """The exact place of a case, for those who may know it."""

    point: PointOut | None
    label: str | None = Field(examples=["珠江路88号3单元门口"])

    @classmethod
    def of(cls, place: Place | None) -> PlaceOut | None:
        """A place of the core."""
        return cls(point=PointOut.of(place.at), label=place.label) if place else None


def _of_our_time(value: datetime) -> datetime:
    if not 2000 <= value.year <= 2100:
        raise ValueError("must lie between the years 2000 and 2100")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
"""A time with its offset, as a phone measured it."""
