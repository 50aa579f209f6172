"""One caller for each role, signed in again whenever the request before ended the session."""

from __future__ import annotations

from typing import Any

import httpx

from app.events.edge import transaction
from app.people.sessions import issue
from app.people.tables import Audience
from tests.console.people import ORIGIN, Person
from tests.factories import Made
from tests.walks.world import World


class Stranger:
    """Nobody: no token, no cookie."""

    name = "stranger"

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self.world, self.client = world, client

    async def ready(self) -> None:
        """Nothing to sign in."""

    def headers(self) -> dict[str, str]:
        return {"Origin": ORIGIN}

    async def send(self, request: dict[str, Any]) -> httpx.Response:
        """One request as this caller."""
        headers = {
            k: v for k, v in request["headers"].items() if k.lower() not in ("authorization", "cookie")
        }
        return await self.client.request(**(request | {"headers": headers | self.headers()}))


class Bearer(Stranger):
    """A phone of the mini-program."""

    def __init__(self, world: World, client: httpx.AsyncClient, person: Made, name: str) -> None:
        super().__init__(world, client)
        self.person, self.name, self.token = person, name, ""

    async def ready(self) -> None:
        answer = await self.client.get("http://localhost:8000/miniprogram/v1/me", headers=self.headers())
        if answer.status_code != 200:
            async with transaction(self.world.runtime) as db:
                self.token, _ = await issue(
                    db, self.person.id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True
                )

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Browser(Stranger):
    """A browser at the console."""

    def __init__(self, world: World, person: Person, name: str) -> None:
        super().__init__(world, person.client)
        self.person, self.name = person, name

    async def ready(self) -> None:
        if not self.person.csrf or (await self.person.get("/me")).status_code != 200:
            # What was sent before may have been five wrong codes.
            unlock = "UPDATE credentials SET failed = 0, locked_until = NULL, strangers_at = NULL WHERE person_id = :id"
            await self.world.run(unlock, id=self.person.person_id)
            await self.world.run("DELETE FROM guesses")
            answer = await self.person.sign_in()
            assert answer.status_code == 201, answer.text

    def headers(self) -> dict[str, str]:
        return {"Origin": ORIGIN, "X-CSRF-Token": self.person.csrf}
