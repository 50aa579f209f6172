"""Access tokens of one account: two families, each with its own rules, independent of one another.

`token` hands out a new one at every call and lets the one before live 5 minutes. `stable_token` hands out
the same one until its last 5 minutes; a forced refresh works 20 times a day, 30 seconds apart.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from simulator.clock import Clock
from simulator.errors import Refusal, refusal

LIFETIME_S = 7200
OVERLAP_S = 300
FORCED_PER_DAY = 20
FORCED_APART_S = 30
CLASSIC_PER_DAY = 2000
STABLE_PER_MINUTE = 10_000
_REMEMBERED = 200


@dataclass(slots=True)
class Issued:
    """One token. `killed` is one that WeChat took back; `ends_at` is when it runs out."""

    value: str
    ends_at: float
    killed: bool = False


@dataclass(slots=True)
class Family:
    """The tokens of one family, newest last."""

    issued: list[Issued] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    forced: dict[str, int] = field(default_factory=dict)
    forced_at: float = float("-inf")


def issue_classic(family: Family, clock: Clock) -> dict[str, object]:
    """A new token; the one before stays good for at most 5 minutes, older ones for none.

    Raises:
        Refusal: 45009, more than 2,000 a day.
    """
    _count(family, f"day {clock.day()}", CLASSIC_PER_DAY, 45009)
    _supersede(family, clock.now())
    return _answer(_new(family, clock.now()), clock.now())


def issue_stable(family: Family, clock: Clock, *, force: bool) -> dict[str, object]:
    """The current token with what is left of its life; a new one in its last 5 minutes or by force.

    A forced refresh too soon or too often refreshes nothing. Two of them, 30 s apart, kill a leaked
    token: the first demotes it to the one before, the second drops what was before.

    Raises:
        Refusal: 45011, more than 10,000 a minute.
    """
    now = clock.now()
    _count(family, f"minute {int(now // 60)}", STABLE_PER_MINUTE, 45011)
    current = family.issued[-1] if family.issued else None
    usable = current is not None and not current.killed and current.ends_at > now
    if current is not None and usable and force and _may_force(family, clock):
        _supersede(family, now)
        return _answer(_new(family, now), now)
    if current is not None and usable and current.ends_at - now > OVERLAP_S:
        return _answer(current, now)
    # In its last 5 minutes the old one simply runs out beside the new one.
    return _answer(_new(family, now), now)


def check(families: tuple[Family, ...], value: str, clock: Clock) -> Refusal | None:
    """None when this token is good, otherwise the refusal: 40014, 42001 or 40001."""
    if not re.fullmatch("[0-9A-Za-z_-]{16,512}", value, re.ASCII):
        return refusal(40014)
    for family in families:
        for issued in family.issued:
            if secrets.compare_digest(issued.value, value):
                if issued.killed:
                    return refusal(40001)
                return refusal(42001) if issued.ends_at <= clock.now() else None
    return refusal(40001)


def expire_all(families: tuple[Family, ...], now: float) -> None:
    """Let every token run out now: 42001."""
    for family in families:
        for issued in family.issued:
            issued.ends_at = min(issued.ends_at, now)


def kill_all(families: tuple[Family, ...]) -> None:
    """Take every token back, as a reset of the secret does: 40001."""
    for family in families:
        for issued in family.issued:
            issued.killed = True


def _new(family: Family, now: float) -> Issued:
    issued = Issued(secrets.token_urlsafe(96), now + LIFETIME_S)
    family.issued = [*family.issued[-_REMEMBERED:], issued]
    return issued


def _supersede(family: Family, now: float) -> None:
    for older in family.issued[:-1]:
        older.killed = True
    for newest in family.issued[-1:]:
        newest.ends_at = min(newest.ends_at, now + OVERLAP_S)


def _may_force(family: Family, clock: Clock) -> bool:
    day = clock.day()
    if clock.now() - family.forced_at < FORCED_APART_S or family.forced.get(day, 0) >= FORCED_PER_DAY:
        return False
    family.forced = {day: family.forced.get(day, 0) + 1}
    family.forced_at = clock.now()
    return True


def _count(family: Family, period: str, most: int, errcode: int) -> None:
    family.calls = {period: family.calls.get(period, 0) + 1}
    if family.calls[period] > most:
        raise refusal(errcode)


def _answer(issued: Issued, now: float) -> dict[str, object]:
    return {"access_token": issued.value, "expires_in": int(issued.ends_at - now)}
