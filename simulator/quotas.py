"""How often one account may call each endpoint: a wall a day, turning over at midnight in Beijing, and one a minute.

The numbers are those of an ordinary verified account; the real ones stand in the account's console.
Customer messages, pictures up and down, follower facts and codes as copies of WeChat's pages give them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.clock import Clock
from simulator.errors import refusal

RESETS_PER_MONTH = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """The most calls of one endpoint; None: no wall of that kind."""

    per_day: int | None = None
    per_minute: int | None = None


LIMITS: dict[str, Limit] = {
    "/cgi-bin/message/custom/send": Limit(per_day=500_000),
    "/cgi-bin/message/template/send": Limit(per_day=100_000),
    "/cgi-bin/message/subscribe/send": Limit(per_day=10_000_000),
    "/cgi-bin/message/subscribe/bizsend": Limit(per_day=100_000),
    "/cgi-bin/media/get": Limit(per_day=10_000),
    "/cgi-bin/media/upload": Limit(per_day=5_000),
    "/cgi-bin/user/info": Limit(per_day=5_000_000),
    "/cgi-bin/qrcode/create": Limit(per_day=100_000),
    "/cgi-bin/ticket/getticket": Limit(per_day=1_000_000),
    "/cgi-bin/menu/create": Limit(per_day=1_000),
    "/cgi-bin/menu/get": Limit(per_day=10_000),
    "/cgi-bin/menu/delete": Limit(per_day=1_000),
    "/cgi-bin/menu/addconditional": Limit(per_day=2_000),
    "/cgi-bin/menu/delconditional": Limit(per_day=2_000),
    "/cgi-bin/menu/trymatch": Limit(per_day=20_000),
    "/wxa/getwxacodeunlimit": Limit(per_minute=5_000),
    "/wxa/generatescheme": Limit(per_day=500_000),
    "/wxa/generate_urllink": Limit(per_day=500_000),
    "/wxa/media_check_async": Limit(per_day=200_000, per_minute=2_000),
}


@dataclass(slots=True)
class Quotas:
    """What one account has used, by endpoint; `limits` overrides the ordinary walls."""

    limits: dict[str, Limit] = field(default_factory=dict)
    used: dict[str, tuple[str, int]] = field(default_factory=dict)  # by path: the day, and how many
    used_minute: dict[str, tuple[int, int]] = field(default_factory=dict)
    resets: dict[str, int] = field(default_factory=dict)  # by month


def limit_of(quotas: Quotas, path: str) -> Limit:
    """The walls of one endpoint."""
    return quotas.limits.get(path) or LIMITS.get(path) or Limit()


def used_today(quotas: Quotas, path: str, clock: Clock) -> int:
    """How many calls were taken today."""
    day, count = quotas.used.get(path, ("", 0))
    return count if day == clock.day() else 0


def take(quotas: Quotas, path: str, clock: Clock) -> None:
    """Count one call.

    Raises:
        Refusal: 45009 the day's wall, 45011 the minute's; a refused call is not counted.
    """
    limit, minute = limit_of(quotas, path), int(clock.now() // 60)
    today = used_today(quotas, path, clock)
    at, count = quotas.used_minute.get(path, (minute, 0))
    this_minute = count if at == minute else 0
    if limit.per_day is not None and today >= limit.per_day:
        raise refusal(45009)
    if limit.per_minute is not None and this_minute >= limit.per_minute:
        raise refusal(45011)
    quotas.used[path] = (clock.day(), today + 1)
    quotas.used_minute[path] = (minute, this_minute + 1)


def clear(quotas: Quotas, clock: Clock) -> None:
    """Start every count anew.

    Raises:
        Refusal: 48006, more than 10 times a month.
    """
    month = clock.day()[:7]
    if quotas.resets.get(month, 0) >= RESETS_PER_MONTH:
        raise refusal(48006)
    quotas.resets = {month: quotas.resets.get(month, 0) + 1}
    quotas.used, quotas.used_minute = {}, {}
