"""Valkey: the client, and the one table of key names.

Valkey accelerates and is expendable. Every key below can vanish at any moment (FLUSHALL) and no
promise is lost; the table says who owns it, how long it lives and who puts it back. Hash tags
({...}) keep what one command touches in one slot of a cluster.

| key | owner | expiry | holds | comes back by |
| --- | --- | --- | --- | --- |
| pos:{cell} | dispatch.presence | swept, 120 s | GEO of free on-duty officers in an H3 cell | next fix |
| beat:{cell} | dispatch.presence | swept, 120 s | newest beat of each of them, ms | next fix |
| at:{officer} | dispatch.presence | 12 h | the H3 cell one officer was last seen in | next fix |
| closed:{case}:{epoch} | dispatch.closed | 10 min | how this opening ended, who was asked; committed facts only | not needed |
| fix:{case} | tracking.service | 15 min | newest fix of the officer on a case | next fix |
| live:gateways | live.hub | member 10 s | gateway processes that have sockets | next beat of a gateway |
| live:gw:{id} | live.hub | channel | sharded pub/sub of one gateway | - |
| here:{person} | notices.socket | 35 s | whose mini-program is open | next ping |
| live:ticket:{hash} | live.tickets | 30 s | whose socket this ticket opens, once | a new ticket |
| wx:{appid}:token, wx:{appid}:lock; :ticket, :ticket_lock | wechat.access_token | as WeChat says | access token, JS-SDK ticket, who refreshes it | fetched again |
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

Valkey = Redis | RedisCluster
"""What the features hold: a single server, or a cluster; they use only what both have."""

ValkeyDown = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a call raises when Valkey does not answer; a feature goes on without it."""


def connect(url: str, *, cluster: bool = False, timeout_s: float = 0.5) -> Any:
    """A client that gives up after `timeout_s` rather than keep an officer waiting; it connects on first use.

    Returns Any, as redis-py's own types differ between the two clients where their use does not.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "decode_responses": False,
    }
    if cluster:
        return RedisCluster.from_url(url, **options)
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), max_connections=200, **options)


def key_closed(case_id: object, epoch: int) -> str:
    """Who took this opening of a case."""
    return f"closed:{{{case_id}}}:{epoch}"


def key_fix(case_id: object) -> str:
    """Newest fix of the officer on a case."""
    return f"fix:{{{case_id}}}"


def key_at(officer_id: object) -> str:
    """Where an officer stands in the index."""
    return f"at:{{{officer_id}}}"


def key_pos(cell: str) -> str:
    """GEO index of an H3 cell."""
    return f"pos:{{{cell}}}"


def key_beat(cell: str) -> str:
    """Newest beats in an H3 cell, in milliseconds."""
    return f"beat:{{{cell}}}"


def key_here(person_id: object) -> str:
    """Whose mini-program is open."""
    return f"here:{{{person_id}}}"


def key_ticket(ticket_hash: str) -> str:
    """A single-use ticket for a socket."""
    return f"live:ticket:{{{ticket_hash}}}"


GATEWAYS = "live:gateways"
