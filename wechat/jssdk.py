"""The JS-SDK's signature for pages of ours that open inside WeChat: GET /wechat/jssdk?url=...

Only pages of our own public address are signed: whoever has a signature may call WeChat's functions in our name.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from app.settings import Settings
from wechat.access_token import Shared
from wechat.client import WeChatClient
from wechat.errors import WeChatError, WeChatUnreachable

log = structlog.get_logger()

PATH: Final = "/wechat/jssdk"
URL_MAX: Final = 2000
_API: Final = "getticket"
_RETRY_AFTER_S: Final = 5


class JsapiTicket(Shared):
    """The ticket of the Official Account, one for all processes."""

    def __init__(self, client: WeChatClient, app_id: str, valkey: Any) -> None:  # Any: as in `Shared`
        async def ask() -> tuple[str, int]:
            facts = await client.call(_API, "GET", "/cgi-bin/ticket/getticket", params={"type": "jsapi"})
            ticket, life_s = facts.get("ticket"), str(facts.get("expires_in"))
            if not isinstance(ticket, str) or not ticket or not life_s.isdecimal():
                raise WeChatUnreachable(_API, sent=True, cause="an answer without a ticket")
            return ticket, int(life_s)

        super().__init__(valkey, app_id, "ticket", "ticket_lock", ask)
        self._asks_again_at = -math.inf  # monotonic

    async def get(self) -> str:
        """As `Shared.get`; once refused, WeChat is asked again after 5 s: anybody may call, and its quota is ours."""
        if time.monotonic() < self._asks_again_at:
            raise WeChatUnreachable(_API, sent=False, cause="refused a moment ago")
        try:
            return await super().get()
        except WeChatError:
            self._asks_again_at = time.monotonic() + _RETRY_AFTER_S
            raise


def sign(ticket: str, url: str, *, nonce: str, timestamp: int) -> str:
    """SHA-1 over ticket, nonce, time and the page's address without its fragment, as WeChat's reference has it."""
    page = url.partition("#")[0]
    said = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
    return hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()


def is_ours(url: str, origin: str) -> bool:
    """Whether a page stands at our public address: scheme, host and port alike, nothing before the host.

    What is signed is joined without lengths: a page with `&url=` in its address could be read as one of somebody else.
    """
    if len(url) > URL_MAX or "&url=" in url or any(ord(c) <= 32 or c == "\\" for c in url):
        return False
    try:
        page, own = urlsplit(url), urlsplit(origin)
        return (page.scheme, page.netloc) == (own.scheme, own.netloc) and page.path.startswith("/")
    except ValueError:
        return False


def router(settings: Settings) -> APIRouter:
    """The route. A plain one: it answers pages of ours, no client of the API."""

    async def get_signature(request: Request) -> Response:
        url = request.query_params.get("url", "")
        if not is_ours(url, settings.public_origin):
            return _said(
                400, {"detail": f"only pages under {settings.public_origin}/ are signed: give ?url="}
            )
        try:
            ticket = await _ticket_of(request, settings).get()
        except WeChatError as error:
            log.warning("jssdk_without_ticket", error=type(error).__name__)
            return _said(503, {"detail": "WeChat gives no ticket now, try again"}, retry=True)
        nonce, timestamp = secrets.token_urlsafe(12), int(time.time())
        signature = sign(ticket, url, nonce=nonce, timestamp=timestamp)
        return _said(
            200,
            {
                "app_id": settings.wechat_app_id,
                "timestamp": timestamp,
                "nonce": nonce,
                "signature": signature,
            },
        )

    api = APIRouter()
    api.add_route(PATH, get_signature, methods=["GET"], include_in_schema=False)
    return api


def _ticket_of(request: Request, settings: Settings) -> JsapiTicket:
    state = request.app.state
    if not hasattr(state, "jsapi_ticket"):
        state.jsapi_ticket = JsapiTicket(state.wechat_official, settings.wechat_app_id, state.runtime.valkey)
    ticket: JsapiTicket = state.jsapi_ticket
    return ticket


def _said(status: int, facts: dict[str, Any], *, retry: bool = False) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(_RETRY_AFTER_S)} if retry else {})
    return JSONResponse(facts, status, headers=headers)
