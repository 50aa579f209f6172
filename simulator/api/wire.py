"""What every endpoint does alike: faults, method, token, body, answer, one line in the journal."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulator import tokens
from simulator.errors import Refusal, refusal, request_id
from simulator.faults import ApiFault, take_api_fault
from simulator.quotas import take
from simulator.world import Account, Kind, World

MAX_BODY_BYTES = 24 * 1024 * 1024
MOST_REFUSALS = 1_000
_MASKED = ("access_token", "secret", "appsecret", "corpsecret", "js_code", "code")
_TOLD_IN_SECRET = ("access_token", "refresh_token", "session_key", "ticket", "phone_info")
# Escapes that a serialiser makes of letters; those of control characters have no other form.
_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\(u(?!00[01])[0-9a-fA-F]{4})")


@dataclass(slots=True)
class Call:
    """One request to one endpoint. `account` is whose token it came with, None where none is needed."""

    world: World
    request: Request
    body: bytes = field(default=b"", repr=False)
    account: Account | None = None
    latency_s: float = 0.0  # injected, and left to the endpoint to spend
    facts: dict[str, Any] = field(default_factory=dict)  # Any: for the journal, JSON

    @property
    def owner(self) -> Account:
        """Whose token the call came with."""
        if self.account is None:
            raise refusal(41001)
        return self.account

    def query(self, name: str) -> str:
        """A parameter of the address, empty when missing."""
        return self.request.query_params.get(name, "")

    @staticmethod
    def refused(refused: Refusal) -> dict[str, Any]:
        """A refusal as the head of an answer that tells more. Any: JSON."""
        return {"errcode": refused.errcode, "errmsg": f"{refused.errmsg} rid: {request_id()}"}


Answer = dict[str, Any] | Response  # Any: whatever JSON can carry
Handler = Callable[[Call], Awaitable[Answer]]
ANYONE = frozenset[Kind]()
BOTH = frozenset(Kind)
OFFICIAL = frozenset({Kind.OFFICIAL})
MINI_PROGRAM = frozenset({Kind.MINI_PROGRAM})


def endpoint(
    app: FastAPI,
    method: str,
    path: str,
    handler: Handler,
    *,
    accounts: frozenset[Kind],
    takes_latency: bool = False,
) -> None:
    """Serve one endpoint; `accounts` may use it with their token, `ANYONE` needs none.

    With `takes_latency` an injected latency passes inside the endpoint, where others meet it.
    """

    app.state.world.paths.add(path)

    async def serve(request: Request) -> Response:
        world: World = request.app.state.world
        began = time.monotonic()
        fault = take_api_fault(world.faults, path)
        call = Call(world, request)
        if fault is not None:
            if takes_latency and not fault.breaks:
                call.latency_s = fault.latency_s
            else:
                await asyncio.sleep(fault.latency_s)
        answer = await _faulty(fault, lambda: _answer(call, path, method, handler, accounts))
        _note(call, path, answer, fault, began)
        return answer

    app.add_route(path, serve, methods=["GET", "POST"], include_in_schema=False)


def answer_json(facts: dict[str, Any]) -> Response:
    """JSON as WeChat writes it: UTF-8, not escaped."""
    body = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return Response(body, media_type="application/json; encoding=utf-8")


def read_json(call: Call) -> dict[str, Any]:
    """The posted object.

    Raises:
        Refusal: 44002 nothing posted, 47001 not a JSON object.
    """
    return _object(call.body)


def read_unescaped(call: Call) -> dict[str, Any]:
    r"""The posted object; a `\uXXXX` in it is not understood but taken letter by letter, and flagged.

    Raises:
        Refusal: 44002 nothing posted, 47001 not a JSON object.
    """
    literal, count = _ESCAPED.subn(rb"\1\\\\\2", call.body)
    if count:
        call.world.journal.flag("escaped_json", path=call.request.url.path, count=count)
    return _object(literal)


def refuse_escapes(call: Call) -> None:
    r"""Refuse a body with `\uXXXX` escapes.

    Raises:
        Refusal: 40033.
    """
    if _ESCAPED.search(call.body):
        call.world.journal.flag("escaped_json", path=call.request.url.path)
        raise refusal(40033)


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise refusal(44002)
    try:
        found = json.loads(body.decode())
    except ValueError:
        raise refusal(47001) from None
    if not isinstance(found, dict):
        raise refusal(47001)
    return found


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise refusal(40009)
    return bytes(body)


async def _answer(
    call: Call, path: str, method: str, handler: Handler, accounts: frozenset[Kind]
) -> Response:
    try:
        if call.request.method != method:
            raise refusal(43001 if method == "GET" else 43002)
        call.body = await _read(call.request)
        if accounts:
            call.account = _owner(call, accounts)
            take(call.account.quotas, path, call.world.clock)
        answer = await handler(call)
    except Refusal as refused:
        return _explained(call, path, refused)
    return answer if isinstance(answer, Response) else answer_json(answer)


def _owner(call: Call, accounts: frozenset[Kind]) -> Account:
    value = call.query("access_token")
    if not value:
        raise refusal(41001)
    problem = refusal(40001)
    for account in call.world.accounts.values():
        found = tokens.check(account.families, value, call.world.clock)
        if found is None:
            if account.kind not in accounts:
                raise refusal(48001)
            return account
        # The account that knows this token says the most exact thing about it.
        problem = found if found.errcode != 40001 else problem
    raise problem


def _explained(call: Call, path: str, refused: Refusal) -> Response:
    told = Call.refused(refused)
    kept = call.world.refusals
    rid = told["errmsg"].rpartition(" rid: ")[2]
    kept[rid] = {
        "app_id": call.account.app_id if call.account else None,
        "invoke_time": int(call.world.clock.now()),
        "cost_in_ms": 1,
        "request_url": path,
        "request_body": json.dumps(_masked_body(call.body), ensure_ascii=False),
        "response_body": json.dumps(told, ensure_ascii=False),
        "client_ip": call.request.client.host if call.request.client else "",
    }
    if len(kept) > MOST_REFUSALS:
        del kept[next(iter(kept))]
    return answer_json(told)


def _refused(refused: Refusal) -> Response:
    return answer_json(Call.refused(refused))


async def _faulty(fault: ApiFault | None, act: Callable[[], Awaitable[Response]]) -> Response:
    if fault is None:
        return await act()
    answer = await act() if fault.after or not fault.breaks else None
    if fault.reset:
        return BrokenAnswer()
    if fault.http_status is not None:
        return Response("<html><body>Bad Gateway</body></html>", fault.http_status, media_type="text/html")
    if fault.errcode is not None:
        return _refused(Refusal(fault.errcode, fault.errmsg))
    return answer or await act()


class BrokenAnswer(Response):
    """Promises more than it sends and then fails, so that the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half an answer."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"errcode', "more_body": True})
        # In one process there is no connection to break: the caller's own library gets its own error.
        raise httpx.ReadError("the simulator broke the connection on purpose")


def _note(call: Call, path: str, answer: Response, fault: ApiFault | None, began: float) -> None:
    told, errcode = _told(answer)
    call.world.journal.note(
        "api",
        path=path,
        method=call.request.method,
        app_id=call.account.app_id if call.account else None,
        query={
            name: "***" if name in _MASKED else value for name, value in call.request.query_params.items()
        },
        body=_masked_body(call.body),
        answer=told,
        errcode=errcode,
        status=answer.status_code,
        latency_ms=round((time.monotonic() - began) * 1000),
        fault=fault.model_dump(exclude_defaults=True) if fault else None,
        **call.facts,
    )


def _told(answer: Response) -> tuple[Any, int | None]:
    """The answer with its secrets masked, and its errcode, 0 when it has none. Any: JSON."""
    content_type = str(answer.headers.get("content-type", ""))
    if not content_type.startswith("application/json") or not answer.body:
        return f"{content_type or 'nothing'}, {len(answer.body)} bytes", None
    told = json.loads(bytes(answer.body))
    masked = {name: "***" if name in _TOLD_IN_SECRET else value for name, value in told.items()}
    return masked, told.get("errcode", 0)


def _masked_body(body: bytes) -> Any:
    # Any: whatever JSON was posted.
    try:
        posted = json.loads(body)
    except ValueError:
        return None if not body else f"{len(body)} bytes"
    if not isinstance(posted, dict):
        return posted
    return {name: "***" if name in _MASKED else value for name, value in posted.items()}
