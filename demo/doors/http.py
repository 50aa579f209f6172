"""One request to a door, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

import httpx

Json = dict[str, Any]  # Any: JSON
TIMEOUT_S = 20.0
KEPT_S = 2.0
"""Idle connections are let go before the servers do, after 5 s: else a request may meet a closing one."""


class Refused(Exception):
    """A door answered with a problem; `code` is its stable code, empty when it gave none."""

    def __init__(self, request: str, status: int, problem: Json) -> None:
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", ""))
        super().__init__(f"{request} answered {status} {self.code}: {problem.get('detail', '')}")


def client(base_url: str) -> httpx.AsyncClient:
    """A client of one door; proxies of the environment are not used, as the doors are on this machine."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=TIMEOUT_S,
        trust_env=False,
        limits=httpx.Limits(max_connections=40, max_keepalive_connections=40, keepalive_expiry=KEPT_S),
    )


async def ask(
    door: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    body: Json | None = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> Any:  # JSON; None for an empty answer
    """Send a request and read the JSON of its answer.

    Raises:
        Refused: any status from 400 on. httpx.HTTPError: no answer.
    """
    answer = await door.request(method, path, json=body, headers=headers, params=query)
    if answer.status_code < 400:
        return answer.json() if answer.content else None
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise Refused(f"{method} {path}", answer.status_code, problem if isinstance(problem, dict) else {})
