"""One exchange with a pager: what goes out, and what its answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from app.dispatch.pagers import PAGE_S
from app.notices.sender import Outcome, Verdict

_MAX_BYTES: Final = 64 * 1024
_OPERATOR_S: Final = 300.0  # how soon a mended setting is noticed
_QUOTA_S: Final = 60.0
_RETRY_AFTER_MAX_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is whole and at most 64 KiB."""

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None = None

    def json(self) -> dict[str, Any]:
        """The JSON object of the body, empty when it is none. Any: whatever JSON can carry."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def open_http(*, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The one HTTP client of a process for all pagers; close it at the end.

    No redirects, no proxy from the environment: a page goes to the host that the settings name and nowhere else.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(PAGE_S, connect=1.0),
        limits=httpx.Limits(max_connections=40, max_keepalive_connections=20),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
        transport=transport,
    )


def as_json(body: Mapping[str, object]) -> bytes:
    """The bytes that are sent and signed."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
) -> Answer | None:
    """One request and its whole answer; None when there was no answer in time, or one longer than 64 KiB."""
    told = {"Content-Type": "application/json; charset=utf-8"} if content is not None else {}
    try:
        async with (
            asyncio.timeout(PAGE_S),
            http.stream(
                method, url, content=content, headers=told | dict(headers or {}), params=params
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BYTES:
                    return None
            return Answer(
                response.status_code, bytes(body), _seconds(response.headers.get("Retry-After", ""))
            )
    # Not re-raised: httpx's exceptions hold the request, and its address may hold a token.
    except (httpx.RequestError, TimeoutError):
        return None


def _seconds(told: str) -> float | None:
    return (
        min(float(told), _RETRY_AFTER_MAX_S) if told.isascii() and told.isdigit() and len(told) < 9 else None
    )


def read(answer: Answer | None) -> Outcome:
    """What an HTTP answer means. Our receivers dedupe by the page's id, so silence is simply tried again.

    2xx, and 409 for a repeat: it has it. 404 and 410: it knows no such badge. 401 and 403: an operator must
    look. 429: it asks for quiet. Any other 4xx, and a redirect: our fault.
    """
    if answer is None:
        return Outcome(Verdict.RETRY, reading="unreachable")
    status = answer.status
    if 200 <= status < 300 or status == httpx.codes.CONFLICT:
        return Outcome(Verdict.SENT, status)
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        return Outcome(Verdict.REFUSED, status, "unknown_badge")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Outcome(Verdict.STOP, status, "operator", _OPERATOR_S)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Outcome(Verdict.STOP, status, "wait_quota", answer.retry_after_s or _QUOTA_S)
    if status >= 500:
        return Outcome(Verdict.RETRY, status, "unreachable")
    return Outcome(Verdict.DEAD, status, "our_fault")
