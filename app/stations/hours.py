"""Hours on a station's wall clock, also overnight ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class Hours(BaseModel):
    """From `start` up to, not including, `end`, on some days of the week (ISO: Monday is 1).

    An end at or before the start lies on the following day: 22:00 to 06:00 is a night, 08:00 to 08:00 a
    whole day. A night belongs to the day on which it starts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    end: time
    days: tuple[int, ...] = Field(EVERY_DAY, min_length=1, max_length=7)

    @field_validator("start", "end")
    @classmethod
    def _wall_clock(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is a time on the station's wall clock: write it without a zone, as 22:00")
        return value

    @field_validator("days")
    @classmethod
    def _weekdays(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(day not in EVERY_DAY for day in value) or len(set(value)) < len(value):
            raise ValueError("are ISO weekdays, each once: 1 is Monday, 7 is Sunday")
        return tuple(sorted(value))

    def holds(self, local: datetime) -> bool:
        """Whether this moment of the wall clock falls into these hours."""
        at, today = local.time(), local.isoweekday()
        if self.start < self.end:
            return today in self.days and self.start <= at < self.end
        yesterday = (local - timedelta(days=1)).isoweekday()
        return (today in self.days and at >= self.start) or (yesterday in self.days and at < self.end)


def within(hours: Sequence[Hours] | None, now: datetime, timezone: str) -> bool:
    """Whether `now` (aware) falls into any of the hours on the wall clock of `timezone`; None is always."""
    if hours is None:
        return True
    local = now.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return any(one.holds(local) for one in hours)
