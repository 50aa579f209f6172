"""The calls of WeChat's API that we make, for the Official Account and for the mini-program.

Nothing here repeats by itself except once after a bad token: whoever calls knows whether a repeat
may be a duplicate, and what else to do (`errors.Reading`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import structlog
from pydantic import SecretStr

from app.kit.runtime import Runtime
from wechat.access_token import TokenStore
from wechat.errors import (
    BAD_TOKEN_CODES,
    MediaElsewhere,
    Reading,
    WeChatRefused,
    WeChatUnreachable,
)
from wechat.messages import fit_text
from wechat.wire import Account, Answer, exchange, facts_of, open_http

__all__ = [
    "Account",
    "SignedIn",
    "TokenStore",
    "WeChatClient",
    "mini_program_client",
    "official_client",
    "open_http",
]

log = structlog.get_logger()

MAX_MEDIA_BYTES: Final = 20 * 1024 * 1024
_BUSY_PAUSE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a mini-program's code belongs to; the session key never leaves the server."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)
    session_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Follower:
    """Somebody who follows the account. `unionid` None: the accounts are not joined; `language` as WeChat is set."""

    unionid: str | None = field(repr=False)
    language: str | None = None  # "zh_CN", "en", ...


class WeChatClient:
    """The calls of one account. Make one for the Official Account and one for the mini-program.

    Every verb raises `WeChatRefused` when WeChat says no and `WeChatUnreachable` when it does not
    answer; both say what to do by their `reading`.
    """

    def __init__(self, http: httpx.AsyncClient, account: Account, tokens: TokenStore) -> None:
        # Both log addresses, in which the token, the secret and the code stand.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self._http = http
        self._account = account
        self._tokens = tokens

    async def call(
        self,
        api: str,
        method: str,
        path: str,
        *,
        json: Any = None,  # any JSON value
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One call under the access token; `api` is its name in logs and errors.

        A repeat that WeChat already has (45065) counts as success.
        """
        async with self._logged(api):
            return facts_of(api, await self._exchange(api, method, path, params or {}, body=json))

    async def send_text(self, openid: str, text: str) -> None:
        """Official Account: a text, within the person's window; cut to what WeChat carries."""
        await self._send(openid, "text", {"content": fit_text(text)})

    async def media_get(self, media_id: str, *, max_bytes: int = MAX_MEDIA_BYTES) -> tuple[bytes, str]:
        """Official Account: a file somebody sent, and WeChat's word for its type (do not trust it).

        Raises:
            AnswerTooLarge: more than `max_bytes`.
            MediaElsewhere: a video, which WeChat gives by link.
        """
        api, path = "media_get", "/cgi-bin/media/get"
        async with self._logged(api):
            answer = await self._exchange(api, "GET", path, {"media_id": media_id}, max_bytes=max_bytes)
            if answer.status == httpx.codes.OK and answer.is_file:
                if answer.content_type.startswith("text/html"):
                    raise WeChatUnreachable(api, sent=True, cause="a page instead of a file")
                return answer.body, answer.content_type
            facts = facts_of(api, answer)
            if "video_url" not in facts:
                raise WeChatUnreachable(api, sent=True, cause="neither a file nor an error")
        raise MediaElsewhere(api, url=str(facts["video_url"]))

    async def video_at(self, url: str, *, max_bytes: int = MAX_MEDIA_BYTES) -> bytes:
        """The file behind the link of `MediaElsewhere`, which the caller has allowed. No token goes there.

        Raises:
            AnswerTooLarge: more than `max_bytes`.
        """
        api = "media_elsewhere"
        async with self._logged(api):
            answer = await exchange(self._http, api, "GET", url, max_bytes=max_bytes)
            if (
                answer.status != httpx.codes.OK
                or not answer.is_file
                or answer.content_type.startswith("text/")
            ):
                raise WeChatUnreachable(api, sent=True, cause=f"no video, HTTP {answer.status}")
            return answer.body

    async def code2session(self, js_code: str) -> SignedIn:
        """Mini-program: who holds this code of `wx.login`; a code works once, for 5 min."""
        api = "jscode2session"
        async with self._logged(api):
            facts = await self._session_of(api, js_code)
            openid, session_key = facts.get("openid"), facts.get("session_key")
            if not isinstance(openid, str) or not isinstance(session_key, str):
                raise WeChatUnreachable(api, sent=True, cause="an answer without an openid")
        return SignedIn(openid, facts.get("unionid") or None, session_key)

    async def follower_of(self, openid: str) -> Follower:
        """Official Account: what WeChat tells of a follower; of who does not follow it tells nothing."""
        facts = await self.call("user_info", "GET", "/cgi-bin/user/info", params={"openid": openid})
        unionid, language = facts.get("unionid"), facts.get("language")
        return Follower(
            unionid if isinstance(unionid, str) and unionid else None,
            language if isinstance(language, str) and language else None,
        )

    async def create_menu(self, menu: Mapping[str, Any]) -> None:
        """Official Account: replace the menu; phones show it within a day."""
        await self.call("menu_create", "POST", "/cgi-bin/menu/create", json=menu)

    async def get_menu(self) -> dict[str, Any] | None:
        """Official Account: the menu as WeChat has it, None when there is none."""
        try:
            return await self.call("menu_get", "GET", "/cgi-bin/menu/get")
        except WeChatRefused as refused:
            if refused.reading is Reading.NO_MENU:
                return None
            raise

    async def subscribe_send(
        self,
        openid: str,
        template_id: str,
        values: Mapping[str, str],
        *,
        page: str | None = None,
        state: str = "formal",
    ) -> str | None:
        """Mini-program: one notice the person subscribed to; returns WeChat's id of it, if any.

        `values` has the template's keys; `state` is formal, trial or developer.
        """
        notice: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "miniprogram_state": state,
            "lang": "zh_CN",
            "data": _data(values),
        }
        if page is not None:
            notice["page"] = page
        path = "/cgi-bin/message/subscribe/send"
        return _id_of(await self.call("subscribe_send", "POST", path, json=notice))

    async def template_send(
        self, openid: str, template_id: str, values: Mapping[str, str], *, key: str
    ) -> str | None:
        """Official Account: one template message; returns WeChat's id of it.

        `key` (at most 32 characters) names it: WeChat drops a repeat of the last 10 minutes, and that is a success.
        """
        notice = {"touser": openid, "template_id": template_id, "client_msg_id": key, "data": _data(values)}
        return _id_of(await self.call("template_send", "POST", "/cgi-bin/message/template/send", json=notice))

    async def bizsend(self, openid: str, template_id: str, values: Mapping[str, str]) -> str | None:
        """Official Account: one subscription notice the person agreed to; returns WeChat's id of it, if any."""
        notice = {"touser": openid, "template_id": template_id, "data": _data(values)}
        return _id_of(await self.call("bizsend", "POST", "/cgi-bin/message/subscribe/bizsend", json=notice))

    async def _send(self, openid: str, kind: str, content: Mapping[str, Any]) -> None:
        path = "/cgi-bin/message/custom/send"
        words = {"touser": openid, "msgtype": kind, kind: content}
        await self.call("custom_send", "POST", path, json=words)

    async def _session_of(self, api: str, js_code: str) -> dict[str, Any]:
        params = {
            "appid": self._account.app_id,
            "secret": self._account.app_secret,
            "js_code": js_code,
            "grant_type": "authorization_code",
        }
        path = "/sns/jscode2session"
        answer = await exchange(self._http, api, "GET", path, params=params)
        try:
            return facts_of(api, answer)
        except WeChatRefused as refused:
            if refused.reading is not Reading.RETRY:
                raise
        # Busy: WeChat has not looked at the code, so it is still good.
        await asyncio.sleep(_BUSY_PAUSE_S)
        return facts_of(api, await exchange(self._http, api, "GET", path, params=params))

    async def _exchange(
        self, api: str, method: str, path: str, params: Mapping[str, str], **more: Any
    ) -> Answer:
        # Any: `body` and `max_bytes` of wire.exchange, passed on.
        token = await self._tokens.get()
        named = {"access_token": token, **params}
        answer = await exchange(self._http, api, method, path, params=named, **more)
        if answer.errcode not in BAD_TOKEN_CODES:
            return answer
        await self._tokens.drop(token)
        named["access_token"] = await self._tokens.get()
        return await exchange(self._http, api, method, path, params=named, **more)

    @asynccontextmanager
    async def _logged(self, api: str) -> AsyncIterator[None]:
        started = time.monotonic()
        app_id = self._account.app_id
        try:
            yield
        except WeChatRefused as refused:
            say = log.error if refused.alert else log.warning
            say(
                "wechat_refused",
                api=refused.api,
                wanted=api,
                app_id=app_id,
                errcode=refused.code,
                reading=str(refused.reading),
                rid=refused.rid,
                hint=refused.hint,
                waited_s=round(time.monotonic() - started, 3),
            )
            raise
        except WeChatUnreachable as unreachable:
            log.warning(
                "wechat_unreachable",
                api=unreachable.api,
                wanted=api,
                app_id=app_id,
                cause=unreachable.cause,
                sent=unreachable.sent,
                waited_s=round(time.monotonic() - started, 3),
            )
            raise


def _data(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {key: {"value": value} for key, value in values.items()}


def _id_of(facts: Mapping[str, Any]) -> str | None:
    return str(facts["msgid"]) if facts.get("msgid") else None


def official_client(runtime: Runtime, http: httpx.AsyncClient) -> WeChatClient:
    """The Official Account of the settings."""
    settings = runtime.settings
    return _client_of(runtime, http, settings.wechat_app_id, settings.wechat_app_secret)


def mini_program_client(runtime: Runtime, http: httpx.AsyncClient) -> WeChatClient:
    """The mini-program of the settings."""
    settings = runtime.settings
    return _client_of(runtime, http, settings.miniprogram_app_id, settings.miniprogram_app_secret)


def _client_of(runtime: Runtime, http: httpx.AsyncClient, app_id: str, secret: SecretStr) -> WeChatClient:
    account = Account(app_id, secret.get_secret_value())
    return WeChatClient(http, account, TokenStore(http, account, runtime.valkey))
