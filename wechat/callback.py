"""GET echo, POST message: verify, decrypt, drop repeats, answer inside 5 s.

WeChat hangs up after 5 s and sends the message again, up to three times, with the same id. Here every
message is answered within 4 s. The work goes on when it takes longer, and is waited for at shutdown; a
repeat of a message waits for the first to end and is given its answer.

One transaction holds the message's key with its reply, the draft, the case and the events. Whether words
mean danger is judged before any store is asked, so that "call 110" is said with both of them down. The messages
of one person are taken one by one, and danger does not stand in that line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from starlette.datastructures import State
from starlette.responses import PlainTextResponse

from app.events.edge import transaction
from app.inbox.service import first_time, key_of, remember
from app.kit.errors import AppError, Unavailable
from app.kit.lanes import lane
from app.kit.metrics import CALLBACK_SECONDS, CALLBACKS
from app.kit.runtime import Runtime
from app.settings import Settings
from app.tracking.service import Ingest
from wechat import replies
from wechat.conversation import advance, is_emergency
from wechat.first_sight import Followers, introduce
from wechat.guard import MAX_BODY_BYTES, Keys, Rejected, RejectReason, echo, open_envelope, seal
from wechat.intents import language_of
from wechat.messages import (
    AuthorizationRevokedEvent,
    Incoming,
    LocationEvent,
    TextMessage,
    UnknownMessage,
    ViewEvent,
    text_reply,
)
from wechat.notice_events import NOTICE_EVENTS, note_event
from wechat.officer_positions import Positions
from wechat.pushes import read_message
from wechat.revoked import withdraw

log = structlog.get_logger()

PATH: Final = "/wechat/callback"
DEADLINE_S: Final = 4.0
EMERGENCY_S: Final = 1.5  # who is in danger does not wait for a slow store
SUCCESS: Final = "success"  # in clear also in safe mode: nothing is shown, nothing sent again

_UNANSWERED: Final = (*NOTICE_EVENTS, AuthorizationRevokedEvent)
"""Written down, introducing nobody and saying nothing: nobody wrote."""
_NOT_DONE: Final = ("unavailable", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say (None: nothing) and how it went, for the counter."""

    text: str | None
    outcome: str


def router(
    settings: Settings, *, deadline_s: float = DEADLINE_S, emergency_s: float = EMERGENCY_S
) -> APIRouter:
    """The two routes. Plain Starlette ones: WeChat's XML is no part of the OpenAPI of our clients."""
    previous = settings.wechat_aes_key_previous
    keys = Keys(
        token=settings.wechat_token,
        aes_key=settings.wechat_aes_key.get_secret_value(),
        app_id=settings.wechat_app_id,
        previous_aes_key=previous.get_secret_value() if previous else None,
    )

    positions = Positions()

    async def get_callback(request: Request) -> Response:
        try:
            return PlainTextResponse(echo(request.query_params, keys.token))
        except Rejected as rejected:
            return _refused(rejected)

    async def post_callback(request: Request) -> Response:
        began = time.monotonic()
        try:
            async with asyncio.timeout(deadline_s):
                body = await read_body(request)
            message = read_message(_opened(body, request.query_params))
        except Rejected as rejected:
            return _refused(rejected)
        except TimeoutError:
            return _refused(Rejected(RejectReason.MALFORMED))
        if isinstance(message, LocationEvent):
            answer = _followed(request.app.state, positions, message)
        elif _is_without_effect(message):
            answer = Answer(None, "no_effect")
        else:
            left_s = (emergency_s if is_emergency(message) else deadline_s) - (time.monotonic() - began)
            official = getattr(request.app.state, "wechat_official", None)
            answer = await _answer(request.app.state.runtime, official, message, within_s=left_s)
        CALLBACKS.labels(answer.outcome).inc()
        CALLBACK_SECONDS.observe(time.monotonic() - began)
        return _response(message, answer, sealed=_is_safe(request.query_params))

    def _opened(body: bytes, query: Mapping[str, str]) -> bytes:
        return open_envelope(
            body, query, keys, now_s=int(time.time()), own_id=settings.wechat_original_id,
            allow_plain=settings.wechat_plain,
        )  # fmt: skip

    def _response(message: Incoming, answer: Answer, *, sealed: bool) -> Response:
        if isinstance(message, AuthorizationRevokedEvent) and answer.outcome in _NOT_DONE:
            return PlainTextResponse(
                "", 503
            )  # nobody waits for a word, and it must not be lost: WeChat tells again
        if answer.text is None:
            return PlainTextResponse(SUCCESS)
        now_s = int(time.time())
        xml = text_reply(message.sender, message.recipient, answer.text, now_s=now_s)
        return Response(seal(xml, keys, now_s=now_s) if sealed else xml, media_type="application/xml")

    api = APIRouter()
    api.add_route(PATH, get_callback, methods=["GET"], include_in_schema=False)
    api.add_route(PATH, post_callback, methods=["POST"], include_in_schema=False)
    return api


def _followed(state: State, positions: Positions, event: LocationEvent) -> Answer:
    """WeChat takes no answer to a position but `success`, so it has it at once."""
    ingest: Ingest | None = getattr(state, "ingest", None)
    if ingest is None or not positions.take(state.runtime, ingest, event):
        return Answer(None, "position_dropped")
    return Answer(None, "position")


def _is_without_effect(message: Incoming) -> bool:
    """What nobody waits for an answer to. What a person sent on purpose is answered, of whatever kind it is."""
    if isinstance(message, UnknownMessage):
        return message.is_event
    return isinstance(message, ViewEvent)


def _is_safe(query: Mapping[str, str]) -> bool:
    return "msg_signature" in query or query.get("encrypt_type") == "aes"


def _refused(rejected: Rejected) -> Response:
    CALLBACKS.labels(f"refused_{rejected.reason}").inc()
    return PlainTextResponse("", rejected.status)


async def read_body(request: Request) -> bytes:
    """The body, refused as soon as it is too large: it is never held whole."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Rejected(RejectReason.OVERSIZE)
    return bytes(body)


async def _answer(
    runtime: Runtime, official: Followers | None, message: Incoming, *, within_s: float
) -> Answer:
    """The answer, or what to say when it is not there in time; the work goes on in any case."""
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    runtime.after(_work(runtime, official, message, answered), what="wechat_callback")
    done, _ = await asyncio.wait({answered}, timeout=max(0.0, within_s))
    if done:
        return answered.result()
    answered.add_done_callback(_log_late)
    return Answer(_without_stores(message, replies.BUSY), "late")


async def _work(
    runtime: Runtime, official: Followers | None, message: Incoming, answered: asyncio.Future[Answer]
) -> None:
    try:
        async with lane(runtime, (message.sender, is_emergency(message)), at_once=1):
            # Who is in danger does not wait for an introduction.
            if not is_emergency(message) and not isinstance(message, _UNANSWERED):
                await introduce(runtime, official, message.sender)
            answer = await _acted(runtime, message)
    except Unavailable as error:
        log.error("wechat_message_not_taken", error=error.code, detail=error.detail)
        answer = Answer(_without_stores(message, replies.DOWN), "unavailable")
    except AppError as error:
        log.warning("wechat_message_refused", error=error.code)
        said = error.message_en if _language(message) == "en" else error.message
        answer = Answer(_without_stores(message, replies.Line(said, said)), "refused")
    except Exception as error:
        # Stores down, or our fault: WeChat must not be left to send it again and again.
        log.error("wechat_message_failed", error=type(error).__name__, cause=type(error.__cause__).__name__)
        answer = Answer(_without_stores(message, replies.DOWN), "failed")
    if not answered.done():
        answered.set_result(answer)


async def _acted(runtime: Runtime, message: Incoming) -> Answer:
    """Act on the message once; a repeat is given the first answer."""
    # Whose it is and whether it is danger, too: were a number ever used twice, nobody gets another's answer, and a call
    # for help is not answered as the small talk before it.
    parts = (message.recipient, message.sender, message.dedupe_key, "danger" if is_emergency(message) else "")
    key = key_of("wechat", "\0".join(parts))
    async with transaction(runtime) as db:
        seen = await first_time(db, key)
        if seen.repeat:
            return Answer(seen.reply, "repeat")
        if isinstance(message, NOTICE_EVENTS):
            await note_event(db, runtime, message)
            text = None
        elif isinstance(message, AuthorizationRevokedEvent):
            await withdraw(db, runtime, message)
            text = None
        else:
            text = await advance(db, runtime, message)
        await remember(db, key, text)
    return Answer(text, "answered")


def _without_stores(message: Incoming, otherwise: replies.Line) -> str | None:
    """What can be said without knowing anything: to a call for help that 110 helps, else `otherwise`.

    To an event that nobody wrote nothing.
    """
    if isinstance(message, _UNANSWERED):
        return None
    line = replies.CALL_110 if is_emergency(message) else otherwise
    return line.say(_language(message))


def _language(message: Incoming) -> str:
    return (language_of(message.text) if isinstance(message, TextMessage) else None) or "zh"


def _log_late(answered: asyncio.Future[Answer]) -> None:
    if not answered.cancelled():
        log.warning("wechat_message_answered_late", outcome=answered.result().outcome)
