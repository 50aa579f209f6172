"""People who sign in, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.sessions import Actor, actor_of, issue
from app.people.tables import Audience, Role
from tests.factories import Made, Make

APP = "wxabcdef1234567890"
SignIn = Callable[..., Awaitable[tuple[Actor, str]]]


@pytest.fixture
def sign_in(runtime: Runtime) -> SignIn:
    """A committed session of a person: (actor, token)."""

    async def signed(
        person: Made | UUID,
        audience: Audience = Audience.MINIPROGRAM,
        *,
        second_factor: bool = True,
        ttl_s: float = 600,
    ) -> tuple[Actor, str]:
        person_id = person if isinstance(person, UUID) else person.id
        async with transaction(runtime) as db:
            token, _ = await issue(db, person_id, audience, ttl_s=ttl_s, second_factor=second_factor)
        return await actor_of(runtime, token, audience), token

    return signed


@pytest.fixture
async def administrator(make: Make, sign_in: SignIn) -> Actor:
    """An administrator of all stations, signed in."""
    actor, _ = await sign_in(await make.staff(Role.ADMINISTRATOR.value), Audience.CONSOLE)
    return actor


@pytest.fixture
def sql(runtime: Runtime) -> Callable[..., Awaitable[list[tuple[object, ...]]]]:
    """One committed statement, its rows."""

    async def run(statement: str, **values: object) -> list[tuple[object, ...]]:
        async with runtime.database.moves() as db:
            result = await db.execute(text(statement), values)
            return [tuple(row) for row in result.all()]

    return run
