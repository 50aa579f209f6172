"""What goes out on a whole walk: every address, every field of it, and no word, place, picture or name of a reporter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.policy import POLICIES, SHORT_QUIET
from app.notices.words import WORDS
from app.settings import Settings
from tests.walks.conftest import open_world
from tests.wechat.channels import MP_TEMPLATE, OA_TEMPLATE

NAME, PHONE = "李雷雷", "13800000000"
SAID = ("半夜唱歌太吵", "珠江路88号", NAME, PHONE, "32.06", "118.8")
"""What the reporter wrote, where they are, who they are: rounded degrees too."""

FIELDS: dict[str, set[str]] = {
    "/cgi-bin/stable_token": {"grant_type", "appid", "secret", "force_refresh"},
    "/cgi-bin/user/info": {"?access_token", "?openid"},
    "/sns/jscode2session": {"?appid", "?secret", "?js_code", "?grant_type"},
    "/cgi-bin/message/custom/send": {"?access_token", "touser", "msgtype", "text.content"},
    "/cgi-bin/message/template/send": {
        "?access_token", "touser", "template_id", "client_msg_id",
        "data.thing1.value", "data.character_string2.value", "data.time3.value",
    },
    "/cgi-bin/message/subscribe/send": {
        "?access_token", "touser", "template_id", "miniprogram_state", "lang",
        "data.thing1.value", "data.character_string2.value", "data.time3.value",
    },
}  # fmt: skip
"""Every address of WeChat's that a report's life reaches, and all that it is given."""
_SHORT = {w for p in POLICIES.values() for w in (p.short.zh, p.short.en)} | {SHORT_QUIET.zh, SHORT_QUIET.en}
_WHOLE = re.compile(
    "|".join(
        re.sub(r"\\\{\w+\\\}", "[^。.]*", re.escape(words))
        for kind in WORDS
        for words in (WORDS[kind].zh, WORDS[kind].en)
    )
)


@dataclass
class Calls:
    """Every request that left for WeChat."""

    made: list[httpx.Request] = field(default_factory=list)

    def fields(self) -> dict[str, set[str]]:
        """By address, what it was given."""
        found: dict[str, set[str]] = {}
        for request in self.made:
            given = found.setdefault(request.url.path, set())
            given |= {f"?{name}" for name in request.url.params}
            if request.content:
                given |= {name for name, _ in flat(json.loads(request.content))}
        return found

    def values(self, path: str, name: str) -> list[str]:
        """What stood in one field."""
        bodies = [json.loads(r.content) for r in self.made if r.url.path == path]
        return [value for body in bodies for found, value in flat(body) if found == name]


def flat(given: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(given, dict):
        yield before, given
        return
    for name, value in given.items():
        yield from flat(value, f"{before}.{name}" if before else name)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls, handle = Calls(), httpx.AsyncClient.send
    theirs = (
        "/__wechat__",
        "/miniprogram",
        "/console",
        "/wechat",
    )  # the test's own: phones, and the simulator

    async def send(self: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
        if not request.url.path.startswith(theirs):
            await request.aread()
            calls.made.append(request)
        return await handle(self, request, **more)

    monkeypatch.setattr(httpx.AsyncClient, "send", send)
    return calls


async def test_wechat_is_told_the_words_of_the_policy_and_nothing_of_the_report(
    runtime: Runtime, settings: Settings, calls: Calls
) -> None:
    templates = {"wechat_templates": {"*": OA_TEMPLATE}, "miniprogram_templates": {"*": MP_TEMPLATE}}
    async with open_world(settings.model_copy(update=templates)) as world:
        neighbour, officer = await world.neighbour(), await world.officer()
        signed = await world.phones.post("sessions", json={"code": await neighbour.login_code()})
        bearer = {"Authorization": f"Bearer {signed.json()['token']}"}
        contact = {"name": NAME, "phone": PHONE, "consent": "2025-01"}
        await world.phones.put("me/contact", json=contact, headers=bearer)
        agreed = {"results": {MP_TEMPLATE.id: "accept"}}
        await world.phones.post("me/subscriptions", json=agreed, headers=bearer)
        await world.wechat.control(
            f"users/{neighbour.user['id']}/grants", {"template_id": MP_TEMPLATE.id, "times": 1}
        )
        case, epoch = await world.claimed(neighbour, officer)
        await world.deliver()
        there = {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}
        await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": epoch})
        await officer.ok("POST", f"/cases/{case.id}/arrived", {"epoch": epoch, "at": there})
        await _empty_windows(world.runtime)
        await world.settle()
        await world.deliver()
        await world.wechat.control(f"users/{neighbour.user['id']}/unfollow")
        await officer.ok("POST", f"/cases/{case.id}/close", {"epoch": epoch, "disposition": "mediated"})
        for _ in range(3):  # no window, no follower, then the mini-program's message
            await world.settle()
            await world.deliver()

    assert calls.fields() == FIELDS
    for request in calls.made:
        sent = unquote(str(request.url)) + request.content.decode()
        assert [words for words in SAID if words in sent] == []
    chat = calls.values("/cgi-bin/message/custom/send", "text.content")
    assert chat
    assert [words for words in chat if not _WHOLE.fullmatch(words)] == []
    for path in ("/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/send"):
        assert set(calls.values(path, "data.thing1.value")) <= _SHORT
        numbers = calls.values(path, "data.character_string2.value")
        assert numbers
        assert [n for n in numbers if not re.fullmatch(r"[0-9]{3}-[0-9]{3}-[0-9]{4}", n)] == []


async def _empty_windows(runtime: Runtime) -> None:
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE windows SET long_left = 0, short_left = 0"))
