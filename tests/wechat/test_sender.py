"""Notices through the real client to a small WeChat in this process: what each answer means for the ledger."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.sender import Letter, Outcome, Verdict
from app.people.identity import citizen_of
from wechat.client import Account, TokenStore, WeChatClient, open_http
from wechat.errors import Reading
from wechat.sender import VERDICTS, WeChatSender

OPENID = "oUser0000000000000000000001"
WORDS = "您的报告 A1 已办结。"


def to(person_id: UUID) -> Letter:
    """The words to this person."""
    return Letter(
        key="didi-1", person_id=person_id, channel=Channel.OFFICIAL_ACCOUNT, kind="closed", words=WORDS, short="已办结",
        number="A1", language="zh", at=datetime(2026, 11, 24, 7, 1, tzinfo=UTC),
    )  # fmt: skip


class SmallWeChat:
    """Hands out a token; answers a send with `answer`, which may be an exception."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json={"errcode": 0, "errmsg": "ok"})
        self.token_answer: Exception | None = None
        self.sent: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/cgi-bin/stable_token":
            if self.token_answer:
                raise self.token_answer
            return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})
        assert request.url.path == "/cgi-bin/message/custom/send"
        self.sent.append(json.loads(request.content))
        if isinstance(self.answer, Exception):
            raise self.answer
        # A response can be read once; each call gets one of its own.
        return httpx.Response(
            self.answer.status_code, headers=self.answer.headers, content=self.answer.content
        )

    def refuse(self, code: int) -> None:
        self.answer = httpx.Response(200, json={"errcode": code, "errmsg": "no rid: 1-2-3"})


@pytest.fixture
def small() -> SmallWeChat:
    return SmallWeChat()


@pytest_asyncio.fixture
async def sender(runtime: Runtime, small: SmallWeChat) -> AsyncIterator[WeChatSender]:
    account = Account(runtime.settings.wechat_app_id, "secret")
    async with open_http("https://wechat.example", transport=httpx.MockTransport(small)) as http:
        yield WeChatSender(runtime, WeChatClient(http, account, TokenStore(http, account, runtime.valkey)))


@pytest_asyncio.fixture
async def person_id(runtime: Runtime) -> UUID:
    async with runtime.database.transaction() as db:
        person = await citizen_of(db, runtime, app_id=runtime.settings.wechat_app_id, openid=OPENID)
    return person.id


async def test_the_words_go_to_the_persons_openid_as_text(
    sender: WeChatSender, small: SmallWeChat, person_id: UUID
) -> None:
    assert await sender.send(to(person_id)) == Outcome(Verdict.SENT)

    assert small.sent == [{"touser": OPENID, "msgtype": "text", "text": {"content": WORDS}}]


async def test_who_has_no_openid_at_this_account_is_not_written_to(
    sender: WeChatSender, small: SmallWeChat, runtime: Runtime
) -> None:
    async with runtime.database.transaction() as db:
        elsewhere = await citizen_of(
            db, runtime, app_id=runtime.settings.miniprogram_app_id, openid="oMini00000000000000000000001"
        )

    assert await sender.send(to(elsewhere.id)) == Outcome(Verdict.REFUSED, reading="no_openid")
    assert small.sent == []


@pytest.mark.parametrize(
    ("code", "verdict", "reading"),
    [
        (-1, Verdict.RETRY, "retry"),
        (40003, Verdict.DEAD, "wrong_openid"),
        (40164, Verdict.STOP, "operator"),
        (40001, Verdict.STOP, "refresh"),
        (43004, Verdict.REFUSED, "not_following"),
        (43101, Verdict.REFUSED, "refused_by_person"),
        (43108, Verdict.SOON, "one_by_one"),
        (45001, Verdict.DEAD, "bad_content"),
        (45009, Verdict.STOP, "wait_quota"),
        (45011, Verdict.STOP, "wait_minute"),
        (45015, Verdict.NO_WINDOW, "window_closed"),
        (45047, Verdict.NO_WINDOW, "window_closed"),
        (47001, Verdict.DEAD, "our_fault"),
        (48001, Verdict.STOP, "capability_gone"),
        (99999, Verdict.DEAD, "unknown"),
    ],
)
async def test_what_a_refusal_means(
    sender: WeChatSender, small: SmallWeChat, person_id: UUID, code: int, verdict: Verdict, reading: str
) -> None:
    small.refuse(code)

    outcome = await sender.send(to(person_id))

    assert (outcome.verdict, outcome.code, outcome.reading) == (verdict, code, reading)
    assert (outcome.stop_s is not None) == (verdict is Verdict.STOP)


async def test_a_repeat_that_wechat_has_already_is_a_success(
    sender: WeChatSender, small: SmallWeChat, person_id: UUID
) -> None:
    small.refuse(45065)

    assert (await sender.send(to(person_id))).verdict is Verdict.SENT


@pytest.mark.parametrize(
    ("code", "at_least_s", "at_most_s"),
    [(45011, 60, 75), (40164, 300, 315), (48001, 3600, 3615), (45009, 0, 24 * 3600 + 15)],
)
async def test_how_long_the_account_is_left_alone(
    sender: WeChatSender, small: SmallWeChat, person_id: UUID, code: int, at_least_s: int, at_most_s: int
) -> None:
    small.refuse(code)

    outcome = await sender.send(to(person_id))

    assert outcome.stop_s is not None
    assert at_least_s <= outcome.stop_s <= at_most_s


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (httpx.ConnectError("refused"), Verdict.RETRY),  # it never left
        (httpx.ReadTimeout("slow"), Verdict.UNCERTAIN),
        (httpx.RemoteProtocolError("cut off"), Verdict.UNCERTAIN),
        (httpx.Response(502, content=b"<html>"), Verdict.UNCERTAIN),
        (httpx.Response(200, content=b"<html>"), Verdict.UNCERTAIN),
        (httpx.Response(200, content=b" " * 1_100_000), Verdict.UNCERTAIN),
    ],
)
async def test_silence_is_a_doubt_unless_nothing_left(
    sender: WeChatSender,
    small: SmallWeChat,
    person_id: UUID,
    answer: httpx.Response | Exception,
    verdict: Verdict,
) -> None:
    small.answer = answer

    outcome = await sender.send(to(person_id))

    assert outcome.verdict is verdict
    assert len(small.sent) == 1


async def test_without_a_token_nothing_was_sent(
    sender: WeChatSender, small: SmallWeChat, person_id: UUID
) -> None:
    small.token_answer = httpx.ReadTimeout("slow")

    outcome = await sender.send(to(person_id))

    assert outcome.verdict is Verdict.RETRY
    assert small.sent == []


def test_only_wechats_own_word_makes_a_notice_sent() -> None:
    assert [reading for reading, verdict in VERDICTS.items() if verdict is Verdict.SENT] == [Reading.DONE]
