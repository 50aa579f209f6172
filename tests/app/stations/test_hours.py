"""Hours of a desk and of a category, also overnight, on the station's own wall clock."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from pydantic import ValidationError

from app.stations.hours import Hours, within

SHANGHAI = timezone(timedelta(hours=8))
NIGHT = (Hours(start=time(22), end=time(6)),)
DAY = (Hours(start=time(8), end=time(20)),)


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """June 2026: the 1st is a Monday."""
    return datetime(2026, 6, day, hour, minute, second, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("hours", "now", "on"),
    [
        (DAY, at(1, 7, 59, 59), False),
        (DAY, at(1, 8), True),
        (DAY, at(1, 19, 59, 59), True),
        (DAY, at(1, 20), False),
        (NIGHT, at(1, 21, 59, 59), False),
        (NIGHT, at(1, 22), True),
        (NIGHT, at(2, 0), True),
        (NIGHT, at(2, 5, 59, 59), True),
        (NIGHT, at(2, 6), False),
        (None, at(1, 3), True),
        ((), at(1, 3), False),
        ((Hours(start=time(8), end=time(8)),), at(1, 3), True),
        ((Hours(start=time(0), end=time(0)),), at(1, 0), True),
    ],
)
def test_hours_hold_their_start_and_not_their_end(hours, now, on):
    assert within(hours, now, "Asia/Shanghai") is on


@pytest.mark.parametrize(
    ("now", "on"),
    [
        (at(5, 23), True),  # Friday night
        (at(6, 5), True),  # belongs to Friday
        (at(6, 23), False),  # Saturday night
        (at(5, 5), False),  # Thursday's
        (at(7, 5), False),
    ],
)
def test_a_night_belongs_to_the_day_it_starts_on(now, on):
    friday = (Hours(start=time(22), end=time(6), days=(5,)),)

    assert within(friday, now, "Asia/Shanghai") is on


def test_the_wall_clock_is_the_stations_whatever_zone_now_is_given_in():
    now = datetime(2026, 6, 1, 14, 30, tzinfo=UTC)  # 22:30 in Shanghai, 20:30 in Urumqi

    assert within(NIGHT, now, "Asia/Shanghai")
    assert not within(NIGHT, now, "Asia/Urumqi")


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "25:00", "end": "06:00"},
        {"start": "08:00", "end": "20:00", "days": [0]},
        {"start": "08:00", "end": "20:00", "days": [1, 1]},
        {"start": "08:00", "end": "20:00", "days": []},
        {"start": "08:00+08:00", "end": "20:00"},
        {"start": "08:00", "end": "20:00", "from": "x"},
    ],
)
def test_hours_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Hours.model_validate(wrong)
