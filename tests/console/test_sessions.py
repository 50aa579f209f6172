from __future__ import annotations

import httpx
import pytest

from app.kit.runtime import Runtime
from app.settings import Settings, load_settings
from console.auth import cookie_name, is_plain
from tests.conftest import SECRETS
from tests.console.people import ORIGIN, PASSWORD, People, Person


async def test_password_and_code_open_a_session_whose_cookie_no_script_reads(people: People) -> None:
    person = await people.account(("desk", await people.make.the_station()))

    answer = await person.sign_in()

    assert answer.status_code == 201
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert answer.headers["cache-control"] == "no-store"
    assert (await person.ok("GET", "/me"))["name"] == "李值班"


@pytest.mark.parametrize(
    ("env", "origin", "plain"),
    [
        ("development", "http://localhost:8000", True),
        ("development", "https://localhost:8000", False),
        ("development", "http://localhost.evil.example", False),
        ("development", "http://10.0.0.7:8000", False),
        ("production", "http://localhost:8000", False),
        ("production", "https://didi.example.gov.cn", False),
    ],
)
def test_only_plain_localhost_in_development_goes_without_secure(env: str, origin: str, plain: bool) -> None:
    settings = load_settings(**SECRETS | {"DIDI_ENV": env}, DIDI_CONSOLE_ORIGIN=origin)

    assert is_plain(settings) is plain
    assert cookie_name(settings).startswith("__Host-") is not plain


async def test_a_secure_cookie_is_set_where_the_console_has_https(people: People, runtime: Runtime) -> None:
    person = await people.account(("auditor", None))
    secure = runtime.settings.model_copy(update={"console_origin": "https://didi.example.gov.cn"})
    plain, runtime.settings = runtime.settings, secure

    try:
        body = {"username": person.username, "password": PASSWORD, "totp": await person.fresh_code()}
        answer = await person.client.post("/sessions", json=body, headers={"Origin": secure.console_origin})
    finally:
        runtime.settings = plain

    assert answer.headers["set-cookie"].startswith("__Host-didi_console=")
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_wrong_name_password_or_code_is_refused_in_the_same_words(people: People) -> None:
    person = await people.account(("desk", None))

    refused = [
        await person.sign_in(password="wrong horse battery"),
        await person.sign_in(totp="000000"),
        await person.sign_in(username="nobody.here"),
    ]

    assert {r.status_code for r in refused} == {401}
    assert len({(r.json()["code"], r.json()["detail"], r.json()["title"]) for r in refused}) == 1


async def test_five_failures_elsewhere_lock_no_known_browser_out(people: People) -> None:
    person = await people.account(("desk", None))
    assert (await person.sign_in()).status_code == 201
    stranger, known = people.browser(), person.client
    person.client = stranger
    for _ in range(5):
        assert (await person.sign_in(password="wrong horse battery")).status_code == 401
    shut = await person.sign_in()

    person.client = known
    answer = await person.sign_in()

    assert (shut.status_code, answer.status_code) == (401, 201)
    flags = next(h for h in answer.headers.get_list("set-cookie") if h.startswith("didi_device=")).lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags


async def test_five_failures_lock_a_network_even_for_the_right_password(people: People) -> None:
    person = await people.account(("desk", None))
    for _ in range(5):
        assert (await person.sign_in(password="wrong horse battery")).status_code == 401

    answer = await person.sign_in()

    assert answer.status_code == 401
    assert answer.json()["code"] == "sign_in_refused"


async def test_a_code_works_once(people: People) -> None:
    person = await people.account(("desk", None))
    code = await person.fresh_code()
    body = {"username": person.username, "password": PASSWORD, "totp": code}

    answers = [await person.client.post("/sessions", json=body, headers={"Origin": ORIGIN}) for _ in range(2)]

    assert [a.status_code for a in answers] == [201, 401]


async def test_signing_out_ends_the_session_and_takes_the_cookie(desk: Person) -> None:
    token = desk.client.cookies["didi_console"]

    answer = await desk.call("DELETE", "/sessions/current")

    assert answer.status_code == 204
    assert "didi_console" not in desk.client.cookies
    desk.client.cookies["didi_console"] = token
    await desk.runtime.drain()
    assert (await desk.get("/me")).status_code == 401


@pytest.mark.parametrize("token", [None, "", "wrong", "\u00fc"])
async def test_without_its_csrf_token_nothing_changes(desk: Person, token: str | None) -> None:
    headers = [
        (b"origin", ORIGIN.encode()),
        *([(b"x-csrf-token", token.encode())] if token is not None else []),
    ]

    answer = await desk.client.request("DELETE", "/sessions/current", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused")
    assert (await desk.get("/me")).status_code == 200


async def test_the_csrf_token_of_another_session_is_refused(desk: Person, administrator: Person) -> None:
    answer = await desk.call("DELETE", "/sessions/current", **{"X-CSRF-Token": administrator.csrf})

    assert answer.json()["code"] == "csrf_refused"


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://localhost:8001", "http://localhost:8000.evil.example", "https://localhost:8000"],
)
async def test_another_page_can_neither_act_nor_sign_in(
    desk: Person, people: People, origin: str | None
) -> None:
    act = await desk.call("DELETE", "/sessions/current", Origin=origin)
    body = {"username": desk.username, "password": PASSWORD, "totp": await desk.fresh_code()}
    sign_in = await people.browser().post(
        "/sessions", json=body, headers={"Origin": origin} if origin else {}
    )

    assert (act.status_code, act.json()["code"]) == (403, "origin_refused")
    assert (sign_in.status_code, sign_in.json()["code"]) == (403, "origin_refused")


async def test_a_miniprogram_token_opens_no_console(desk: Person, runtime: Runtime) -> None:
    from app.events.edge import transaction
    from app.people.sessions import Audience, issue

    async with transaction(runtime) as db:
        token, _ = await issue(db, desk.person_id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True)
    desk.client.cookies.set("didi_console", token)

    assert (await desk.get("/me")).status_code == 401


async def test_a_new_password_ends_every_session(people: People) -> None:
    person = await people.signed_in("auditor")

    answer = await person.call(
        "PUT",
        "/me/password",
        {"old": PASSWORD, "new": "a river runs through", "totp": await person.fresh_code()},
    )
    await person.runtime.drain()

    assert answer.status_code == 204
    assert (await person.get("/me")).status_code == 401
    assert (await person.sign_in()).status_code == 401
    assert (await person.sign_in(password="a river runs through")).status_code == 201


async def test_nobody_is_told_anything_without_a_session(people: People, settings: Settings) -> None:
    browser: httpx.AsyncClient = people.browser()

    for path in ("/me", "/queue", "/stations", "/audit", "/officers"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")
