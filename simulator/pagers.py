"""Pagers beside WeChat, and the phone in a pocket: who carries what, who was called, what a locked phone still shows.

A page is addressed by badge; whose badge it is, a person of the simulator says. Keys are fixed and no secrets.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from simulator.pockets import Called, Pager, Pocket
from simulator.world import User, World

POLICE_APP_KEY = "simulated-police-app-key-of-32-chars"
SMS_TOKEN = "simulated-sms-token"  # noqa: S105  no secret
LOUDSPEAKER_TOKEN = "simulated-loudspeaker-token"  # noqa: S105  no secret
CORP_ID, AGENT_ID, CORP_SECRET = "ww0123456789abcdef", 1000002, "simulated-wecom-secret"
SIGNATURE_AGE_S = 300.0
TOKEN_S = 7200.0
SUSPENDED_AFTER_S = 5.0
"""What runs in a mini-program stops this long after the phone was locked: its socket stays open, and is deaf."""
_RINGS = frozenset({"custom", "subscription", "template"})


@dataclass(frozen=True, slots=True)
class Notification:
    """What the lock screen showed."""

    at_s: float
    by: str  # custom, subscription, template, or a pager's name


def pocket_of(world: World, user: User) -> Pocket:
    """This person's pocket; made at first use."""
    return world.pockets.of.setdefault(user.id, Pocket())


def lock(world: World, user: User, *, locked: bool) -> None:
    """Lock the phone, or take it in hand; locking a locked one changes nothing."""
    pocket = pocket_of(world, user)
    if not locked:
        pocket.locked_at = None
    elif pocket.locked_at is None:
        pocket.locked_at = world.clock.now()


def suspended(world: World, user: User) -> bool:
    """Whether the mini-program has stopped: locked for 5 s."""
    locked_at = pocket_of(world, user).locked_at
    return locked_at is not None and world.clock.now() - locked_at >= SUSPENDED_AFTER_S


def notifications(world: World, user: User) -> list[Notification]:
    """What rang this phone, oldest first: WeChat shows its messages on a locked screen too."""
    by_wechat = [
        Notification(entry.at_s, str(entry.channel)) for entry in user.chat.entries if entry.channel in _RINGS
    ]
    by_pager = [Notification(one.at_s, str(one.pager)) for one in pocket_of(world, user).called]
    return sorted([*by_wechat, *by_pager], key=lambda one: one.at_s)


def call(
    world: World, pager: Pager, *, badge: str, station: str, words: str, page_id: str | None
) -> bool | None:
    """Page a badge: True taken, False taken before (the same id), None nobody carries this pager under it."""
    carrier = next((p for p in world.pockets.of.values() if p.badge == badge and pager in p.carries), None)
    if carrier is None and pager is not Pager.LOUDSPEAKER:
        return None
    if page_id is not None:
        if (pager, page_id) in world.pockets.taken:
            return False
        world.pockets.taken.add((pager, page_id))
    called = Called(time.time(), pager, badge, station, words)
    if pager is Pager.LOUDSPEAKER:
        world.pockets.spoken.append(called)
    elif carrier is not None:
        carrier.called.append(called)
    return True


def new_token(world: World) -> str:
    """WeCom's access token: the same for everyone until it runs out."""
    if world.pockets.token_until <= world.clock.now():
        world.pockets.token = secrets.token_urlsafe(32)
        world.pockets.token_until = world.clock.now() + TOKEN_S
    return world.pockets.token
