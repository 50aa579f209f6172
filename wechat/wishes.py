"""Silent mode and the other wishes, in words: what is said to each, and the phrases to tap."""

from __future__ import annotations

from app.cases.queries import Flag
from wechat import replies, taps
from wechat.turn import Turn


def noted(turn: Turn, flag: Flag) -> str:
    """That it is noted; in silent mode with the phrases that can be tapped."""
    said = turn.say(replies.FLAG_NOTED[flag])
    if flag is not Flag.TEXT_ONLY:
        return said
    presets = "\n".join(
        taps.link(phrase, phrase, f"{taps.PRESET}.{number}")
        for number, phrase in enumerate(turn.say(line) for line in replies.PRESETS)
    )
    return f"{said}\n{presets}\n{turn.say(replies.SILENT_12110)}"
