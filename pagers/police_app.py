"""The police's own app: a signed HTTP webhook.

`POST` of `{"id", "badge", "station", "words"}`. `X-Didi-Timestamp` is Unix seconds, `X-Didi-Signature` is
`v1=` and the hex HMAC-SHA256, under the shared key, of the timestamp, a full stop and the body as sent. The receiver compares
in constant time, refuses what is over 5 minutes old, and takes the same `id` once.
"""

from __future__ import annotations

import hashlib
import hmac

import httpx

from app.dispatch.pagers import Page, PagerKind
from app.kit.clock import utc_now
from app.notices.sender import Outcome
from pagers.wire import as_json, exchange, read


class PoliceApp:
    """Pages by the police app's server."""

    kind = PagerKind.POLICE_APP

    def __init__(self, http: httpx.AsyncClient, url: str, key: str) -> None:
        self._http, self._url, self._key = http, url, key.encode()

    async def page(self, page: Page) -> Outcome:
        """One signed request."""
        body = as_json({"id": page.id, "badge": page.badge, "station": page.station, "words": page.words})
        stamp = str(int(utc_now().timestamp()))
        headers = {"X-Didi-Timestamp": stamp, "X-Didi-Signature": f"v1={signature(self._key, stamp, body)}"}
        return read(await exchange(self._http, "POST", self._url, content=body, headers=headers))


def signature(key: bytes, stamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of `stamp.body`."""
    return hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
