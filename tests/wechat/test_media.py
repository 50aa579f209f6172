"""Pictures, voices and videos of the chat: noted with the message, fetched from WeChat as it gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.kit.runtime import Runtime
from app.media.source import Verdict
from tests.app.media import samples
from tests.factories import Made
from tests.simulator.account import OA, Receiver, WeChat, connect
from tests.wechat.chats import Citizen, rows
from wechat.client import Account, TokenStore, WeChatClient, open_http
from wechat.errors import Reading
from wechat.media import VERDICTS, WeChatMedia, wechat_media
from wechat.messages import ImageMessage, VideoMessage, VoiceMessage

MB = 1024 * 1024


async def media(runtime: Runtime) -> list[tuple[str, str, Any]]:
    return [
        (r.kind, r.source_id, r.case_id)
        for r in await rows(runtime, "SELECT kind, source_id, case_id FROM media ORDER BY received_at, id")
    ]


def voice(citizen: Citizen, media_id: str) -> VoiceMessage:
    return VoiceMessage(media_id=media_id, format="amr", **citizen.common())


def video(citizen: Citizen, media_id: str, *, short: bool = False) -> VideoMessage:
    return VideoMessage(media_id=media_id, thumb_media_id="t", short=short, **citizen.common())


async def test_a_voice_and_a_place_are_enough_for_a_case_and_what_follows_attaches(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.send(voice(citizen, "v-1"))
    assert await media(runtime) == [("voice", "v-1", None)]
    await citizen.stand()
    await citizen.say("噪音")
    [case] = await citizen.cases()
    attached = await citizen.show("p-1")
    await citizen.send(video(citizen, "f-1"))
    await citizen.send(video(citizen, "s-1", short=True))

    assert case.number in attached
    assert await media(runtime) == [
        ("voice", "v-1", case.id), ("image", "p-1", case.id), ("video", "f-1", case.id), ("shortvideo", "s-1", case.id),
    ]  # fmt: skip
    [case] = await citizen.cases()
    assert list(case.media) == ["v-1", "p-1", "f-1", "s-1"]


async def test_what_came_before_the_case_goes_with_it(citizen: Citizen, runtime: Runtime) -> None:
    await citizen.show("p-1")
    await citizen.send(voice(citizen, "v-1"))
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()

    [case] = await citizen.cases()
    assert await media(runtime) == [("image", "p-1", case.id), ("voice", "v-1", case.id)]


async def test_what_did_not_arrive_is_told_with_the_status_until_something_does(
    citizen: Citizen, runtime: Runtime
) -> None:
    await citizen.say("半夜唱歌太吵")
    await citizen.stand()
    await citizen.show("p-1")
    assert "没有收到" not in await citizen.say("进度")
    await rows(runtime, "UPDATE media SET state = 'lost', reason = 'gone' RETURNING id")
    assert "有1个文件没有收到" in await citizen.say("进度")

    await citizen.show("p-2")
    await rows(runtime, "UPDATE media SET state = 'ready' WHERE source_id = 'p-2' RETURNING id")
    assert "没有收到" not in await citizen.say("进度")


async def test_an_id_too_long_to_fetch_is_not_noted_and_said_so(citizen: Citizen, runtime: Runtime) -> None:
    reply = await citizen.send(voice(citizen, "v" * 129))

    assert "110" in reply
    assert await media(runtime) == []


async def test_a_message_sent_again_by_wechat_is_one_medium(citizen: Citizen, runtime: Runtime) -> None:
    message = ImageMessage(media_id="p-1", picture_url="http://x", **citizen.common())
    for _ in range(3):
        await citizen.send(message)

    assert [source for _, source, _ in await media(runtime)] == ["p-1"]


@dataclass
class Official:
    """The account's port, at a simulator in this process."""

    wechat: WeChat
    source: WeChatMedia

    async def sends(self, kind: str, content: bytes) -> str:
        """A person sends a file; its media id."""
        user = await self.wechat.user(id="neighbour")
        answer = await self.wechat.http.post(
            f"/__wechat__/users/{user['id']}/files", params={"kind": kind}, content=content
        )
        assert answer.is_success, answer.text
        return str(self.wechat.receiver.messages[-1].findtext("MediaId"))


@pytest.fixture
async def account(runtime: Runtime, station: Made) -> AsyncIterator[Official]:
    api = runtime.settings.wechat_api_base
    wechat = connect(Receiver(), public_url=api)
    async with open_http(api, transport=wechat.http._transport) as http:
        yield Official(wechat, wechat_media(runtime, http))
    await wechat.http.aclose()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", samples.jpeg()),
        ("voice", samples.amr()),
        ("video", samples.mp4()),
        ("shortvideo", samples.mp4()),
    ],
)
async def test_every_kind_is_fetched_as_wechat_gives_it(account: Official, kind: str, content: bytes) -> None:
    media_id = await account.sends(kind, content)

    fetched = await account.source.fetch(media_id, max_bytes=20 * MB)

    assert (fetched.verdict, fetched.content) == (Verdict.FETCHED, content)


async def test_what_wechat_does_not_know_any_more_is_gone(account: Official) -> None:
    media_id = await account.sends("image", samples.jpeg())
    await account.wechat.advance(3 * 24 * 3600 + 1)

    fetched = await account.source.fetch(media_id, max_bytes=MB)

    assert (fetched.verdict, fetched.code) == (Verdict.GONE, 40007)


@pytest.mark.parametrize("kind", ["image", "video"])
async def test_what_is_larger_than_we_take_is_not_read_to_its_end(account: Official, kind: str) -> None:
    content = samples.jpeg() if kind == "image" else samples.mp4()
    media_id = await account.sends(kind, content)

    assert (await account.source.fetch(media_id, max_bytes=600)).verdict is Verdict.TOO_LARGE


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"errcode": 45009}, Verdict.SPENT),
        ({"errcode": -1}, Verdict.RETRY),
        ({"errcode": 48001}, Verdict.STOP),
        ({"errcode": 40164}, Verdict.STOP),
        ({"http_status": 502}, Verdict.RETRY),
        ({"reset": True}, Verdict.RETRY),
    ],
)
async def test_every_no_is_read(account: Official, fault: dict[str, Any], verdict: Verdict) -> None:
    media_id = await account.sends("image", samples.jpeg())
    await account.wechat.control("faults/api", {"path": "/cgi-bin/media/get", **fault})

    assert (await account.source.fetch(media_id, max_bytes=MB)).verdict is verdict


def test_every_reading_has_one_meaning() -> None:
    assert {VERDICTS.get(reading, Verdict.STOP) for reading in Reading} == {
        Verdict.GONE, Verdict.RETRY, Verdict.SPENT, Verdict.STOP,
    }  # fmt: skip


class Elsewhere(httpx.AsyncBaseTransport):
    """WeChat's answer to a video names a host; what is then asked is kept."""

    def __init__(self, url: str) -> None:
        self.url, self.asked = url, []  # type: ignore[var-annotated]  # of str

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if request.url.path == "/cgi-bin/stable_token":
            return httpx.Response(200, json={"access_token": "the-token", "expires_in": 7200})
        if request.url.path == "/cgi-bin/media/get":
            return httpx.Response(200, json={"video_url": self.url})
        return httpx.Response(200, content=samples.mp4(), headers={"Content-Type": "video/mp4"})


@pytest.mark.parametrize(
    "url",
    [
        "http://vweixinp.tc.qq.com/1007/a.mp4?k=1",
        "https://mmbiz.qpic.cn/a.mp4",
        "https://api.weixin.qq.com/a.mp4",
    ],
)
async def test_a_video_is_fetched_where_wechat_keeps_it_and_no_token_goes_there(
    runtime: Runtime, url: str
) -> None:
    way = Elsewhere(url)
    source = _over(runtime, way)

    assert (await source.fetch("f", max_bytes=MB)).verdict is Verdict.FETCHED
    assert way.asked[-1] == url
    assert "the-token" not in way.asked[-1]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:6379/",
        "http://evil.example/qq.com",
        "http://qq.com.evil.example/a.mp4",
        "http://evilqq.com/a.mp4",
        "http://a.qq.com:6379/",
        "http://user@a.qq.com/a.mp4",
        "file:///etc/passwd",
        "//a.qq.com/a.mp4",
        "http://a.qq.com:x/a.mp4",
        "",
    ],
)
async def test_a_video_elsewhere_is_not_fetched(runtime: Runtime, url: str) -> None:
    way = Elsewhere(url)

    assert (await _over(runtime, way).fetch("f", max_bytes=MB)).verdict is Verdict.RETRY
    assert [asked for asked in way.asked if "/cgi-bin/" not in asked] == []


def _over(runtime: Runtime, way: httpx.AsyncBaseTransport) -> WeChatMedia:
    account = Account(OA, "0123456789abcdef0123456789abcdef")
    http = open_http(runtime.settings.wechat_api_base, transport=way)
    return WeChatMedia(
        WeChatClient(http, account, TokenStore(http, account, runtime.valkey)),
        runtime.settings.wechat_api_base,
    )


async def test_the_simulator_on_this_machine_may_call_itself_localhost(runtime: Runtime) -> None:
    way = Elsewhere("http://localhost:8002/__wechat__/files/f")
    account = Account(OA, "0123456789abcdef0123456789abcdef")
    http = open_http("http://127.0.0.1:8002", transport=way)
    client = WeChatClient(http, account, TokenStore(http, account, runtime.valkey))

    assert (
        await WeChatMedia(client, "http://127.0.0.1:8002").fetch("f", max_bytes=MB)
    ).verdict is Verdict.FETCHED
    assert (
        await WeChatMedia(client, "http://127.0.0.1:9000").fetch("f", max_bytes=MB)
    ).verdict is Verdict.RETRY
