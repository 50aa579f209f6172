"""How many customer-service messages an account may still send to one person, and until when.

Official Account: 5 within 48 h of a message; 3 within 1 min of a menu click, a follow or a scan.
Mini-program: 5 within 48 h of a message; 2 within 1 min of entering the chat. Nothing adds up: an action
fills its own window anew, one message is taken from every open window, and what may be sent is the most
that any open window has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from simulator.errors import refusal


class Action(StrEnum):
    """What a person does that lets the account write to them."""

    MESSAGE = "message"
    CLICK = "click"
    FOLLOW = "follow"
    SCAN = "scan"
    ENTER = "enter"


_MESSAGE = (5, 48 * 3600.0)
_SHORT = (3, 60.0)
_ALLOWED = {
    Action.MESSAGE: _MESSAGE,
    Action.CLICK: _SHORT,
    Action.FOLLOW: _SHORT,
    Action.SCAN: _SHORT,
    Action.ENTER: (2, 60.0),
}


@dataclass(slots=True)
class Window:
    """What one kind of action left open."""

    left: int
    ends_at: float


@dataclass(slots=True)
class Windows:
    """The windows of one person with one account: the long one of messages, the short one of the rest."""

    long: Window | None = None
    short: Window | None = None
    wrote_at: float = float("-inf")


def open_window(windows: Windows, action: Action, now: float) -> None:
    """Note what the person did; the window of that kind is full again."""
    count, length_s = _ALLOWED[action]
    window = Window(count, now + length_s)
    if action is Action.MESSAGE:
        windows.long, windows.wrote_at = window, now
    else:
        windows.short = window


def close_windows(windows: Windows) -> None:
    """The person unfollowed: nothing may be sent."""
    windows.long = windows.short = None


def spend(windows: Windows, now: float) -> None:
    """Take one message.

    Raises:
        Refusal: 45015 when no window is open, 45047 when the open ones are used up.
    """
    still_open = [window for window in (windows.long, windows.short) if window and window.ends_at > now]
    if not still_open:
        raise refusal(45015)
    if not any(window.left > 0 for window in still_open):
        raise refusal(45047)
    for window in still_open:
        window.left = max(0, window.left - 1)


def left(windows: Windows, now: float) -> int:
    """How many messages may be sent at this moment."""
    return max((w.left for w in (windows.long, windows.short) if w and w.ends_at > now), default=0)
