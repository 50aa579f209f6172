"""The numbers a station decides for itself; what it leaves out follows the defaults."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.kit.errors import Invalid
from app.stations.categories import DEFAULT_CATEGORIES, MISSING_PERSON, Category
from app.stations.hours import Hours


class Ring(BaseModel):
    """From `after_s` seconds on, officers within `within_m` metres are offered the case; None: the whole station."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_s: int = Field(ge=0, le=600)
    within_m: int | None = Field(None, ge=50, le=50_000)


DEFAULT_RINGS = (
    Ring(after_s=0, within_m=1000),
    Ring(after_s=10, within_m=2000),
    Ring(after_s=25, within_m=4000),
    Ring(after_s=40, within_m=None),
)


class Limits(BaseModel):
    """Soft limits of one reporter; over them a case goes to the desk, marked, and is never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_10_min: int = Field(3, ge=1, le=100)
    in_a_day: int = Field(10, ge=1, le=1000)


class StationSettings(BaseModel):
    """Seconds, metres and choices of one station. Frozen; an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim_window_s: int = Field(60, ge=5, le=600)  # the registry fills in DIDI_CLAIM_WINDOW_S
    rings: tuple[Ring, ...] = Field(DEFAULT_RINGS, min_length=1, max_length=10)
    nudge_s: int = Field(60, ge=1, le=3600)  # claimed and no sign: the officer is nudged
    alarm_s: int = Field(120, ge=1, le=3600)  # ... the desk is alarmed
    take_back_s: int = Field(180, ge=1, le=3600)  # ... the case is taken back
    stall_s: int = Field(600, ge=1, le=7200)  # en route without progress
    ack_s: int = Field(60, ge=1, le=3600)  # a desk that acknowledges nothing: the next one rings
    urgent_ack_s: int = Field(30, ge=1, le=3600)
    offer_cap: int = Field(60, ge=1, le=1000)  # most officers offered at once when PostgreSQL picks them
    auxiliaries_for: tuple[str, ...] = ()  # categories that auxiliaries may take
    arrive_within_m: int = Field(100, ge=10, le=2000)
    desk_hours: tuple[Hours, ...] | None = None  # None: the desk is always on
    timezone: str = "Asia/Shanghai"
    categories: tuple[Category, ...] | None = Field(None, min_length=1, max_length=40)
    limits: Limits = Limits()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("must be an IANA time zone, as Asia/Shanghai") from error
        return value

    @field_validator("rings")
    @classmethod
    def _widen(cls, value: tuple[Ring, ...]) -> tuple[Ring, ...]:
        if value[0].after_s != 0:
            raise ValueError("the first ring starts at after_s 0")
        for inner, outer in pairwise(value):
            if outer.after_s <= inner.after_s:
                raise ValueError(
                    f"each ring starts later than the one before, not {inner.after_s} then {outer.after_s}"
                )
            if inner.within_m is None:
                raise ValueError("nothing follows the ring that is the whole station")
            if outer.within_m is not None and outer.within_m <= inner.within_m:
                raise ValueError(
                    f"each ring is wider than the one before, not {inner.within_m} then {outer.within_m}"
                )
        return value

    @field_validator("categories")
    @classmethod
    def _each_once(cls, value: tuple[Category, ...] | None) -> tuple[Category, ...] | None:
        if value is None:
            return None
        keys = [category.key for category in value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"each key once; twice: {', '.join(twice)}")
        if not {MISSING_PERSON, "other"} <= set(keys):
            raise ValueError("must hold missing_person and other: no station may turn these away")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> StationSettings:
        if not self.nudge_s < self.alarm_s < self.take_back_s:
            raise ValueError(
                f"nudge_s, alarm_s, take_back_s must grow, not {self.nudge_s}, {self.alarm_s}, {self.take_back_s}"
            )
        if {"rings", "claim_window_s"} <= self.model_fields_set and self.rings[
            -1
        ].after_s >= self.claim_window_s:
            raise ValueError(
                f"rings: the last starts at {self.rings[-1].after_s} s, when the claim_window_s of "
                f"{self.claim_window_s} is over: start it earlier"
            )
        if unknown := sorted(set(self.auxiliaries_for) - {c.key for c in self.known_categories()}):
            raise ValueError(f"auxiliaries_for: this station has no category {', '.join(unknown)}")
        return self

    def known_categories(self) -> tuple[Category, ...]:
        """This station's categories, else the defaults."""
        return DEFAULT_CATEGORIES if self.categories is None else self.categories

    def category(self, key: str) -> Category | None:
        """The category of this key, if the station has it."""
        return next((c for c in self.known_categories() if c.key == key), None)


def read_settings(stored: dict[str, Any], *, claim_window_s: int | None = None) -> StationSettings:
    """Settings from what a station stored; `claim_window_s` stands in where it stored none.

    Raises:
        Invalid: one line a problem, each with the path of its field.
    """
    try:
        settings = StationSettings.model_validate(stored)
    except ValidationError as error:
        problems = [_problem(dict(e)) for e in error.errors(include_url=False, include_input=False)]
        field = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else "settings"
        raise Invalid("settings of a station: " + "; ".join(problems), field=field) from None
    if claim_window_s is None or "claim_window_s" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"claim_window_s": claim_window_s})


def _problem(error: dict[str, Any]) -> str:
    path = ".".join(str(part) for part in error["loc"])
    what = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = "there is no such setting; known are " + ", ".join(StationSettings.model_fields)
    return f"{path}: {what}" if path else what
