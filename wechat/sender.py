"""Notices by WeChat: customer-service message, template or subscription notice, mini-program subscription message.

The table of `wechat.errors` says what a refusal means; here stands what it means for the ledger of notices, the
same for every channel. A reading without a row ends the delivery: a person must look.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.queries import quota_renewed_in_s
from app.notices.ready import template_of
from app.notices.sender import Letter, Outcome, Sender, Verdict
from app.people.identity import openid_of
from app.settings import Template
from wechat.client import WeChatClient, mini_program_client, official_client
from wechat.errors import AnswerTooLarge, Reading, WeChatRefused, WeChatUnreachable

VERDICTS: Final[dict[Reading, Verdict]] = {
    Reading.DONE: Verdict.SENT,
    Reading.RETRY: Verdict.RETRY,
    Reading.ONE_BY_ONE: Verdict.SOON,
    Reading.WAIT_ALONE: Verdict.SOON,
    # The account's troubles, not the person's: everybody would meet them, so nobody is written to for a while.
    Reading.REFRESH: Verdict.STOP,
    Reading.WAIT_MINUTE: Verdict.STOP,
    Reading.WAIT_QUOTA: Verdict.STOP,
    Reading.OPERATOR: Verdict.STOP,
    Reading.CAPABILITY_GONE: Verdict.STOP,
    Reading.WINDOW_CLOSED: Verdict.NO_WINDOW,
    Reading.REFUSED_BY_PERSON: Verdict.REFUSED,
    Reading.NOT_FOLLOWING: Verdict.REFUSED,
}
"""Reading to verdict; whatever is not here is DEAD."""

_MINUTE_S: Final = 60.0
_OPERATOR_S: Final = 300.0  # how soon a mended setting is noticed
_CAPABILITY_S: Final = 3600.0  # WeChat gives back a capability after a review, never in minutes
_JITTER_S: Final = 15.0
_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_NO_NUMBER: Final = "-"  # a template's field cannot stay empty


class _Channel:
    """What the three have in common: whose openid, and how an answer is read."""

    def __init__(self, runtime: Runtime, client: WeChatClient, app_id: str) -> None:
        self._runtime = runtime
        self._client = client
        self._app_id = app_id

    async def _to(self, person_id: UUID, send: Callable[[str], Awaitable[str | None]]) -> Outcome:
        """Send to the person's openid at this account; without one REFUSED, `no_openid`."""
        async with self._runtime.database.moves() as db:
            openid = await openid_of(db, self._runtime, person_id, self._app_id)
        if openid is None:
            return Outcome(Verdict.REFUSED, reading="no_openid")
        try:
            sent_id = await send(openid)
        except WeChatRefused as refused:
            return await self._read(refused)
        except WeChatUnreachable as unreachable:
            verdict = Verdict.UNCERTAIN if unreachable.sent else Verdict.RETRY
            return Outcome(verdict, reading="unreachable")
        except AnswerTooLarge:
            return Outcome(Verdict.UNCERTAIN, reading="answer_too_large")
        return Outcome(Verdict.SENT, sent_id=sent_id)

    async def _read(self, refused: WeChatRefused) -> Outcome:
        verdict = VERDICTS.get(refused.reading, Verdict.DEAD)
        if verdict is Verdict.SOON and refused.reading is Reading.WAIT_ALONE:
            return Outcome(verdict, refused.code, str(refused.reading), _MINUTE_S)
        stop_s = await self._stop_s(refused.reading) if verdict is Verdict.STOP else None
        return Outcome(verdict, refused.code, str(refused.reading), stop_s)

    async def _stop_s(self, reading: Reading) -> float:
        """How long this API is left alone; the jitter keeps workers from coming back at once."""
        jitter_s = random.uniform(0, _JITTER_S)
        if reading is Reading.OPERATOR:
            return _OPERATOR_S + jitter_s
        if reading is Reading.CAPABILITY_GONE:
            return _CAPABILITY_S + jitter_s
        if reading is not Reading.WAIT_QUOTA:
            return _MINUTE_S + jitter_s
        async with self._runtime.database.moves() as db:
            return await quota_renewed_in_s(db) + jitter_s


class WeChatSender(_Channel):
    """The Official Account's customer-service message: a text, within the person's window."""

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        super().__init__(runtime, client, runtime.settings.wechat_app_id)

    async def send(self, letter: Letter) -> Outcome:
        """Send the words in full, once."""

        async def text(openid: str) -> None:
            await self._client.send_text(openid, letter.words)

        return await self._to(letter.person_id, text)


class TemplateSender(_Channel):
    """The Official Account's template message, or its subscription notice where the setting says so."""

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        super().__init__(runtime, client, runtime.settings.wechat_app_id)

    async def send(self, letter: Letter) -> Outcome:
        """Send by the kind's template, once; WeChat drops a repeat of a template message by the letter's key."""
        template = template_of(self._runtime, Channel.TEMPLATE, letter.kind)
        if template is None:
            return Outcome(Verdict.REFUSED, reading="no_template")
        values = values_of(template, letter)

        async def notice(openid: str) -> str | None:
            if template.notice:
                return await self._client.bizsend(openid, template.id, values)
            return await self._client.template_send(openid, template.id, values, key=letter.key)

        return await self._to(letter.person_id, notice)


class SubscriptionSender(_Channel):
    """The mini-program's subscription message; `client` is the mini-program's."""

    def __init__(self, runtime: Runtime, client: WeChatClient) -> None:
        super().__init__(runtime, client, runtime.settings.miniprogram_app_id)

    async def send(self, letter: Letter) -> Outcome:
        """Send by the kind's template, once."""
        template = template_of(self._runtime, Channel.SUBSCRIPTION, letter.kind)
        if template is None:
            return Outcome(Verdict.REFUSED, reading="no_template")
        values = values_of(template, letter)

        async def message(openid: str) -> str | None:
            return await self._client.subscribe_send(openid, template.id, values)

        return await self._to(letter.person_id, message)


def values_of(template: Template, letter: Letter) -> dict[str, str]:
    """What stands in a template's fields: a lock screen shows them, so they say as little as the words do."""
    values = {template.words: letter.short}
    if template.number:
        values[template.number] = letter.number or _NO_NUMBER
    if template.time:
        values[template.time] = f"{letter.at.astimezone(_BEIJING):%Y年%m月%d日 %H:%M}"
    return values


def wechat_senders(runtime: Runtime, http: httpx.AsyncClient) -> dict[Channel, Sender]:
    """The senders of WeChat's three channels, over one HTTP client."""
    of_official = official_client(runtime, http)
    return {
        Channel.OFFICIAL_ACCOUNT: WeChatSender(runtime, of_official),
        Channel.TEMPLATE: TemplateSender(runtime, of_official),
        Channel.SUBSCRIPTION: SubscriptionSender(runtime, mini_program_client(runtime, http)),
    }
