"""The two accounts as their console shows them: name and menu, templates, walls."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from simulator.control.access import TheWorld
from simulator.menus import menu_of
from simulator.quotas import LIMITS, Limit, limit_of, used_today
from simulator.world import Account, Kind, World, add_template

router = APIRouter(tags=["accounts"])


class NewTemplate(BaseModel):
    """A form of notice; `keys` names what each key stands for, in the order shown."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.OFFICIAL
    template_id: str = Field(min_length=1, max_length=64)
    title: str = Field(default="", max_length=40)
    keys: dict[str, str] = Field(min_length=1, examples=[{"thing1": "事项", "time2": "时间"}])


class Capability(BaseModel):
    """What an account may do; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.MINI_PROGRAM
    subscription_messages: bool | None = Field(default=None, description="false: 43107")
    address_allowed: bool | None = Field(default=None, description="false: 40164 for tokens")


class NewLimit(BaseModel):
    """The walls of one endpoint; null for none."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.OFFICIAL
    path: str = Field(examples=["/cgi-bin/message/custom/send"])
    per_day: int | None = Field(default=None, ge=0)
    per_minute: int | None = Field(default=None, ge=0)


@router.get("/account")
async def get_account(world: TheWorld, user: str | None = None) -> dict[str, Any]:
    """What the phone shows of the account: name and menu; with `user`, the menu this person sees."""
    c = world.config
    menu = menu_of(world.official, world.users.get(user or "")) or {"button": []}
    return {"name": c.account_name, "app_id": c.app_id, "mp_app_id": c.mp_app_id, "menu": menu}


@router.post("/templates", status_code=201)
async def post_template(body: NewTemplate, world: TheWorld) -> dict[str, Any]:
    """Give an account a template; from the first one on, it may use no other."""
    template = add_template(_of(world, body.account), body.template_id, keys=body.keys, title=body.title)
    return {"template_id": template.template_id, "title": template.title, "keys": template.labels}


@router.post("/capabilities")
async def post_capability(body: Capability, world: TheWorld) -> dict[str, Any]:
    """Take something away from an account, or give it back."""
    account = _of(world, body.account)
    if body.subscription_messages is not None:
        account.may_not_notify = not body.subscription_messages
    if body.address_allowed is not None:
        account.addresses_closed = not body.address_allowed
    return body.model_dump()


@router.post("/quotas")
async def post_quota(body: NewLimit, world: TheWorld) -> dict[str, Any]:
    """Move the walls of one endpoint for one account."""
    _of(world, body.account).quotas.limits[body.path] = Limit(body.per_day, body.per_minute)
    return await get_quotas(world)


@router.get("/quotas")
async def get_quotas(world: TheWorld) -> dict[str, Any]:
    """What each account has used today, by endpoint, and its walls."""
    return {account.kind.value: _usage(world, account) for account in world.accounts.values()}


def _usage(world: World, account: Account) -> dict[str, Any]:
    quotas = account.quotas
    paths = sorted({*LIMITS, *quotas.limits, *quotas.used})
    told = {}
    for path in paths:
        limit, used = limit_of(quotas, path), used_today(quotas, path, world.clock)
        told[path] = {"used": used, "per_day": limit.per_day, "per_minute": limit.per_minute}
    return told


def _of(world: World, kind: Kind) -> Account:
    return world.official if kind is Kind.OFFICIAL else world.mini_program
