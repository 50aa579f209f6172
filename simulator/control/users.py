"""People: create, follow, unfollow, scan, sign-in codes, grants."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from simulator import events
from simulator.control.access import TheUser, TheWorld
from simulator.windows import left
from simulator.world import Grants, User, World, add_user, mint_code, mint_phone_code

router = APIRouter(tags=["people"])


class NewUser(BaseModel):
    """A person to create. The same `id` gets the same openids in every run; none gets random ones."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(default=None, pattern="^[0-9A-Za-z_-]{1,64}$")
    name: str = Field(default="", max_length=64)
    following: bool = Field(default=True, description="from the start, without a subscribe event")
    unionid: bool = Field(default=True, description="false: the two accounts are not joined")
    language: str = Field(default="zh_CN", pattern="^[a-z]{2}(_[A-Z]{2})?$", description="of their WeChat")


class Traits(BaseModel):
    """What WeChat knows and thinks of a person."""

    model_config = ConfigDict(extra="forbid")

    phone: str | None = Field(default=None, pattern="^[0-9+]{5,20}$")
    language: str | None = Field(default=None, pattern="^[a-z]{2}(_[A-Z]{2})?$")
    risk: int | None = Field(default=None, ge=0, le=4)
    risky_sign_in: bool | None = Field(default=None, description="40226 at the next sign-in")
    snapshot: bool | None = Field(default=None, description="web pages see a virtual identity")
    refuses_messages: bool | None = Field(default=None, description="48002 for customer messages")


class Scene(BaseModel):
    """What a scanned code carries: any scene, or the ticket of a code that the account made."""

    scene: str | None = Field(default=None, max_length=64)
    ticket: str | None = None


class Grant(BaseModel):
    """What a person answered when the mini-program asked to send notices by a template."""

    model_config = ConfigDict(extra="forbid")

    template_id: str = Field(min_length=1)
    times: int = Field(default=1, ge=0, le=1000, description="0 refuses: nothing is left")
    long_term: bool = False


class Failure(BaseModel):
    """Why template messages do not arrive."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["failed:user block", "failed: system failed"] | None


@router.post("/users", status_code=201)
async def post_user(body: NewUser, world: TheWorld) -> dict[str, Any]:
    """Create a person."""
    try:
        user = add_user(
            world,
            user_id=body.id,
            name=body.name,
            following=body.following,
            joined=body.unionid,
            language=body.language,
        )
    except ValueError as taken:
        raise HTTPException(409, str(taken)) from None
    return describe(world, user)


@router.get("/users")
async def get_users(world: TheWorld, openid: str | None = None) -> dict[str, Any]:
    """Everybody, or who has this openid with either account."""
    known = world.by_openid.get(openid) if openid is not None else None
    found = list(world.users.values()) if openid is None else [known] if known else []
    return {"users": [describe(world, user) for user in found]}


@router.get("/users/{user_id}")
async def get_user(user: TheUser, world: TheWorld) -> dict[str, Any]:
    """One person."""
    return describe(world, user)


@router.post("/users/{user_id}/follow")
async def post_follow(user: TheUser, world: TheWorld, body: Scene | None = None) -> dict[str, Any]:
    """Follow the account (by scanning, with a scene); answers what came of the event."""
    return (await events.follow(world, user, scene=body.scene if body else None)).as_json()


@router.post("/users/{user_id}/unfollow")
async def post_unfollow(user: TheUser, world: TheWorld) -> dict[str, Any]:
    """Unfollow it."""
    return (await events.unfollow(world, user)).as_json()


@router.post("/users/{user_id}/scan")
async def post_scan(user: TheUser, world: TheWorld, body: Scene) -> dict[str, Any]:
    """Scan the account's code; 409 when its time is over."""
    if body.ticket is None:
        return (await events.scan(world, user, body.scene or "0")).as_json()
    try:
        return (await events.scan_ticket(world, user, body.ticket)).as_json()
    except events.CodeExpired as expired:
        raise HTTPException(409, str(expired)) from None


@router.post("/users/{user_id}/login-code", status_code=201)
async def post_login_code(user: TheUser, world: TheWorld) -> dict[str, Any]:
    """A code of `wx.login`: works once, for 5 minutes."""
    return {"code": mint_code(world, user)}


@router.post("/users/{user_id}/phone-code", status_code=201)
async def post_phone_code(user: TheUser, world: TheWorld) -> dict[str, Any]:
    """A code of the button for the phone number: works once, for 5 minutes."""
    return {"code": mint_phone_code(world, user)}


@router.post("/users/{user_id}/traits")
async def post_traits(user: TheUser, body: Traits, world: TheWorld) -> dict[str, Any]:
    """Change what WeChat knows and thinks of a person; what is not given stays."""
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(user, name, value)
    return describe(world, user)


@router.post("/users/{user_id}/grants", status_code=201)
async def post_grant(user: TheUser, world: TheWorld, body: Grant) -> dict[str, Any]:
    """Accept notices of a template: adds up; for good; or 0 to refuse."""
    grants = user.grants.setdefault(body.template_id, Grants())
    if body.times == 0 and not body.long_term:
        user.grants[body.template_id] = Grants()
    elif body.long_term:
        grants.long_term = True
    else:
        grants.once += body.times
    return describe(world, user)


@router.post("/users/{user_id}/template-failure")
async def post_template_failure(user: TheUser, body: Failure) -> dict[str, Any]:
    """Let template messages to this person fail, as the event of their end then says; null: let them arrive."""
    user.template_failure = body.status
    return {"status": user.template_failure}


def describe(world: World, user: User) -> dict[str, Any]:
    """A person as the control API tells it."""
    now = world.clock.now()
    return {
        "id": user.id,
        "name": user.name,
        "following": user.following,
        "language": user.language,
        "openid": user.openids[world.config.app_id],
        "mp_openid": user.openids[world.config.mp_app_id],
        "unionid": user.unionid,
        "messages_left": left(user.windows_of(world.official), now),
        "grants": {
            template: {"once": grants.once, "long_term": grants.long_term}
            for template, grants in user.grants.items()
        },
        "last": user.chat.last,
    }
