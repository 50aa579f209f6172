"""The time that quotas and expiries are judged by: the real one, until somebody advances it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_BEIJING = timezone(timedelta(hours=8))


@dataclass(slots=True)
class Clock:
    """Real time plus what was advanced. Timestamps of callbacks never use it: they are always real."""

    ahead_s: float = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self.ahead_s

    def day(self) -> str:
        """The day in Beijing, where daily quotas turn over at midnight."""
        return datetime.fromtimestamp(self.now(), UTC).astimezone(_BEIJING).date().isoformat()
