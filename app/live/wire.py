"""One WebSocket as ASGI carries it, and how the hub writes to it without a coroutine.

Of uvicorn's `websockets-sansio` protocol a broadcast uses the transport itself: a server's frame is not
masked, so its bytes are the same for every socket and are made once. RFC 7692 lets any message go
uncompressed, also where compression was agreed on. Any other server gets the ASGI event, as ever.
Why: docs/decisions/0008-frames-past-asgi.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TEXT = 0x81  # the last part of a text, RFC 6455


class Gone(Exception):
    """The peer has hung up."""


class SocketsFirst:
    """Middleware, outermost: sockets of these paths meet their door at once, the rest goes its way.

    What a framework keeps around an open socket costs memory for as long as it is open, and hides the server's `send`.
    """

    def __init__(self, app: App, sockets: Mapping[str, App]) -> None:
        self._app, self._sockets = app, sockets

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """No coroutine of its own."""
        door = self._sockets.get(scope["path"]) if scope["type"] == "websocket" else None
        return (door or self._app)(scope, receive, send)


class Wire:
    """One connection. It is a Port of the hub once it is accepted."""

    __slots__ = ("_protocol", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        protocol = getattr(send, "__self__", None)
        known = all(
            hasattr(protocol, name) for name in ("transport", "writable", "close_sent", "disconnected")
        )
        self._protocol: Any = protocol if known else None  # uvicorn gives its protocols no public type

    async def accept(self) -> None:
        """Let the peer in."""
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept", "headers": []})

    async def refuse(self) -> None:
        """403 instead of an upgrade."""
        await self._receive()
        await self._send({"type": "websocket.close"})

    async def receive(self, *, at_most: int) -> bytes | None:
        """The next message; None when it has more than `at_most` bytes.

        Raises:
            Gone: there will be none.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        said = message.get("bytes") or (message.get("text") or "").encode("utf-8", "surrogatepass")
        return bytes(said) if len(said) <= at_most else None

    def send_now(self, frame: bytes) -> bool:
        """Send without waiting, or do nothing and answer False.

        Raises:
            ConnectionError: the peer has hung up, or we have.
        """
        protocol = self._protocol
        if protocol is None or not protocol.writable.is_set():
            return False
        transport = protocol.transport
        if protocol.close_sent or protocol.disconnected or transport.is_closing():
            raise ConnectionError("the socket is closed")
        transport.write(_encoded(frame))
        return True

    async def send(self, frame: bytes) -> None:
        """One text frame; waits while the network is full."""
        await self._send({"type": "websocket.send", "text": frame.decode()})

    async def close(self, code: int, reason: str) -> None:
        """Close with a code."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class _Last:
    frame: bytes = b""
    encoded: bytes = bytes((_TEXT, 0))


def _encoded(frame: bytes) -> bytes:
    """As bytes on the network; made once while the same frame goes to one socket after the other."""
    if frame is not _Last.frame:
        _Last.frame, _Last.encoded = frame, _head(len(frame)) + frame
    return _Last.encoded


def _head(size: int) -> bytes:
    if size < 126:
        return bytes((_TEXT, size))
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big")
