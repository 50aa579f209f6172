"""The desk's loudspeaker: a device or server that speaks, or the board itself, which reads the badge aloud."""

from __future__ import annotations

from typing import Final

import httpx

from app.dispatch.pagers import Page, PagerKind
from app.kit.runtime import Runtime
from app.live.publish import publish
from app.notices.sender import Outcome, Verdict
from app.stations.registry import registry
from pagers.wire import as_json, exchange, read

BOARD: Final = "board"
"""In place of an address: the desk's board speaks."""


class Loudspeaker:
    """`POST` of `{"id", "station", "badge", "say"}`, with `Authorization: Bearer` when there is a token."""

    kind = PagerKind.LOUDSPEAKER

    def __init__(self, http: httpx.AsyncClient, url: str, token: str | None) -> None:
        self._http, self._url, self._token = http, url, token

    async def page(self, page: Page) -> Outcome:
        """One request."""
        body = as_json({"id": page.id, "station": page.station, "badge": page.badge, "say": page.words})
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return read(await exchange(self._http, "POST", self._url, content=body, headers=headers))


class BoardLoudspeaker:
    """The desk's live topic: `{"type": "page", "id", "badge", "words"}` to the boards of the officer's station."""

    kind = PagerKind.LOUDSPEAKER

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def page(self, page: Page) -> Outcome:
        """Tell the boards. Nobody says whether one is open."""
        station = (await registry(self._runtime)).by_code(page.station)
        if station is None:
            return Outcome(Verdict.REFUSED, reading="unknown_station")
        body = {"type": "page", "id": page.id, "badge": page.badge, "words": page.words}
        await publish(self._runtime, [f"desk:{station.id}"], body)
        return Outcome(Verdict.SENT)
