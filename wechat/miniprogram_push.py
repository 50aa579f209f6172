"""The mini-program's message push: consents to its subscription messages, what became of them, authorisation taken back.

Set in its console to safe mode and XML. Everything else that it pushes is acknowledged and has no effect. What
cannot be written down is refused, so that WeChat pushes it again.
"""

from __future__ import annotations

import time
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from app.events.edge import transaction
from app.inbox.service import first_time, key_of, remember
from app.kit.metrics import CALLBACKS
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.settings import Settings
from wechat.callback import SUCCESS, read_body
from wechat.guard import Keys, Rejected, echo, open_envelope
from wechat.messages import AuthorizationRevokedEvent, SubscriptionEvent
from wechat.notice_events import note_event
from wechat.pushes import read_message
from wechat.revoked import withdraw

log = structlog.get_logger()

PATH: Final = "/wechat/miniprogram"


def router(settings: Settings) -> APIRouter:
    """The two routes; none when no token is set."""
    api = APIRouter()
    if settings.miniprogram_push_token is None or settings.miniprogram_push_aes_key is None:
        return api
    keys = Keys(
        token=settings.miniprogram_push_token,
        aes_key=settings.miniprogram_push_aes_key.get_secret_value(),
        app_id=settings.miniprogram_app_id,
    )

    async def get_push(request: Request) -> Response:
        try:
            return PlainTextResponse(echo(request.query_params, keys.token))
        except Rejected as rejected:
            return _refused(rejected)

    async def post_push(request: Request) -> Response:
        try:
            body = await read_body(request)
            clear = open_envelope(body, request.query_params, keys, now_s=int(time.time()), own_id=None)
            event = read_message(clear)
        except Rejected as rejected:
            return _refused(rejected)
        if isinstance(event, SubscriptionEvent | AuthorizationRevokedEvent):
            try:
                await _note(request.app.state.runtime, event)
            except Exception as error:
                log.error("miniprogram_push_failed", error=type(error).__name__)
                CALLBACKS.labels("failed").inc()
                return PlainTextResponse("", 503)
        CALLBACKS.labels("noted").inc()
        return PlainTextResponse(SUCCESS)

    api.add_route(PATH, get_push, methods=["GET"], include_in_schema=False)
    api.add_route(PATH, post_push, methods=["POST"], include_in_schema=False)
    return api


async def _note(runtime: Runtime, event: SubscriptionEvent | AuthorizationRevokedEvent) -> None:
    key = key_of("miniprogram", f"{event.recipient}\0{event.dedupe_key}")
    async with transaction(runtime) as db:
        if (await first_time(db, key)).repeat:
            return
        if isinstance(event, AuthorizationRevokedEvent):
            await withdraw(db, runtime, event, Channel.SUBSCRIPTION)
        else:
            await note_event(db, runtime, event, Channel.SUBSCRIPTION)
        await remember(db, key, None)


def _refused(rejected: Rejected) -> Response:
    CALLBACKS.labels(f"refused_{rejected.reason}").inc()
    return PlainTextResponse("", rejected.status)
