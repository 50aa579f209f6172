"""What is measured, from what the doors say and nothing else."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from demo.doors.http import Json

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Handover:
    """A case that went to the desk at its deadline. `lateness_s`: after the deadline, both by the database's clock."""

    number: str
    station: str
    lateness_s: float
    at: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim that was granted. `rivals`: officers who claimed the same opening and were told no, so far."""

    case_id: str
    badge: str
    number: str
    after_s: float
    epoch: int


@dataclass(slots=True)
class Ledger:
    """Counts of one run. Cases are told apart by id, openings by (case, epoch)."""

    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    known: set[str] = field(default_factory=set)
    running: dict[str, Json] = field(default_factory=dict)
    reported: dict[str, str] = field(default_factory=dict)
    """Numbers the chat gave, and who has them."""
    missing: set[str] = field(default_factory=set)
    """Numbers the chat gave that no door knew when asked."""
    winners: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    refused: dict[tuple[str, int], int] = field(default_factory=dict)
    taken: deque[Taken] = field(default_factory=lambda: deque(maxlen=SHOWN))
    handovers: deque[Handover] = field(default_factory=lambda: deque(maxlen=SHOWN))
    lateness_s: list[float] = field(default_factory=list)
    ended: int = 0
    rated: int = 0

    def granted(self, taken: Taken) -> None:
        """An officer's claim was answered with a grant."""
        self.winners.setdefault((taken.case_id, taken.epoch), set()).add(taken.badge)
        self.taken.appendleft(taken)

    def was_refused(self, case_id: str, epoch: int) -> None:
        """An officer's claim was answered with a no."""
        self.refused[case_id, epoch] = self.refused.get((case_id, epoch), 0) + 1

    def handed_over(self, handover: Handover) -> None:
        """A case went to the desk at its deadline."""
        self.lateness_s.append(handover.lateness_s)
        self.handovers.appendleft(handover)

    @property
    def double_grants(self) -> int:
        """Openings that two officers were granted."""
        return sum(len(badges) > 1 for badges in self.winners.values())

    @property
    def races(self) -> int:
        """Openings that more than one officer claimed."""
        return sum(key in self.winners for key in self.refused)

    @property
    def numbers(self) -> set[str]:
        """Numbers on the board now."""
        return {case["number"] for case in self.running.values()}

    def counters(self) -> Json:
        """The counter line."""
        return {
            "cases": len(self.known), "running": len(self.running), "ended": self.ended, "rated": self.rated,
            "races": self.races, "double_grants": self.double_grants, "lost": len(self.missing),
            "handovers": len(self.lateness_s), "handover_p99_ms": percentile_ms(self.lateness_s, 99),
        }  # fmt: skip


def percentile_ms(seconds: Sequence[float], percent: int) -> int | None:
    """The nearest-rank percentile in milliseconds; None of nothing."""
    if not seconds:
        return None
    rank = max(1, math.ceil(len(seconds) * percent / 100))
    return round(sorted(seconds)[rank - 1] * 1000)


def seconds_left(case: Json, now_s: float) -> float | None:
    """Of an open case, until its minute is over: what the door said, less the time since then."""
    if case["seconds_left"] is None:
        return None
    read_s = float(case["read_s"])
    return max(0.0, float(case["seconds_left"]) - (now_s - read_s))
