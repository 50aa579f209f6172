"""The callback through HTTP in safe mode: one case whatever WeChat repeats, an answer in time whatever is down."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import text
from wechatpy.crypto import WeChatCrypto

from app.kit import valkey as valkey_kit
from app.kit.database import Database
from app.kit.metrics import CALLBACKS
from app.kit.runtime import Runtime
from app.settings import Settings
from tests.conftest import SECRETS
from tests.factories import CENTRE, Made
from tests.wechat.chats import rows
from wechat.callback import DEADLINE_S, EMERGENCY_S, PATH, router
from wechat.guard import Keys, seal

OPENID, ACCOUNT = "oCitizen00000000000000000001", "gh_0123456789ab"
KEYS = Keys(token=SECRETS["WECHAT_TOKEN"], aes_key=SECRETS["WECHAT_AES_KEY"], app_id=SECRETS["WECHAT_APP_ID"])
CRYPTO = WeChatCrypto(SECRETS["WECHAT_TOKEN"], SECRETS["WECHAT_AES_KEY"], SECRETS["WECHAT_APP_ID"])
REPORT = "半夜唱歌太吵"


class WeChat:
    """WeChat's side of the callback."""

    def __init__(self, runtime: Runtime, **times: float) -> None:
        app = FastAPI()
        app.include_router(router(runtime.settings, **times))
        app.state.runtime = runtime
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def push(self, xml: str) -> httpx.Response:
        """Deliver one message, sealed and signed as WeChat does."""
        sealed = seal(xml, KEYS, now_s=int(time.time()))
        fields = dict(re.findall(r"<(\w+)>(?:<!\[CDATA\[)?([^<\]]+)", sealed))
        query = {
            "timestamp": fields["TimeStamp"], "nonce": fields["Nonce"], "encrypt_type": "aes",
            "msg_signature": fields["MsgSignature"], "openid": OPENID,
        }  # fmt: skip
        from tests.wechat.test_guard import sign

        query["signature"] = sign(KEYS.token, query["timestamp"], query["nonce"])
        body = f"<xml><ToUserName>{ACCOUNT}</ToUserName><Encrypt>{fields['Encrypt']}</Encrypt></xml>"
        return await self.http.post(PATH, params=query, content=body.encode())

    async def say(self, words: str, message_id: int) -> httpx.Response:
        return await self.push(text_xml(words, message_id))


def text_xml(words: str, message_id: int) -> str:
    return _xml(f"<MsgType>text</MsgType><Content>{words}</Content><MsgId>{message_id}</MsgId>")


def place_xml(message_id: int) -> str:
    at = CENTRE.to_gcj02()
    return _xml(
        f"<MsgType>location</MsgType><Location_X>{at.lat}</Location_X><Location_Y>{at.lng}</Location_Y>"
        f"<Scale>16</Scale><Label>x</Label><MsgId>{message_id}</MsgId>"
    )


def photo_xml(message_id: int) -> str:
    return _xml(
        f"<MsgType>image</MsgType><PicUrl>http://x</PicUrl><MediaId>m{message_id}</MediaId><MsgId>{message_id}</MsgId>"
    )


def _xml(rest: str, sender: str = OPENID) -> str:
    head = f"<ToUserName>{ACCOUNT}</ToUserName><FromUserName>{sender}</FromUserName><CreateTime>1714112445</CreateTime>"
    return f"<xml>{head}{rest}</xml>"


def opened(sealed: str) -> str:
    """The clear XML of a sealed reply."""
    fields = dict(re.findall(r"<(\w+)>(?:<!\[CDATA\[)?([^<\]]+)", sealed))
    return str(CRYPTO.decrypt_message(sealed, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]))


def said(response: httpx.Response) -> str:
    """The words of a sealed reply, opened with wechatpy, addressed to the citizen."""
    assert response.status_code == 200
    clear = opened(response.text)
    assert f"<ToUserName><![CDATA[{OPENID}]]>" in clear
    content = re.search(r"<Content><!\[CDATA\[(.*)\]\]></Content>", clear, re.DOTALL)
    assert content is not None
    return content[1]


def count(outcome: str) -> float:
    return float(CALLBACKS.labels(outcome)._value.get())


@pytest.fixture
async def wechat(runtime: Runtime, station: Made) -> AsyncIterator[WeChat]:
    side = WeChat(runtime)
    yield side
    await side.http.aclose()


async def test_the_address_is_confirmed_by_its_echo(wechat: WeChat) -> None:
    from tests.wechat.test_guard import sign

    query = {"timestamp": "1714112445", "nonce": "415670741", "echostr": "12345"}
    good = await wechat.http.get(
        PATH, params=query | {"signature": sign(KEYS.token, "1714112445", "415670741")}
    )
    bad = await wechat.http.get(PATH, params=query | {"signature": "0" * 40})

    assert (good.status_code, good.text) == (200, "12345")
    assert (bad.status_code, bad.text) == (403, "")


async def test_a_report_by_chat_is_answered_with_its_number(wechat: WeChat, runtime: Runtime) -> None:
    await wechat.say(REPORT, 1)
    answer = said(await wechat.push(place_xml(2)))

    [case] = await rows(runtime, "SELECT number, state FROM cases")
    assert case.number in answer


async def test_one_who_sends_a_hundred_messages_at_once_keeps_nobody_else_waiting(
    wechat: WeChat, runtime: Runtime
) -> None:
    await wechat.say(REPORT, 1)
    late = count("late")
    async with runtime.database.transaction() as db:
        await db.execute(text("SELECT FROM drafts FOR UPDATE"))  # what their messages wait for
        flood = [asyncio.create_task(wechat.say("还在吵", number)) for number in range(2, 102)]
        while not await rows(runtime, "SELECT FROM pg_locks WHERE NOT granted LIMIT 1"):
            await asyncio.sleep(0.01)
        other = _xml("<MsgType>text</MsgType><Content>进度</Content><MsgId>999</MsgId>", "oSomebodyElse")
        answer = await wechat.push(other)

        assert (answer.status_code, count("late")) == (200, late)
        danger = said(await wechat.say("他有刀", 1000))  # nor do their own earlier messages stand before it
        assert "110" in danger
    await asyncio.gather(*flood)


async def test_the_same_message_ten_times_at_once_is_one_case_with_one_answer(
    wechat: WeChat, runtime: Runtime
) -> None:
    await wechat.say(REPORT, 1)
    answers = await asyncio.gather(*(wechat.push(place_xml(2)) for _ in range(10)))
    later = await wechat.push(place_xml(2))

    [case] = await rows(runtime, "SELECT number FROM cases")
    assert {said(a) for a in [*answers, later]} == {said(later)}
    assert case.number in said(later)
    assert len(await rows(runtime, "SELECT 1 FROM inbox")) == 2


async def test_an_answer_is_for_the_person_and_the_danger_it_was_given_for(
    wechat: WeChat, runtime: Runtime
) -> None:
    await wechat.say(REPORT, 1)
    number = said(await wechat.push(place_xml(2)))

    danger = said(await wechat.say("他有刀", 2))  # under the number of a message that was answered before
    other = _xml("<MsgType>text</MsgType><Content>进度</Content><MsgId>2</MsgId>", "oSomebodyElse")
    told = opened((await wechat.push(other)).text)

    assert "110" in danger
    assert number not in told
    [case] = await rows(runtime, "SELECT number, urgent FROM cases")
    assert case.urgent
    assert case.number not in told


async def test_a_step_that_fails_leaves_nothing_and_its_repeat_is_the_first_time(
    wechat: WeChat, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wechat.say(REPORT, 1)
    with monkeypatch.context() as patch:
        patch.setattr("wechat.callback.remember", _broken)
        failed = said(await wechat.push(place_xml(2)))
    nothing = await rows(runtime, "SELECT 1 FROM cases")
    answered = said(await wechat.push(place_xml(2)))

    assert "没有收到" in failed
    assert nothing == []
    [case] = await rows(runtime, "SELECT number FROM cases")
    assert case.number in answered


async def _broken(*_: Any) -> None:
    raise RuntimeError("the process is dying")


async def test_what_needs_no_answer_writes_nothing(wechat: WeChat, runtime: Runtime) -> None:
    place = "<Latitude>32.06</Latitude><Longitude>118.82</Longitude><Precision>30</Precision>"
    answer = await wechat.push(_xml(f"<MsgType>event</MsgType><Event>LOCATION</Event>{place}"))

    assert (answer.status_code, answer.text) == (200, "success")
    assert await rows(runtime, "SELECT 1 FROM inbox") == []


@pytest.mark.parametrize(
    "rest",
    [
        "<MsgType>hologram</MsgType><MsgId>7</MsgId>",
        "<MsgType>file</MsgType><Title>x</Title><Description>x</Description><MsgId>9</MsgId>",
    ],
)
async def test_a_kind_that_cannot_be_used_yet_is_answered_kindly(
    wechat: WeChat, runtime: Runtime, rest: str
) -> None:
    answer = said(await wechat.push(_xml(rest)))

    assert "110" in answer
    assert "文字" in answer
    assert await rows(runtime, "SELECT 1 FROM cases") == []


async def test_an_event_nobody_knows_is_answered_with_success(wechat: WeChat) -> None:
    answer = await wechat.push(_xml("<MsgType>event</MsgType><Event>never_heard_of</Event>"))

    assert (answer.status_code, answer.text) == (200, "success")


async def test_an_unfollow_is_noted_and_answered_with_success(wechat: WeChat, runtime: Runtime) -> None:
    await wechat.say("你好", 1)
    answer = await wechat.push(_xml("<MsgType>event</MsgType><Event>unsubscribe</Event>"))

    assert answer.text == "success"
    [person] = await rows(runtime, "SELECT follows FROM people WHERE kind = 'citizen'")
    assert person.follows is False


@pytest.mark.parametrize("size", [65 * 1024, 5 * 1024 * 1024])
async def test_a_body_over_the_cap_is_refused(wechat: WeChat, size: int) -> None:
    answer = await wechat.http.post(PATH, content=b"x" * size)

    assert answer.status_code == 413


async def test_unsigned_bodies_reach_no_store(wechat: WeChat, runtime: Runtime) -> None:
    answer = await wechat.http.post(PATH, content=text_xml("他有刀", 1).encode())

    assert answer.status_code == 403
    assert await rows(runtime, "SELECT 1 FROM inbox") == []


@pytest.fixture
def down(settings: Settings) -> Iterator[Runtime]:
    """A process whose PostgreSQL and Valkey are both away."""
    from tests.conftest import make_runtime

    made = make_runtime(settings)
    made.database = Database("postgresql://didi@127.0.0.1:9/didi")
    made.valkey = valkey_kit.connect("redis://127.0.0.1:9/0")
    yield made
    made._tasks.clear()


@pytest.mark.parametrize(("words", "line"), [("他有刀", "请立即拨打110"), ("he has a knife", "call 110 now")])
async def test_with_both_stores_down_danger_is_still_answered_with_110(
    down: Runtime, words: str, line: str
) -> None:
    answer = said(await WeChat(down).say(words, 1))

    assert line in answer
    assert "station" not in answer
    assert "派出所" not in answer  # nothing was sent to anybody


async def test_with_both_stores_down_everybody_is_answered_within_the_deadline(down: Runtime) -> None:
    wechat = WeChat(down)
    began = time.monotonic()
    answers = await asyncio.gather(
        *(wechat.say(words, n) for n, words in enumerate(["他有刀", REPORT, "进度"]))
    )

    assert time.monotonic() - began < DEADLINE_S
    assert all("110" in said(answer) for answer in answers)


@pytest.mark.parametrize("words", ["他有刀", "help me"])
async def test_with_valkey_down_alone_danger_still_reaches_the_desk(
    settings: Settings, runtime: Runtime, station: Made, words: str
) -> None:
    from tests.conftest import make_runtime

    lame = make_runtime(settings)
    lame.valkey = valkey_kit.connect("redis://127.0.0.1:9/0")
    answer = said(await WeChat(lame).say(words, 1))
    await lame.drain()
    await lame.database.close()

    [case] = await rows(runtime, "SELECT number, state, urgent FROM cases")
    assert (case.state, case.urgent) == ("handed_over", True)
    assert case.number in answer


async def test_danger_said_ten_times_over_by_wechat_rings_once(wechat: WeChat, runtime: Runtime) -> None:
    answers = await asyncio.gather(*(wechat.say("他有刀", 1) for _ in range(10)))

    [case] = await rows(runtime, "SELECT number FROM cases")
    assert all(case.number in said(answer) for answer in answers)


async def test_with_the_stores_down_a_report_is_never_called_received(down: Runtime) -> None:
    answer = said(await WeChat(down).say(REPORT, 1))

    assert "没有收到" in answer
    assert "110" in answer


@asynccontextmanager
async def _frozen(runtime: Runtime) -> AsyncIterator[None]:
    """The drafts are locked by somebody who does not go on."""
    async with runtime.database.transaction() as db:
        await db.execute(text("LOCK TABLE drafts"))
        yield


async def test_a_slow_store_is_answered_in_time_and_the_work_is_done_all_the_same(
    runtime: Runtime, station: Made
) -> None:
    wechat = WeChat(runtime, deadline_s=0.3)
    async with _frozen(runtime):
        began = time.monotonic()
        slow = said(await wechat.say(REPORT, 1))
        took_s = time.monotonic() - began
    await runtime.drain()
    repeat = said(await wechat.say(REPORT, 1))

    assert took_s < 1.0
    assert "110" in slow
    assert "位置" in repeat  # the answer that the work came to
    assert len(await rows(runtime, "SELECT 1 FROM inbox")) == 1


async def test_danger_does_not_wait_for_a_slow_store_and_still_reaches_the_desk(
    runtime: Runtime, station: Made
) -> None:
    wechat = WeChat(runtime, emergency_s=0.2)
    async with _frozen(runtime):
        answer = said(await wechat.say("他有刀", 1))
    await runtime.drain()

    assert "请立即拨打110" in answer
    assert "派出所" not in answer
    [case] = await rows(runtime, "SELECT state, urgent FROM cases")
    assert (case.state, case.urgent) == ("handed_over", True)


async def test_danger_is_answered_with_110_first_and_then_the_number(
    wechat: WeChat, runtime: Runtime
) -> None:
    answer = said(await wechat.say("他有刀", 1))

    [case] = await rows(runtime, "SELECT number FROM cases WHERE urgent")
    assert answer.index("110") < answer.index(case.number)


async def test_every_callback_is_counted(wechat: WeChat) -> None:
    before = count("answered"), count("repeat"), count("refused_signature")
    await wechat.say("你好", 1)
    await wechat.say("你好", 1)
    await wechat.http.post(PATH, content=b"<xml/>")

    assert (count("answered"), count("repeat"), count("refused_signature")) == tuple(n + 1 for n in before)


async def test_nothing_personal_is_logged(
    wechat: WeChat, down: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with structlog.testing.capture_logs() as logs:
        await wechat.say("我叫张三丰，半夜唱歌太吵", 1)
        await wechat.push(place_xml(2))
        monkeypatch.setattr("wechat.callback.remember", _broken)
        await wechat.say("电话13912345678", 3)
        await WeChat(down).say("我叫张三丰", 4)

    written = repr(logs)
    assert "wechat_message_failed" in written
    assert not any(personal in written for personal in ("张三丰", "13912345678", OPENID, "32.06", "118.8"))


@pytest.fixture
async def silent(settings: Settings) -> AsyncIterator[Runtime]:
    """A process whose stores take its connections and never say a word."""
    from tests.conftest import make_runtime

    held: list[asyncio.StreamWriter] = []

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = make_runtime(settings)
    made.database = Database(f"postgresql://didi@127.0.0.1:{port}/didi")
    made.valkey = valkey_kit.connect(f"redis://127.0.0.1:{port}/0")
    yield made
    for writer in held:
        writer.close()
    server.close()
    await made.drain()


@pytest.mark.parametrize("words", ["他有刀", REPORT])
async def test_stores_that_never_answer_keep_nobody_waiting(silent: Runtime, words: str) -> None:
    wechat = WeChat(silent, deadline_s=0.4, emergency_s=0.2)
    began = time.monotonic()
    answer = said(await wechat.say(words, 1))

    assert time.monotonic() - began < 1.0
    assert "110" in answer
    assert "派出所" not in answer


def test_the_deadlines_leave_wechat_its_five_seconds() -> None:
    assert EMERGENCY_S < DEADLINE_S <= 4.0


async def test_everything_at_once_from_one_person_leaves_no_message_unanswered(
    runtime: Runtime, station: Made
) -> None:
    """Steps of one chat wait for each other on the draft; a wait in a circle would end in `failed` or `late`."""
    wechat = WeChat(runtime, deadline_s=30, emergency_s=30)
    before = [count(outcome) for outcome in ("failed", "late", "refused", "unavailable")]
    texts = [
        REPORT,
        "他有刀",
        "进度",
        "新报警",
        "我的钱包被偷了",
        "他有枪",
        "没有位置",
        "评分5",
        "未解决",
        "改",
        "English",
        "9",
    ]
    for wave in range(3):
        await asyncio.gather(
            *(wechat.say(words, 1000 * wave + n) for n, words in enumerate(texts)),
            *(wechat.push(place_xml(1000 * wave + 100 + n)) for n in range(3)),
            *(wechat.push(photo_xml(1000 * wave + 200 + n)) for n in range(3)),
        )
        await runtime.drain()

    assert [count(outcome) for outcome in ("failed", "late", "refused", "unavailable")] == before
    assert any(row.urgent for row in await rows(runtime, "SELECT urgent FROM cases"))
