"""The control API, faults of the API, the stream, the page, the guard against production."""

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.main import NotInProduction, create_simulator
from tests.simulator.account import AES_KEY, MP, OA, TOKEN, Receiver, WeChat, connect, make_config

ROOT = Path(__file__).parents[2]


def test_it_refuses_to_stand_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIDI_ENV", "production")

    with pytest.raises(NotInProduction, match="DIDI_ENV"):
        create_simulator(make_config())


def test_the_command_refuses_production_with_a_sentence() -> None:
    command = [sys.executable, "-m", "simulator", "--callback", "http://localhost:8000/x", "--token", TOKEN]
    command += [
        "--aes-key",
        AES_KEY,
        "--app-id",
        OA,
        "--app-secret",
        "s",
        "--mp-app-id",
        MP,
        "--mp-app-secret",
        "s",
    ]

    done = subprocess.run(
        command, cwd=ROOT, env={"DIDI_ENV": "production"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "DIDI_ENV=production" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "changed",
    [{"token": "x"}, {"aes_key": "short"}, {"callback_url": "localhost"}, {"mp_app_id": OA}],
)
def test_a_wrong_setting_is_named(changed: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"token|AES key|callback_url|mp_app_id"):
        make_config(**changed)


async def test_a_fault_lasts_as_many_calls_as_it_says(wechat: WeChat) -> None:
    await wechat.control("faults/api", {"path": "/cgi-bin/getcallbackip", "errcode": 45009, "times": 2})

    codes = [(await wechat.get("getcallbackip")).json().get("errcode", 0) for _ in range(3)]

    assert codes == [45009, 45009, 0]
    assert (await wechat.control("faults", method="GET"))["api"] == []


async def test_a_fault_without_end_is_removed(wechat: WeChat) -> None:
    await wechat.control("faults/api", {"path": "*", "http_status": 502, "times": None})
    answer = await wechat.http.get("/cgi-bin/getcallbackip")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")

    await wechat.control("faults", method="DELETE")
    assert (await wechat.http.get("/cgi-bin/getcallbackip")).status_code == 200


async def test_a_slow_call_is_otherwise_right(wechat: WeChat) -> None:
    await wechat.token()
    await wechat.control("faults/api", {"path": "/cgi-bin/getcallbackip", "latency_s": 0.1})
    began = time.monotonic()

    answer = await wechat.get("getcallbackip")

    assert time.monotonic() - began >= 0.1
    assert answer.json() == {"ip_list": ["127.0.0.1"]}


async def test_a_broken_connection_may_come_before_or_after_the_act(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    posted = {"touser": user["openid"], "msgtype": "text", "text": {"content": "一"}}
    path = "/cgi-bin/message/custom/send"

    for after, seen in ((False, 1), (True, 2)):
        await wechat.control("faults/api", {"path": path, "reset": True, "after": after})
        with pytest.raises(httpx.ReadError):
            await wechat.post("message/custom/send", posted)
        assert len(await wechat.seen(user)) == seen


async def test_every_call_is_in_the_log_and_no_secret(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user)
    token = await wechat.token()
    await wechat.post(
        "message/custom/send", {"touser": user["openid"], "msgtype": "text", "text": {"content": "一"}}
    )

    calls, pushes = await wechat.log("api"), await wechat.log("callback")

    last = calls[-1]
    assert (last["path"], last["errcode"], last["app_id"]) == ("/cgi-bin/message/custom/send", 0, OA)
    assert last["body"]["text"] == {"content": "一"}
    assert [one["push"] for one in pushes] == ["text"]
    assert token not in str(calls)
    assert make_config().app_secret not in str(calls)


async def test_reset_forgets_people_and_tokens_and_time(wechat: WeChat) -> None:
    user, token = await wechat.user(id="anna"), await wechat.token()
    await wechat.advance(100)
    await wechat.control("faults/api", {"path": "*", "errcode": -1})

    await wechat.control("reset")

    assert (await wechat.control("users", method="GET"))["users"] == []
    answer = await wechat.http.get("/cgi-bin/getcallbackip", params={"access_token": token})
    assert answer.json()["errcode"] == 40001
    assert (await wechat.control("clock", method="GET"))["ahead_s"] == 0
    assert (await wechat.user(id="anna"))["openid"] == user["openid"]


async def test_a_user_exists_once_and_is_found_by_either_openid(wechat: WeChat) -> None:
    user = await wechat.user(id="anna")
    again = await wechat.http.post("/__wechat__/users", json={"id": "anna"})
    assert again.status_code == 409

    for openid in (user["openid"], user["mp_openid"]):
        assert len(openid) == 28
        found = await wechat.control(f"users?openid={openid}", method="GET")
        assert [one["id"] for one in found["users"]] == ["anna"]
    assert (await wechat.http.get("/__wechat__/users/nobody")).status_code == 404


async def test_waiting_for_messages_ends_with_the_first(wechat: WeChat) -> None:
    user = await wechat.user()
    waiting = asyncio.create_task(
        wechat.control(f"users/{user['id']}/messages?after=0&wait_s=30", method="GET")
    )
    await asyncio.sleep(0)

    await wechat.say(user)

    assert (await waiting)["entries"][0]["body"] == {"text": "你好"}
    nothing = await wechat.control(f"users/{user['id']}/messages?after=9&wait_s=0.01", method="GET")
    assert nothing == {"entries": [], "last": 1}


async def test_another_sites_page_may_do_nothing(wechat: WeChat) -> None:
    foreign = {"origin": "https://evil.example"}
    own = {"origin": "http://wechat.test"}

    assert (await wechat.http.post("/__wechat__/reset", headers=foreign)).status_code == 403
    assert (await wechat.http.post("/__wechat__/reset", headers=own)).status_code == 200


async def test_the_sketch_map_comes_from_a_file_or_says_why_not(tmp_path: Path) -> None:
    page = tmp_path / "map.geojson"
    page.write_text('{"type": "FeatureCollection", "features": []}', "utf-8")

    drawn = connect(Receiver(), sketch_map=str(page))
    missing = connect(Receiver(), sketch_map=str(tmp_path / "none.geojson"))
    plain = connect(Receiver(), centre=(39.9, 116.4))

    assert (await drawn.control("sketch-map", method="GET"))["geojson"]["features"] == []
    assert "sketch_map" in (await missing.control("sketch-map", method="GET"))["problem"]
    told = await plain.control("sketch-map", method="GET")
    assert told == {"centre": {"lat": 39.9, "lng": 116.4}, "geojson": None, "problem": None}


async def test_the_page_and_everything_it_names_is_served_from_here(wechat: WeChat) -> None:
    page = await wechat.http.get("/chat")

    assert "Simulated WeChat · 模拟微信" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"<style|<script(?! type=\"module\" src=)| style=| on[a-z]+=", page.text)
    wanted = re.findall(r'(?:src|href)="chat-page/([^"]+)"', page.text)
    assert len(wanted) == 3
    while wanted:
        part = await wechat.http.get(f"/chat-page/{wanted.pop()}")
        assert part.status_code == 200
        wanted += re.findall(r'from "\./([^"]+)"', part.text)
        foreign = part.text.replace("http://www.w3.org/2000/svg", "").replace('value: "https://"', "")
        assert not re.search(r"https?://[a-z]", foreign)


class Socket:
    """The client's end of a WebSocket to an ASGI app in this loop."""

    def __init__(self, wechat: WeChat, path: str) -> None:
        self.to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"wechat.test")],
            "subprotocols": [],
            "app": None,
        }
        self.to_app.put_nowait({"type": "websocket.connect"})
        app: Any = wechat.http._transport.app  # type: ignore[attr-defined]  # the simulator itself
        self.serving = asyncio.create_task(app(scope, self.to_app.get, self.from_app.put))

    async def next(self) -> Any:
        """The next frame."""
        async with asyncio.timeout(5):
            while (sent := await self.from_app.get())["type"] != "websocket.send":
                pass
        return json.loads(sent["text"])

    async def close(self) -> None:
        """Hang up, and see the server end by itself."""
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(5):
            await self.serving


async def test_the_socket_tells_what_was_and_what_comes(wechat: WeChat) -> None:
    user = await wechat.user()
    await wechat.say(user, "一")

    socket = Socket(wechat, f"/__wechat__/users/{user['id']}/stream")
    first = await socket.next()
    await wechat.say(user, "二")
    second = await socket.next()
    await wechat.post("message/custom/typing", {"touser": user["openid"], "command": "Typing"})
    third = await socket.next()
    await socket.close()

    assert [one["body"]["text"] for one in first["entries"]] == ["一"]
    assert [one["body"]["text"] for one in second["entries"]] == ["二"]
    assert [first["typing"], second["typing"], third["typing"]] == [False, False, True]


def test_it_imports_nothing_of_what_it_serves() -> None:
    check = "import sys, simulator.main, simulator.__main__; print(sorted({n.split('.')[0] for n in sys.modules}))"

    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)

    for stranger in ("app", "wechat", "miniprogram", "console", "demo", "wechatpy"):
        assert f"'{stranger}'" not in done.stdout
