"""Free ports on loopback, and trying again when somebody takes one between the look and the start."""

from __future__ import annotations

import socket
from collections.abc import Callable

from app.kit.embedded.daemon import Remembered

_TRIES = 3


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_free_port(known: Remembered | None, attempt: Callable[[int], bool]) -> bool:
    """Try the remembered port if it is free, else another; up to three while a port was taken meanwhile."""
    port = known.port if known is not None and _is_free(known.port) else free_port()
    for _ in range(_TRIES):
        if attempt(port):
            return True
        if _is_free(port):
            return False  # the port was not the reason
        port = free_port()
    return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: connections that linger after a stop do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
