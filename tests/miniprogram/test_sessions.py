"""Signing in and out, binding an officer, the second factor, what is kept of oneself."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.invitations import invite
from app.people.second_factor import decide_approval, enrol_totp, pending_approvals
from app.people.sessions import actor_of, issue
from app.people.tables import Audience
from tests.factories import Make
from tests.miniprogram.phones import FakeWeChat, Known, Phone, Refused, SignIn


async def _with(
    client: httpx.AsyncClient, method: str, path: str, token: str, body: object = None
) -> httpx.Response:
    return await client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


async def test_the_first_sign_in_makes_a_citizen_the_next_finds_them(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime
) -> None:
    wechat.codes |= {
        "one": Known("openid-a", "union-a"),
        "two": Known("openid-a"),
        "three": Known("openid-b"),
    }

    tokens = [
        (await client.post("sessions", json={"code": c})).json()["token"] for c in ("one", "two", "three")
    ]

    actors = [await actor_of(runtime, token, Audience.MINIPROGRAM) for token in tokens]
    assert actors[0].person_id == actors[1].person_id != actors[2].person_id
    assert (await _with(client, "GET", "me", tokens[0])).json() == {
        "kind": "citizen", "language": "zh", "second_factor": False, "locked": False, "officer": None,
    }  # fmt: skip


async def test_a_code_works_once_and_the_answer_names_no_secret(
    client: httpx.AsyncClient, wechat: FakeWeChat
) -> None:
    wechat.codes["one"] = Known("openid-a")
    first = await client.post("sessions", json={"code": "one"})

    again = await client.post("sessions", json={"code": "one"})

    assert first.status_code == 201
    assert "openid" not in first.text
    assert (again.status_code, again.json()["code"]) == (401, "sign_in_code_refused")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("sign_in_blocked"), 403, "sign_in_blocked"),
        (Refused("wait_minute"), 429, "sign_in_too_often"),
        (Refused("operator"), 503, "wechat_silent"),
    ],
)
async def test_what_wechat_refuses_is_said_in_our_words(
    client: httpx.AsyncClient, wechat: FakeWeChat, error: Exception, status: int, code: str
) -> None:
    wechat.error = error

    answer = await client.post("sessions", json={"code": "x"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_real_client_of_wechat_fits_the_port() -> None:
    from miniprogram.auth import CodeRefused, WeChatSilent, who_holds
    from wechat.errors import WeChatRefused, WeChatUnreachable

    class Port:
        def __init__(self, error: Exception) -> None:
            self.error = error

        async def code2session(self, js_code: str) -> Known:
            raise self.error

    with pytest.raises(CodeRefused):
        await who_holds(Port(WeChatRefused("jscode2session", 40163, rid=None, hint=None)), "x")
    with pytest.raises(WeChatSilent):
        await who_holds(Port(WeChatUnreachable("jscode2session", sent=False, cause="timeout")), "x")
    with pytest.raises(ZeroDivisionError):
        await who_holds(Port(ZeroDivisionError()), "x")


async def test_a_suspended_person_cannot_sign_in(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime
) -> None:
    wechat.codes |= {"one": Known("openid-a"), "two": Known("openid-a")}
    await client.post("sessions", json={"code": "one"})
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE people SET active = FALSE"))

    answer = await client.post("sessions", json={"code": "two"})

    async with runtime.database.moves() as db:
        sessions = (await db.execute(text("SELECT count(*) FROM sessions"))).scalar_one()
    assert answer.status_code == 401
    assert sessions == 1


async def test_signing_out_ends_the_session_at_once_here(citizen: Phone, runtime: Runtime) -> None:
    await citizen.ok("DELETE", "/sessions/current")
    await runtime.drain()

    assert (await citizen.get("/me")).status_code == 401


async def test_binding_by_session_gives_an_officer_who_lacks_the_second_factor(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime, make: Make
) -> None:
    station = await make.the_station()
    wechat.codes["one"] = Known("openid-a")
    token = (await client.post("sessions", json={"code": "one"})).json()["token"]
    async with transaction(runtime) as db:
        invited = await invite(db, runtime, name="王小明", badge="017342", station_id=station.id)

    body = {"badge": "017342", "code": invited.code}
    bound = await _with(client, "POST", "officers/bind", token, body)
    await runtime.drain()

    officer = bound.json()["me"]["officer"]
    assert bound.status_code == 201
    assert (officer["badge"], officer["on_duty"], bound.json()["me"]["second_factor"]) == (
        "017342",
        False,
        False,
    )
    assert (await _with(client, "GET", "me", token)).status_code == 401  # the citizen's session has ended
    refused = await _with(client, "POST", "duty/on", bound.json()["token"])
    assert refused.json()["code"] == "second_factor_needed"


async def test_binding_by_code_needs_no_session_and_an_invitation_works_once(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime, make: Make
) -> None:
    station = await make.the_station()
    async with transaction(runtime) as db:
        invited = await invite(db, runtime, name="王小明", badge="017342", station_id=station.id)
    wechat.codes |= {"one": Known("openid-a"), "two": Known("openid-b")}
    body = {"badge": "017342", "code": invited.code}

    first = await client.post("officers/bind", json=body | {"js_code": "one"})
    second = await client.post("officers/bind", json=body | {"js_code": "two"})
    nobody = await client.post("officers/bind", json=body)

    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (401, "invitation_refused")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "sign_in_code_refused")


async def test_a_stranger_who_guesses_waits_and_the_officer_does_not(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime, make: Make
) -> None:
    station = await make.the_station()
    async with transaction(runtime) as db:
        invited = await invite(db, runtime, name="王小明", badge="017342", station_id=station.id)
    wechat.codes |= {"stranger": Known("openid-stranger"), "officer": Known("openid-officer")}
    token = (await client.post("sessions", json={"code": "stranger"})).json()["token"]
    wrong = {"badge": "017342", "code": "0000 0000"}

    guesses = [await _with(client, "POST", "officers/bind", token, wrong) for _ in range(5)]
    over = await _with(client, "POST", "officers/bind", token, wrong | {"code": invited.code})
    bound = await client.post("officers/bind", json=wrong | {"code": invited.code, "js_code": "officer"})

    assert {answer.status_code for answer in guesses} == {401}
    assert (over.status_code, over.json()["code"]) == (429, "binding_too_often")
    assert bound.status_code == 201


async def test_totp_opens_the_officers_routes_and_a_code_works_once(
    make: Make, sign_in: SignIn, runtime: Runtime
) -> None:
    made = await make.officer(on_duty=False)
    async with transaction(runtime) as db:
        address = await enrol_totp(db, runtime, made.id, by=None)
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    async with runtime.database.moves() as db:
        now: datetime = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
    code = pyotp.TOTP(secret).at(now)
    phone = await sign_in(made, second_factor=False)

    me = await phone.ok("POST", "/me/second-factor", {"code": code})
    await runtime.drain()
    again = await phone.post("/me/second-factor", {"code": code})

    assert me["second_factor"] is True
    assert (await phone.ok("POST", "/duty/on"))["on_duty"] is True
    assert (again.status_code, again.json()["code"]) == (401, "second_factor_refused")


async def test_the_desk_can_let_an_officer_in(make: Make, sign_in: SignIn, runtime: Runtime) -> None:
    station = await make.the_station()
    phone = await sign_in(await make.officer(), second_factor=False)
    desk = await make.staff("desk", station=station)
    async with transaction(runtime) as db:
        token, _ = await issue(db, desk.id, Audience.CONSOLE, ttl_s=600, second_factor=True)

    asked = await phone.post("/me/second-factor/approval")
    async with transaction(runtime) as db:
        waiting = await pending_approvals(db, stations=[station.id])
        await decide_approval(
            db, waiting[0].id, by=await actor_of(runtime, token, Audience.CONSOLE), approve=True
        )
    await runtime.drain()

    assert asked.status_code == 202
    assert (await phone.ok("GET", "/me"))["second_factor"] is True


async def test_a_contact_needs_consent_and_goes_with_it(citizen: Phone, runtime: Runtime) -> None:
    without = await citizen.call("PUT", "/me/contact", {"phone": "13800000000"})
    await citizen.ok("PUT", "/me/contact", {"name": "李雷", "phone": "13800000000", "consent": "2025-01"})
    count = text("SELECT count(*) FROM identity.persons WHERE phone IS NOT NULL AND consent_at <= :now")
    now = datetime.now(UTC)
    async with runtime.database.moves() as db:
        kept = (await db.execute(count, {"now": now})).scalar_one()
    await citizen.ok("DELETE", "/me/contact")
    async with runtime.database.moves() as db:
        left = (await db.execute(count, {"now": now})).scalar_one()

    assert without.status_code == 422
    assert (kept, left) == (1, 0)


async def test_an_officers_name_is_not_theirs_to_change(officer: Phone) -> None:
    changed = await officer.call("PUT", "/me/contact", {"name": "别人", "consent": "2025-01"})
    erased = await officer.call("DELETE", "/me/contact")

    assert changed.json()["code"] == erased.json()["code"] == "citizens_only"
