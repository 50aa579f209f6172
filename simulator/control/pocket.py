"""The phone in a pocket: lock it, give it pagers, ask what rang it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from simulator import pagers
from simulator.control.access import TheUser, TheWorld
from simulator.pockets import Pager
from simulator.world import User, World

router = APIRouter(tags=["the phone in a pocket"])


class PhoneIn(BaseModel):
    """Locked, or in hand."""

    model_config = ConfigDict(extra="forbid")

    locked: bool


class PagersIn(BaseModel):
    """What a person carries beside WeChat, and under which badge it is known."""

    model_config = ConfigDict(extra="forbid")

    badge: str = Field(min_length=1, max_length=20)
    carries: list[Pager]


@router.get("/users/{user_id}/phone")
async def get_phone(user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Whether it is locked, whether the mini-program has stopped, and what rang it."""
    return describe(world, user)


@router.post("/users/{user_id}/phone")
async def post_phone(body: PhoneIn, user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Lock it, or take it in hand. 5 s after it was locked its mini-program has stopped."""
    pagers.lock(world, user, locked=body.locked)
    return describe(world, user)


@router.post("/users/{user_id}/pagers")
async def post_pagers(body: PagersIn, user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Carry these pagers, and no others."""
    pocket = pagers.pocket_of(world, user)
    pocket.badge, pocket.carries = body.badge, frozenset(body.carries)
    return describe(world, user)


@router.get("/pagers/spoken")
async def get_spoken(world: TheWorld) -> dict[str, Any]:
    """What the loudspeakers said, oldest first."""
    said = [
        {"at_s": s.at_s, "badge": s.badge, "station": s.station, "words": s.words}
        for s in world.pockets.spoken
    ]
    return {"spoken": said}


def describe(world: World, user: User) -> dict[str, Any]:
    """A pocket as the control API tells it."""
    pocket = pagers.pocket_of(world, user)
    return {
        "badge": pocket.badge,
        "carries": sorted(pocket.carries),
        "locked": pocket.locked_at is not None,
        "suspended": pagers.suspended(world, user),
        "notified": [{"at_s": n.at_s, "by": n.by} for n in pagers.notifications(world, user)],
    }
