"""The simulated WeChat: people are made there, write to the account, and sign in to the mini-program."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from demo.city import Spot
from demo.doors.http import Json, ask

_NUMBER = re.compile(r"[0-9]{3}-[0-9]{3}-[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the account answered, and the longest that WeChat waited for it, in seconds."""

    text: str
    latency_s: float

    @property
    def number(self) -> str | None:
        """The case number in the answer."""
        return number_in(self.text)


def number_in(text: str) -> str | None:
    """The first case number of a text, as people read it aloud: 482-915-3067."""
    found = _NUMBER.search(text)
    return found[0] if found else None


class Chat:
    """Acts of people in the simulated WeChat."""

    def __init__(self, door: httpx.AsyncClient) -> None:
        self._door = door

    async def person(self, user_id: str, name: str) -> None:
        """Make a person; the same id is the same person in every run."""
        await ask(self._door, "POST", "/__wechat__/users", body={"id": user_id, "name": name})

    async def login_code(self, user_id: str) -> str:
        """A code of wx.login: it works once, for 5 minutes."""
        told = await ask(self._door, "POST", f"/__wechat__/users/{user_id}/login-code")
        return str(told["code"])

    async def write(self, user_id: str, text: str) -> Reply:
        """Write to the account."""
        return await self._send(user_id, {"kind": "text", "text": text})

    async def send_place(self, user_id: str, at: Spot, label: str = "") -> Reply:
        """Send a location."""
        place: Json = {"kind": "location", "lat": at.lat, "lng": at.lng, "datum": "wgs84", "label": label}
        return await self._send(user_id, place)

    async def _send(self, user_id: str, act: Json) -> Reply:
        told = await ask(self._door, "POST", f"/__wechat__/users/{user_id}/send", body=act)
        latencies = [float(attempt["latency_ms"]) / 1000 for attempt in told["attempts"]]
        return Reply(told["text"] or "", max(latencies, default=0.0))

    async def messages(self, user_id: str) -> list[Json]:
        """Everything in the person's chat, oldest first."""
        told = await ask(self._door, "GET", f"/__wechat__/users/{user_id}/messages")
        entries: list[Json] = told["entries"] if isinstance(told, dict) else told
        return entries
