"""Every request in and out, kept for assertions; and the flags: what a caller did wrong but got away with."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KEPT = 20_000


@dataclass(slots=True)
class Journal:
    """The last 20,000 entries. Tokens, secrets and codes are masked before they come here."""

    entries: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    flags: Counter[str] = field(default_factory=Counter)
    last: int = 0

    def note(self, kind: str, **facts: Any) -> None:
        """Write one entry; `kind` is api, callback or flag. Any: whatever JSON can carry."""
        self.last += 1
        self.entries.append({"seq": self.last, "at_s": time.time(), "kind": kind, **facts})

    def flag(self, name: str, **facts: Any) -> None:
        """Count something WeChat lets pass and a careful caller does not do."""
        self.flags[name] += 1
        self.note("flag", name=name, **facts)

    def find(
        self, *, after: int = 0, kind: str | None = None, path: str | None = None
    ) -> Iterable[dict[str, Any]]:
        """Entries in order, those with a number above `after`."""
        return (
            entry
            for entry in self.entries
            if entry["seq"] > after and kind in (None, entry["kind"]) and path in (None, entry.get("path"))
        )
