"""A message between processes: encoded once where it is published, never again on its way to a phone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

RESUME = b'{"type":"resume","within_s":2}'
"""The frame that tells a client to read its snapshot again, at a random moment within that many seconds."""

_BODY = b',"body":'  # json.dumps escapes quotes, so no topic can hold this


@dataclass(frozen=True, slots=True)
class Envelope:
    """`frame` is the body as the client gets it. No topics: for every socket."""

    topics: tuple[str, ...]
    newest: str | None
    epoch: int | None
    fresh: bool
    frame: bytes


def encode(
    topics: list[str], body: dict[str, Any], *, newest: str | None = None, fresh: bool = False
) -> bytes:
    """One line of UTF-8 JSON: {"topics", "newest", "epoch", "fresh", "body"}, the body last.

    Raises:
        ValueError: the body has no "type".
    """
    if not isinstance(body.get("type"), str):
        raise ValueError('the body of a live message needs a "type": clients tell messages apart by it')
    head = {"topics": topics, "newest": newest, "epoch": body.get("epoch"), "fresh": fresh}
    return _json(head)[:-1] + _BODY + _json(body) + b"}"


def encode_resume() -> bytes:
    """The message by which every socket of a gateway is told to resume."""
    return (
        _json({"topics": [], "newest": "resume", "epoch": None, "fresh": True})[:-1] + _BODY + RESUME + b"}"
    )


def decode(raw: bytes) -> Envelope:
    """Read the head; the body is not parsed.

    Raises:
        ValueError: not one of ours.
    """
    at = raw.find(_BODY)
    if at < 0:
        raise ValueError("a live message without a body")
    head = json.loads(raw[:at] + b"}")
    return Envelope(
        tuple(head["topics"]), head["newest"], head["epoch"], head["fresh"], raw[at + len(_BODY) : -1]
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
