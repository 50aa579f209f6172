"""How a control route finds its world and its user."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from simulator.world import User, World


def world_of(connection: HTTPConnection) -> World:
    """The world this application owns."""
    world: World = connection.app.state.world
    return world


TheWorld = Annotated[World, Depends(world_of)]


def user_of(user_id: str, world: TheWorld) -> User:
    """The user of the path; 404 says how to make one."""
    user = world.users.get(user_id)
    if user is None:
        raise HTTPException(404, f"there is no user {user_id!r}; POST /__wechat__/users creates one")
    return user


TheUser = Annotated[User, Depends(user_of)]
