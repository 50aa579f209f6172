"""WeCom: an application's message to one member, whose userid in WeCom is the badge.

Source: WeCom's developer documentation, "Send application messages" (path 90236) and "Get access_token" (path
91039). A token is valid for 2 h and the same for everyone who asks meanwhile, so each process may ask for itself. The
group robot is not used: a group would read who is called.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import httpx

from app.dispatch.pagers import Page, PagerKind
from app.notices.sender import Outcome, Verdict
from pagers.wire import Answer, as_json, exchange, read

_SPARE_S: Final = 300.0
_OPERATOR_S: Final = 300.0
_MINUTE_S: Final = 60.0
_BAD_TOKEN: Final = frozenset({40001, 40014, 41001, 42001})
_UNKNOWN: Final = frozenset({40003, 60111, 81013})  # no such member, or not in the application's sight
_BUSY: Final = frozenset({-1})
_QUOTA: Final = frozenset({45009, 45033})


class WeCom:
    """Pages by a message of one application."""

    kind = PagerKind.WECOM

    def __init__(
        self, http: httpx.AsyncClient, api_base: str, *, corp_id: str, agent_id: int, secret: str
    ) -> None:
        self._http, self._base = http, api_base.rstrip("/")
        self._corp_id, self._agent_id, self._secret = corp_id, agent_id, secret
        self._token, self._until = "", 0.0
        self._one = asyncio.Lock()

    async def page(self, page: Page) -> Outcome:
        """Send one text; once more with a new token when the one we had was no longer good."""
        for _ in range(2):
            token = await self._token_now()
            if isinstance(token, Outcome):
                return token
            answer = await self._send(page, token)
            if answer is None or answer.json().get("errcode") not in _BAD_TOKEN:
                return _read(answer)
            self._drop(token)
        return Outcome(Verdict.STOP, reading="refresh", stop_s=_MINUTE_S)

    async def _send(self, page: Page, token: str) -> Answer | None:
        # `station` tells members of one badge apart no further here: userids are unique in the corporation.
        body = as_json(
            {
                "touser": page.badge,
                "msgtype": "text",
                "agentid": self._agent_id,
                "text": {"content": page.words},
                "safe": 0,
                "enable_id_trans": 0,
                # Not WeCom's own check for repeats: it goes by the words, and every page has the same.
                "enable_duplicate_check": 0,
            }
        )
        url = f"{self._base}/cgi-bin/message/send"
        return await exchange(self._http, "POST", url, content=body, params={"access_token": token})

    async def _token_now(self) -> str | Outcome:
        """The token in hand, or a new one, asked for once however many wait; an Outcome when there is none."""
        async with self._one:
            if self._token and time.monotonic() < self._until:
                return self._token
            params = {"corpid": self._corp_id, "corpsecret": self._secret}
            answer = await exchange(self._http, "GET", f"{self._base}/cgi-bin/gettoken", params=params)
            told = answer.json() if answer else {}
            token, expires_in = told.get("access_token"), told.get("expires_in")
            if not isinstance(token, str) or not token or not isinstance(expires_in, int):
                return _read(answer) if answer is None else Outcome(
                    Verdict.STOP, _code(answer), "operator", _OPERATOR_S
                )  # fmt: skip
            self._token, self._until = token, time.monotonic() + max(30.0, expires_in - _SPARE_S)
            return token

    def _drop(self, token: str) -> None:
        if self._token == token:
            self._token = ""


def _code(answer: Answer) -> int | None:
    code = answer.json().get("errcode")
    return code if isinstance(code, int) else None


def _read(answer: Answer | None) -> Outcome:
    """What WeCom's answer means. It keeps no number of ours: what may have arrived is UNCERTAIN."""
    if answer is None:
        return Outcome(Verdict.UNCERTAIN, reading="unreachable")
    if answer.status != httpx.codes.OK:
        return read(answer)
    code = _code(answer)
    if code == 0:
        unknown = answer.json().get("invaliduser")
        return Outcome(Verdict.REFUSED, code, "unknown_badge") if unknown else Outcome(Verdict.SENT, code)
    if code in _UNKNOWN:
        return Outcome(Verdict.REFUSED, code, "unknown_badge")
    if code in _QUOTA:
        return Outcome(Verdict.STOP, code, "wait_quota", _MINUTE_S)
    if code in _BUSY:
        return Outcome(Verdict.RETRY, code, "unreachable")
    return Outcome(Verdict.STOP, code, "operator", _OPERATOR_S)
