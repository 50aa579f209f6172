"""The pagers' adapters against the simulator: what leaves, field by field, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

import pagers
from app import doctor
from app.dispatch.pagers import Page, Pager, PagerKind, configured
from app.kit.runtime import Runtime
from app.notices.sender import Verdict
from simulator import pagers as simulated
from tests.factories import Make
from tests.simulator.account import Receiver, WeChat, connect

BADGE, STATION = "017342", "S001"
PAGE = Page("didi-7", BADGE, STATION, "有一条可接的任务")
SET_UP: dict[str, Any] = {
    "pager_police_app_url": "http://pagers.test/pagers/police-app",
    "pager_wecom_api_base": "http://pagers.test/wecom",
    "pager_wecom_corp_id": simulated.CORP_ID,
    "pager_wecom_agent_id": simulated.AGENT_ID,
    "pager_sms_url": "http://pagers.test/pagers/sms",
    "pager_loudspeaker_url": "http://pagers.test/pagers/loudspeaker",
}
SECRETS = {
    "pager_police_app_key": simulated.POLICE_APP_KEY,
    "pager_wecom_secret": simulated.CORP_SECRET,
    "pager_sms_token": simulated.SMS_TOKEN,
    "pager_loudspeaker_token": simulated.LOUDSPEAKER_TOKEN,
}
PATHS = {
    PagerKind.POLICE_APP: "/pagers/police-app",
    PagerKind.WECOM: "/wecom/cgi-bin/message/send",
    PagerKind.SMS: "/pagers/sms",
    PagerKind.LOUDSPEAKER: "/pagers/loudspeaker",
}


@dataclass
class Stage:
    """The adapters, the simulator behind them, and every request on its way."""

    wechat: WeChat
    found: list[Pager]
    sent: list[httpx.Request] = field(default_factory=list)

    def pager(self, kind: PagerKind) -> Pager:
        return next(p for p in self.found if p.kind is kind)

    async def fault(self, kind: PagerKind, **fault: Any) -> None:
        await self.wechat.control("faults/api", {"path": PATHS[kind]} | fault)


@pytest.fixture
def set_up(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Settings of pagers, these changed."""
    from pydantic import SecretStr

    def change(**changed: Any) -> None:
        secrets = {name: SecretStr(value) for name, value in SECRETS.items()}
        settings = runtime.settings.model_copy(update=SET_UP | secrets | changed)
        monkeypatch.setattr(runtime, "settings", settings)

    return change


@pytest_asyncio.fixture
async def stage(runtime: Runtime, set_up: Callable[..., None]) -> AsyncIterator[Stage]:
    set_up()
    wechat = connect(Receiver())
    stage = Stage(wechat, [])
    inner = wechat.http._transport

    class Watched(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            stage.sent.append(request)
            return await inner.handle_async_request(request)

    user = await wechat.user(id="officer")
    carries = ["police_app", "wecom", "sms"]
    await wechat.control(f"users/{user['id']}/pagers", {"badge": BADGE, "carries": carries})
    async with pagers.open_http(transport=Watched()) as http:
        stage.found = pagers.pagers_of(runtime, http)
        yield stage
    await wechat.http.aclose()


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def test_none_exists_until_the_settings_name_it(runtime: Runtime) -> None:
    async with pagers.open_http() as http:
        assert pagers.pagers_of(runtime, http) == []
    assert configured(runtime.settings) == ()


async def test_all_that_are_named_exist_in_order(stage: Stage, runtime: Runtime) -> None:
    assert [p.kind for p in stage.found] == list(PagerKind) == list(configured(runtime.settings))


@pytest.mark.parametrize("kind", list(PagerKind))
async def test_a_page_is_taken(stage: Stage, kind: PagerKind) -> None:
    outcome = await stage.pager(kind).page(PAGE)

    assert outcome.verdict is Verdict.SENT
    [request] = [r for r in stage.sent if r.url.path == PATHS[kind]]
    assert PAGE.words in request.content.decode()


async def test_exactly_these_fields_leave_and_no_other(stage: Stage) -> None:
    for pager in stage.found:
        await pager.page(PAGE)

    app, _token, wecom, sms, speaker = stage.sent
    assert body(app) == {"id": "didi-7", "badge": BADGE, "station": STATION, "words": PAGE.words}
    assert body(sms) == {"id": "didi-7", "badge": BADGE, "station": STATION, "text": PAGE.words}
    assert body(speaker) == {"id": "didi-7", "badge": BADGE, "station": STATION, "say": PAGE.words}
    assert body(wecom) == {
        "touser": BADGE, "msgtype": "text", "agentid": simulated.AGENT_ID, "text": {"content": PAGE.words}, "safe": 0,
        "enable_id_trans": 0, "enable_duplicate_check": 0,
    }  # fmt: skip
    assert {r.url.host for r in stage.sent} == {"pagers.test"}
    headers = {name for r in stage.sent for name in r.headers}
    assert headers <= {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length",
        "authorization", "x-didi-timestamp", "x-didi-signature",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [PagerKind.POLICE_APP, PagerKind.SMS, PagerKind.LOUDSPEAKER])
@pytest.mark.parametrize(
    ("fault", "verdict", "reading"),
    [
        ({"http_status": 502}, Verdict.RETRY, "unreachable"),
        ({"http_status": 404}, Verdict.REFUSED, "unknown_badge"),
        ({"http_status": 401}, Verdict.STOP, "operator"),
        ({"http_status": 429}, Verdict.STOP, "wait_quota"),
        ({"http_status": 400}, Verdict.DEAD, "our_fault"),
        ({"http_status": 409, "after": True}, Verdict.SENT, None),
        ({"reset": True}, Verdict.RETRY, "unreachable"),
    ],
)
async def test_each_failure_is_read(
    stage: Stage, kind: PagerKind, fault: dict[str, Any], verdict: Verdict, reading: str | None
) -> None:
    await stage.fault(kind, **fault)

    outcome = await stage.pager(kind).page(PAGE)

    assert (outcome.verdict, outcome.reading) == (verdict, reading)


async def test_an_answer_that_was_lost_is_asked_for_again_and_paged_once(stage: Stage) -> None:
    await stage.fault(PagerKind.POLICE_APP, http_status=502, after=True)
    app = stage.pager(PagerKind.POLICE_APP)

    outcomes = [(await app.page(PAGE)).verdict, (await app.page(PAGE)).verdict]

    assert outcomes == [Verdict.RETRY, Verdict.SENT]
    phone = await stage.wechat.control("users/officer/phone", method="GET")
    assert len(phone["notified"]) == 1


async def test_a_badge_that_a_pager_does_not_know_is_said(stage: Stage) -> None:
    page = Page("didi-8", "999999", STATION, PAGE.words)
    found = {p.kind: await p.page(page) for p in stage.found}

    assert {k for k, o in found.items() if o.reading == "unknown_badge"} == set(PagerKind) - {
        PagerKind.LOUDSPEAKER
    }


@pytest.mark.parametrize(
    ("errcode", "verdict"),
    [
        (-1, Verdict.RETRY),
        (81013, Verdict.REFUSED),
        (60111, Verdict.REFUSED),
        (45009, Verdict.STOP),
        (40056, Verdict.STOP),
        (60020, Verdict.STOP),
    ],
)
async def test_wecoms_codes_are_read(stage: Stage, errcode: int, verdict: Verdict) -> None:
    await stage.fault(PagerKind.WECOM, errcode=errcode)

    outcome = await stage.pager(PagerKind.WECOM).page(PAGE)

    assert (outcome.verdict, outcome.code) == (verdict, errcode)


async def test_wecoms_token_is_asked_for_once_and_anew_when_it_was_taken_back(stage: Stage) -> None:
    wecom = stage.pager(PagerKind.WECOM)

    await wecom.page(PAGE)
    await wecom.page(PAGE)
    await stage.wechat.advance(simulated.TOKEN_S)
    outcome = await wecom.page(PAGE)

    asked = [r for r in stage.sent if r.url.path == "/wecom/cgi-bin/gettoken"]
    assert len(asked) == 2
    assert outcome.verdict is Verdict.SENT


async def test_a_wrong_secret_of_wecom_stops_it_for_an_operator(
    runtime: Runtime, set_up: Callable[..., None], stage: Stage
) -> None:
    from pydantic import SecretStr

    set_up(pager_wecom_secret=SecretStr("another-secret"))
    async with pagers.open_http(transport=stage.wechat.http._transport) as http:
        wecom = next(p for p in pagers.pagers_of(runtime, http) if p.kind is PagerKind.WECOM)
        outcome = await wecom.page(PAGE)

    assert (outcome.verdict, outcome.reading) == (Verdict.STOP, "operator")


async def test_no_redirect_is_followed_and_no_proxy_used(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://elsewhere.test:1")
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/"})

    async with pagers.open_http(transport=httpx.MockTransport(answer)) as http:
        outcome = await pagers.SmsGateway(http, "http://sms.test/send", "token").page(PAGE)

    assert asked == ["sms.test"]
    assert outcome.verdict is Verdict.DEAD


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 4096

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    async with pagers.open_http(transport=transport) as http:
        outcome = await pagers.SmsGateway(http, "http://sms.test/send", "token").page(PAGE)

    assert outcome.verdict is Verdict.RETRY


async def test_the_board_speaks_at_the_officers_station(
    runtime: Runtime, make: Make, set_up: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await make.the_station()
    set_up(pager_loudspeaker_url="board", pager_loudspeaker_token=None)
    heard: list[tuple[list[str], bytes]] = []
    monkeypatch.setattr(runtime, "ears", [lambda to, raw: heard.append((to, raw))])
    async with pagers.open_http() as http:
        board = pagers.pagers_of(runtime, http)[-1]
        outcome = await board.page(Page("didi-9", BADGE, station.code, PAGE.words))
        unknown = await board.page(Page("didi-9", BADGE, "nowhere", PAGE.words))

    assert outcome.verdict is Verdict.SENT
    [(to, raw)] = heard
    assert to == [f"desk:{station.id}"]
    assert BADGE in raw.decode()
    assert (unknown.verdict, unknown.reading) == (Verdict.REFUSED, "unknown_station")


async def test_the_doctor_names_them(runtime: Runtime, set_up: Callable[..., None]) -> None:
    assert "none" in doctor._pagers(runtime).found
    set_up()
    assert doctor._pagers(runtime).found == "police_app, wecom, sms, loudspeaker"
