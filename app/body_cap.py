"""No request body is read beyond a cap, before anybody is asked who they are."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 256 * 1024
"""Bytes of a request body: a station's boundary is the largest; WeChat's callback has its own, smaller cap."""


class BodyCap:
    """Refuses with 413 what says it is larger, and stops reading what turns out to be."""

    def __init__(self, app: ASGIApp, limit: int = BODY_MAX) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise HTTPException(413, f"a body may have {self._limit} bytes")
            return message

        await self._app(scope, counted if _fits(scope, self._limit) else _refused(self._limit), send)


def _fits(scope: Scope, limit: int) -> bool:
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return not said.isdigit() or int(said) <= limit


def _refused(limit: int) -> Receive:
    async def receive() -> Message:
        raise HTTPException(413, f"a body may have {limit} bytes")

    return receive
