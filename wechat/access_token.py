"""The access token and the JS-SDK's ticket of one account, shared by every process and refreshed by one of them."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import structlog
from redis.exceptions import RedisClusterException

from app.kit.valkey import ValkeyDown
from wechat.errors import WeChatUnreachable
from wechat.wire import Account, exchange, facts_of

log = structlog.get_logger()

_API: Final = "stable_token"
_LOCK_MS: Final = 10_000  # longer than a refresh may take
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 3.0
# In the last 300 s of a token WeChat hands out the next one, while both are good; a ticket is renewed as early.
_MARGIN_S: Final = 300

_DOWN: Final = (*ValkeyDown, RedisClusterException)
_DELETE_IF: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)


class Shared:
    """Something WeChat gives for a while, kept in Valkey under `wx:{appid}:{name}`, its refresher under a lock beside it.

    `valkey` is a client of redis-py (asyncio), single or cluster. While it is down each process keeps one of its
    own, which is harmless: WeChat gives the same to all. `ask` returns it with its remaining seconds.
    """

    def __init__(
        self, valkey: Any, app_id: str, name: str, lock: str, ask: Callable[[], Awaitable[tuple[str, int]]]
    ) -> None:
        # Any: redis-py types its two clients apart where their use does not differ.
        self._valkey = valkey
        self._app_id = app_id
        self._name = name
        self._ask = ask
        # The braces are a cluster's hash tag: both keys live in one slot.
        self._key = f"wx:{{{app_id}}}:{name}"
        self._lock_key = f"wx:{{{app_id}}}:{lock}"
        self._own: tuple[str, float] | None = None  # it, until when on the monotonic clock
        self._flight: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """What is believed good.

        Raises:
            WeChatRefused: WeChat gives none; mostly a matter for an operator.
            WeChatUnreachable: WeChat does not answer; `sent` is False, as it tells of the call
                it was for.
        """
        try:
            if cached := await self._cached():
                return cached
        except _DOWN:
            if self._own is not None and self._own[1] > time.monotonic():
                return self._own[0]
        # All of this process wait for one refresh and share its failure, so that a hundred
        # callers do not ask a broken WeChat a hundred times. A caller that leaves does not take
        # the refresh along.
        if self._flight is None:
            self._flight = asyncio.create_task(self._refreshed())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    async def drop(self, bad: str) -> None:
        """Forget exactly this one; another that somebody has fetched since stays."""
        if self._own is not None and self._own[0] == bad:
            self._own = None
        await self._delete_if(self._key, bad)

    def _landed(self, flight: asyncio.Task[str]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # marks it as seen, should every waiter have left

    async def _cached(self) -> str | None:
        value = await self._valkey.get(self._key)
        return value.decode() if isinstance(value, bytes) else value

    async def _refreshed(self) -> str:
        mine = secrets.token_hex(8)
        try:
            locked = await self._lock_or_value(mine)
        except _DOWN:
            self._log_down()
            return await self._fetched()
        if isinstance(locked, str):
            return locked
        try:
            return await self._fetched()
        finally:
            if locked:
                await self._delete_if(self._lock_key, mine)

    async def _lock_or_value(self, mine: str) -> str | bool:
        """What somebody else fetched; or True with the lock; or False, out of patience."""
        give_up = time.monotonic() + _PATIENCE_S
        while not await self._valkey.set(self._lock_key, mine, nx=True, px=_LOCK_MS):
            await asyncio.sleep(_POLL_S)
            if cached := await self._cached():
                return cached
            if time.monotonic() >= give_up:
                return False
        # Whoever held the lock before may have stored it after our last look.
        if cached := await self._cached():
            await self._delete_if(self._lock_key, mine)
            return cached
        return True

    async def _fetched(self) -> str:
        value, life_s = await self._ask()
        keep_s = max(life_s - _MARGIN_S, life_s // 2, 1)
        self._own = (value, time.monotonic() + keep_s)
        try:
            await self._valkey.set(self._key, value, px=keep_s * 1000)
        except _DOWN:
            self._log_down()
        log.info("wechat_token_refreshed", what=self._name, app_id=self._app_id, kept_s=keep_s)
        return value

    async def _delete_if(self, key: str, value: str) -> None:
        try:
            await self._valkey.eval(_DELETE_IF, 1, key, value)
        except _DOWN:
            self._log_down()

    def _log_down(self) -> None:
        log.warning("wechat_token_store_down", app_id=self._app_id)


class TokenStore(Shared):
    """The access token of one account."""

    def __init__(self, http: httpx.AsyncClient, account: Account, valkey: Any) -> None:
        async def ask() -> tuple[str, int]:
            return await _ask(http, account)

        super().__init__(valkey, account.app_id, "token", "lock", ask)


async def _ask(http: httpx.AsyncClient, account: Account) -> tuple[str, int]:
    """A stable token and its remaining seconds; never by force, which WeChat allows 20 times a day."""
    asked = {
        "grant_type": "client_credential",
        "appid": account.app_id,
        "secret": account.app_secret,
        "force_refresh": False,
    }
    try:
        answer = await exchange(http, _API, "POST", "/cgi-bin/stable_token", body=asked)
        facts = facts_of(_API, answer)
    except WeChatUnreachable as unreachable:
        raise WeChatUnreachable(_API, sent=False, cause=unreachable.cause) from None
    token, life_s = facts.get("access_token"), str(facts.get("expires_in"))
    if not isinstance(token, str) or not token or not life_s.isdecimal():
        raise WeChatUnreachable(_API, sent=False, cause="an answer without a token")
    return token, int(life_s)
