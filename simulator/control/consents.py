"""What a person allows an account, and takes back: notices by template, what it may know; the mini-program's chat."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from simulator import events, phone
from simulator.control.access import TheUser, TheWorld
from simulator.world import Account, Kind, World

router = APIRouter(tags=["what a person allows"])


class Popup(BaseModel):
    """The answer to a prompt for notices: by template id, accepted or not."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.MINI_PROGRAM
    choices: dict[str, bool] = Field(min_length=1, max_length=5)
    long_term: bool = False


class TurnedOff(BaseModel):
    """Templates refused later, in WeChat's settings."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.MINI_PROGRAM
    template_ids: list[str] = Field(min_length=1)


class Revoked(BaseModel):
    """What is taken back, by WeChat's number."""

    model_config = ConfigDict(extra="forbid")

    account: Kind = Kind.OFFICIAL
    info: str = Field(default="1", pattern="^[0-9]{1,4}$")


class Words(BaseModel):
    """Words in the mini-program's customer chat; none: it is opened."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(default=None, max_length=2000)
    session_from: str = ""


@router.post("/users/{user_id}/popup")
async def post_popup(user: TheUser, world: TheWorld, body: Popup) -> dict[str, Any]:
    """Answer the prompt: grants, and `subscribe_msg_popup_event`."""
    account = _of(world, body.account)
    outcome = await events.answer_popup(world, user, account, body.choices, long_term=body.long_term)
    return outcome.as_json()


@router.post("/users/{user_id}/turn-off")
async def post_turn_off(user: TheUser, world: TheWorld, body: TurnedOff) -> dict[str, Any]:
    """Refuse later: `subscribe_msg_change_event`."""
    return (await events.turn_off(world, user, _of(world, body.account), body.template_ids)).as_json()


@router.post("/users/{user_id}/revoke")
async def post_revoke(user: TheUser, world: TheWorld, body: Revoked) -> dict[str, Any]:
    """Take back an authorisation: `user_authorization_revoke`."""
    return (await events.revoke(world, user, _of(world, body.account), body.info)).as_json()


@router.post("/users/{user_id}/mini-program-chat")
async def post_mini_program_chat(user: TheUser, world: TheWorld, body: Words) -> dict[str, Any]:
    """Open the mini-program's customer chat, or write in it."""
    if body.text is None:
        return (await phone.enter_mini_program_chat(world, user, body.session_from)).as_json()
    return (await phone.write_to_mini_program(world, user, body.text)).as_json()


def _of(world: World, kind: Kind) -> Account:
    return world.official if kind is Kind.OFFICIAL else world.mini_program
