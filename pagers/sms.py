"""An SMS gateway that knows its officers by badge.

`POST` of `{"id", "badge", "station", "text"}` with `Authorization: Bearer`. The gateway keeps the phone numbers:
ours never leave.
"""

from __future__ import annotations

import httpx

from app.dispatch.pagers import Page, PagerKind
from app.notices.sender import Outcome
from pagers.wire import as_json, exchange, read


class SmsGateway:
    """Pages by text message."""

    kind = PagerKind.SMS

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http, self._url, self._token = http, url, token

    async def page(self, page: Page) -> Outcome:
        """One request."""
        body = as_json({"id": page.id, "badge": page.badge, "station": page.station, "text": page.words})
        headers = {"Authorization": f"Bearer {self._token}"}
        return read(await exchange(self._http, "POST", self._url, content=body, headers=headers))
