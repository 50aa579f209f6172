"""The console as one staff member uses it: signed in with password and TOTP, Origin and CSRF token sent along."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pyotp

from demo.doors.http import Json, Refused, ask

PREFIX = "/console/v1"
STEP_S = 30


class Desk:
    """One staff member's console."""

    def __init__(self, door: httpx.AsyncClient, origin: str, username: str) -> None:
        self._door, self._origin, self.username = door, origin, username
        self._cookie, self._csrf = "", ""

    async def sign_in(self, password: str, totp_address: str) -> None:
        """Sign in. A code works once: after a restart within its 30 s the next one is used, or waited for.

        Raises:
            Refused: password or codes are wrong, or the account is locked for 15 min.
        """
        totp = pyotp.parse_uri(totp_address)
        assert isinstance(totp, pyotp.TOTP)
        for ahead_s in (0, STEP_S):
            try:
                return await self._sign_in(password, totp.at(int(time.time()) + ahead_s))
            except Refused as refused:
                if refused.status != 401:
                    raise
        await asyncio.sleep(STEP_S + 1 - time.time() % STEP_S)
        return await self._sign_in(password, totp.at(int(time.time()) + STEP_S))

    async def _sign_in(self, password: str, code: str) -> None:
        body = {"username": self.username, "password": password, "totp": code}
        answer = await self._door.post(f"{PREFIX}/sessions", json=body, headers={"Origin": self._origin})
        if answer.status_code >= 400:
            raise Refused(f"POST {PREFIX}/sessions", answer.status_code, answer.json())
        # Many staff share one client, so none of their cookies may stay in its jar.
        name, value = next(iter(answer.cookies.items()))
        self._door.cookies.clear()
        self._cookie, self._csrf = f"{name}={value}", answer.json()["csrf"]

    async def call(
        self, method: str, path: str, body: Json | None = None, query: dict[str, str] | None = None
    ) -> Any:  # JSON
        """One call of the console's API.

        Raises:
            Refused: as the API says.
        """
        return await ask(self._door, method, PREFIX + path, body=body, headers=self._headers(), query=query)

    async def download(self, path: str) -> bytes:
        """A file.

        Raises:
            Refused: as the API says.
        """
        answer = await self._door.get(PREFIX + path, headers=self._headers())
        if answer.status_code >= 400:
            raise Refused(f"GET {PREFIX}{path}", answer.status_code, answer.json())
        return answer.content

    async def every(self, path: str) -> list[Json]:
        """All items of a list, page by page."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = await self.call("GET", path, query=query)
            found += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return found

    def _headers(self) -> dict[str, str]:
        return {"Origin": self._origin, "Cookie": self._cookie, "X-CSRF-Token": self._csrf}
