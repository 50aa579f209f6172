"""WeChat's check of our own words: what it says, and that nothing of it stops us when it cannot be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.identity import citizen_of
from app.publishing.check import Judgement, Published
from tests.simulator.account import MP, MP_SECRET, Receiver, WeChat, connect
from wechat.client import Account, TokenStore, WeChatClient, open_http
from wechat.content_check import WeChatContentCheck


@dataclass
class Author:
    """One of us, and the check."""

    check: WeChatContentCheck
    wechat: WeChat
    client: WeChatClient
    user: dict[str, Any]
    person_id: UUID

    async def uses_the_mini_program(self) -> None:
        code = (await self.wechat.control(f"users/{self.user['id']}/login-code"))["code"]
        await self.client.code2session(code)

    async def judge(self, words: str, what: Published = Published.BULLETIN) -> Judgement:
        return await self.check.judge(words, author_id=self.person_id, what=what)


@pytest.fixture
async def author(runtime: Runtime) -> AsyncIterator[Author]:
    wechat = connect(Receiver())
    async with wechat.http, open_http("http://wechat.test", transport=wechat.http._transport) as http:
        account = Account(MP, MP_SECRET)
        client = WeChatClient(http, account, TokenStore(http, account, runtime.valkey))
        user = await wechat.user()
        async with transaction(runtime) as db:
            person = await citizen_of(db, runtime, app_id=MP, openid=user["mp_openid"])
        yield Author(WeChatContentCheck(runtime, client), wechat, client, user, person.id)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("寻人启事：走失老人", Judgement.FINE),
        ("这是广告", Judgement.REVIEW),
        ("违禁品", Judgement.RISKY),
        ("平安" * 1250 + "违禁", Judgement.RISKY),  # in the second part
        ("  ", Judgement.FINE),
    ],
)
async def test_what_wechat_says_of_words(author: Author, words: str, said: Judgement) -> None:
    await author.uses_the_mini_program()

    assert await author.judge(words) is said


async def test_who_has_not_used_the_mini_program_cannot_be_checked(author: Author) -> None:
    assert await author.judge("平安") is Judgement.UNCHECKED


@pytest.mark.parametrize(
    ("code", "said"), [(87014, Judgement.REVIEW), (48001, Judgement.UNCHECKED), (-1, Judgement.UNCHECKED)]
)
async def test_a_refusal_is_no_judgement(author: Author, code: int, said: Judgement) -> None:
    await author.uses_the_mini_program()
    await author.wechat.control("faults/api", {"path": "/wxa/msg_sec_check", "errcode": code})

    assert await author.judge("平安", Published.PROFILE) is said


async def test_silence_is_no_judgement_and_strangers_are_unknown_to_wechat(author: Author) -> None:
    await author.uses_the_mini_program()
    await author.wechat.control("faults/api", {"path": "/wxa/msg_sec_check", "reset": True})

    assert await author.judge("平安") is Judgement.UNCHECKED
    stranger = await author.check.judge("平安", author_id=UUID(int=1), what=Published.PROFILE)
    assert stranger is Judgement.UNCHECKED
