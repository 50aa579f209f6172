"""How long ago, as people say it."""

from __future__ import annotations

from wechat import replies
from wechat.turn import Turn


def ago(turn: Turn, seconds: float) -> str:
    """Seconds in the largest unit that fits, as "3 min"; what lies ahead is 0."""
    whole = max(0, round(seconds))
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if whole >= size:
            return turn.say(replies.AGO[unit], n=whole // size)
    return turn.say(replies.AGO["seconds"], n=whole)
