"""One exchange with WeChat's API: what goes out, what came back, and whether it was an answer."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from wechat.errors import AnswerTooLarge, Reading, WeChatRefused, WeChatUnreachable, read_code

_MAX_JSON_BYTES: Final = 1024 * 1024
_TOTAL_S: Final = 30.0  # against an answer that trickles: httpx's time-outs are per read

# Raised before anything left this machine, so a repeat cannot be a duplicate.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_RID: Final = re.compile(r"rid: ([0-9a-zA-Z-]{1,64})")
# The address that is not on WeChat's list, or the template's key that does not fit.
_HINT: Final = re.compile(r"invalid ip ([0-9a-fA-F.:]{3,45})|\bdata\.([a-z_]{1,32}[0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Account:
    """An Official Account or a mini-program; each has its own token, quotas and openids."""

    app_id: str
    app_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; `body` is whole and not longer than was asked for."""

    status: int
    content_type: str
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON whatever its declared type, None when it is not JSON."""
        try:
            return json.loads(self.body, strict=False)
        except ValueError:
            return None

    @property
    def is_file(self) -> bool:
        """Whether this is a file and not a JSON answer: WeChat uses one address for both."""
        if self.content_type.startswith(("application/json", "text/plain")):
            return False
        return not (self.body.lstrip()[:1] == b"{" and isinstance(self.json(), dict))

    @property
    def errcode(self) -> int:
        """WeChat's error code; 0 when it names none."""
        if self.status != httpx.codes.OK or self.is_file:
            return 0
        facts = self.json()
        try:
            return int(facts.get("errcode", 0)) if isinstance(facts, dict) else 0
        except (TypeError, ValueError):
            return 0


def open_http(api_base: str, *, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The one HTTP client of a process for WeChat's API; close it at the end.

    5 s for an answer, 2 s to connect. No proxy or certificate settings from the environment, no
    redirects: an access token goes to `api_base` and nowhere else.
    """
    return httpx.AsyncClient(
        base_url=api_base,
        timeout=httpx.Timeout(5, connect=2),
        # An idle connection that the other side closes just as we write leaves a send in doubt: drop it first.
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=2.0),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
        transport=transport,
    )


async def exchange(
    http: httpx.AsyncClient,
    api: str,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Any = None,  # any JSON value
    max_bytes: int = _MAX_JSON_BYTES,
) -> Answer:
    """Send one request and read its answer to the end, refusal or not.

    Raises:
        WeChatUnreachable: no answer.
        AnswerTooLarge: more than `max_bytes`.
    """
    content, headers = None, {}
    if body is not None:
        # Old endpoints store or refuse `\\uXXXX`, so the characters go as they are.
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        content, headers = text.encode("utf-8", "replace"), {"Content-Type": "application/json"}
    try:
        async with (
            asyncio.timeout(_TOTAL_S),
            http.stream(method, path, params=params, content=content, headers=headers) as response,
        ):
            return Answer(
                response.status_code,
                response.headers.get("Content-Type", "").lower(),
                await _read(api, response, max_bytes),
            )
    # `from None`: httpx's exceptions hold the request, and its address holds the token.
    except _NOT_SENT as cause:
        raise WeChatUnreachable(api, sent=False, cause=type(cause).__name__) from None
    except (httpx.RequestError, TimeoutError) as cause:
        raise WeChatUnreachable(api, sent=True, cause=type(cause).__name__) from None


def facts_of(api: str, answer: Answer) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        WeChatRefused: an error code; a repeat that WeChat already has (45065) is a success.
        WeChatUnreachable: not WeChat's form: an error page, a gateway's answer.
    """
    if answer.status != httpx.codes.OK:
        raise WeChatUnreachable(api, sent=True, cause=f"HTTP {answer.status}")
    facts = answer.json()
    if not isinstance(facts, dict):
        raise WeChatUnreachable(api, sent=True, cause="an answer that is not a JSON object")
    code = answer.errcode
    if code == 0 or read_code(code).reading is Reading.DONE:
        return facts
    said = str(facts.get("errmsg", ""))
    rid, hint = _RID.search(said), _HINT.search(said)
    raise WeChatRefused(
        api,
        code,
        rid=rid[1] if rid else None,
        hint=(hint[1] or hint[2]) if hint else None,
    )


async def _read(api: str, response: httpx.Response, max_bytes: int) -> bytes:
    declared = response.headers.get("Content-Length", "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise AnswerTooLarge(api, max_bytes=max_bytes)
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLarge(api, max_bytes=max_bytes)
    return bytes(body)
