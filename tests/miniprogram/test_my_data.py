"""A citizen's own data through the door: all of it, nothing of officers but the badge, and its erasure."""

from __future__ import annotations

import json

import httpx
import pytest
from sqlalchemy import text

from app.complaints.service import file
from app.dispatch.drafts import Draft, draft_of, save
from app.dispatch.personal import erase_words
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.identity import set_identity
from app.people.sessions import PersonKind
from app.receipts.proof import matches, read
from tests.factories import Make
from tests.miniprogram.phones import POINT, FakeWeChat, Known, Phone, SignIn


async def _sql(runtime: Runtime, statement: str, **values: object) -> list[tuple[object, ...]]:
    async with runtime.database.moves() as db:
        result = await db.execute(text(statement), values)
        return [tuple(row) for row in result.all()]


async def _told(phone: Phone, runtime: Runtime) -> None:
    """The citizen says who they are, and begins to write in the chat."""
    await phone.ok("PUT", "/me/contact", {"name": "李雷", "phone": "13800000000", "consent": "2025-01"})
    async with transaction(runtime) as db:
        await draft_of(db, runtime, phone.person_id)
        await save(db, runtime, Draft(phone.person_id, words="还没写完"))
        await file(db, runtime, person_id=phone.person_id, words="民警态度恶劣", key="chat:1")


async def _reported(phone: Phone, key: str = "report-key-1") -> str:
    body = {"category": "noise", "words": "楼下很吵", "place": {"point": POINT, "label": "珠江路88号"}}
    answer = await phone.client.post(
        "reports", json=body, headers={"Authorization": f"Bearer {phone.token}", "Idempotency-Key": key}
    )
    assert answer.status_code == 201, answer.text
    case_id: str = answer.json()["case_id"]
    return case_id


async def test_the_export_holds_everything_and_of_the_officer_the_badge_alone(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime, make: Make, citizen: Phone
) -> None:
    wechat.codes["one"] = Known("openid-of-me", "unionid-of-me")
    signed = (await client.post("sessions", json={"code": "one"})).json()
    person_id = (await _sql(runtime, "SELECT person_id FROM identity.openids"))[0][0]
    me = Phone(client, person_id, citizen.session_id, signed["token"])  # type: ignore[arg-type]
    await _told(me, runtime)
    officer = await make.officer()
    async with transaction(runtime) as db:
        await set_identity(db, runtime, officer.id, name="王小明", phone="13911111111")
    case_id = await _reported(me)
    await runtime.drain()
    await _sql(
        runtime,
        "INSERT INTO events (kind, case_id, actor_id, epoch) VALUES ('case_claimed', :case_id, :officer, 1),"
        " ('case_alarmed', :case_id, NULL, 1)",
        case_id=case_id, officer=officer.id,
    )  # fmt: skip

    answer = await me.get("/me/export")
    held = answer.json()

    assert answer.headers["cache-control"] == "no-store"
    profile = held["profile"]
    assert (profile["name"], profile["phone"], profile["consent_version"]) == (
        "李雷",
        "13800000000",
        "2025-01",
    )
    assert (profile["unionid"], list(profile["openids"].values())) == ("unionid-of-me", ["openid-of-me"])
    assert held["draft"]["words"] == "还没写完"
    [complaint] = held["complaints"]
    assert (complaint["words"], complaint["read_at"]) == ("民警态度恶劣", None)
    kept = read(complaint["receipt"])
    assert matches(kept, complaint["content"].encode(), bytes.fromhex(complaint["salt"]))
    assert [(c["words"], c["place"]["label"]) for c in held["cases"]] == [("楼下很吵", "珠江路88号")]
    badge = (await _sql(runtime, "SELECT badge FROM officers WHERE person_id = :id", id=officer.id))[0][0]
    steps = [(s["kind"], s["own"], s["badge"]) for s in held["cases"][0]["timeline"]]
    assert ("case_reported", True, None) in steps
    assert ("case_claimed", False, badge) in steps
    assert "case_alarmed" not in {s[0] for s in steps}
    assert len(held["sessions"]) == 1
    said = json.dumps(held, ensure_ascii=False)
    for secret in ("王小明", "13911111111", str(officer.id)):
        assert secret not in said
    acts = await _sql(runtime, "SELECT actor_id FROM audit_log WHERE action = 'own_data_exported'")
    assert acts == [(person_id,)]


async def test_the_export_is_ones_own(citizen: Phone, make: Make, sign_in: SignIn) -> None:
    await _reported(citizen)
    other = await sign_in(await make.citizen())

    assert (await other.ok("GET", "/me/export"))["cases"] == []


async def test_an_open_case_keeps_a_citizen_until_it_ends(citizen: Phone, runtime: Runtime) -> None:
    await _told(citizen, runtime)
    await _reported(citizen)

    refused = await citizen.call("DELETE", "/me")

    assert (refused.status_code, refused.json()["code"]) == (409, "case_still_open")
    assert "cancel it" in refused.json()["detail"]
    assert (await citizen.ok("GET", "/me/export"))["profile"]["name"] == "李雷"


@pytest.mark.parametrize(("ended_days_ago", "gone"), [(6, False), (8, True)])
async def test_erased_is_who_they_are_and_after_the_dispute_time_what_they_wrote(
    citizen: Phone, runtime: Runtime, ended_days_ago: int, gone: bool
) -> None:
    await _told(citizen, runtime)
    case_id = await _reported(citizen)
    await citizen.ok("POST", f"/cases/{case_id}/cancel")
    await _sql(
        runtime,
        "UPDATE cases SET closed_at = clock_timestamp() - make_interval(days => :days)",
        days=ended_days_ago,
    )

    answer = await citizen.call("DELETE", "/me")
    await runtime.drain()

    assert answer.status_code == 204
    assert (await citizen.get("/me")).status_code == 401
    for table in ("identity.persons", "identity.openids", "drafts", "windows"):
        assert await _sql(runtime, f"SELECT 1 FROM {table} WHERE person_id = :id", id=citizen.person_id) == []
    kept = (await _sql(runtime, "SELECT category, reporter_id, words, place, media FROM cases"))[0]
    assert kept[:2] == ("noise", citizen.person_id)
    assert (kept[2] is None and kept[3] is None) is gone
    acts = await _sql(runtime, "SELECT actor_id, facts FROM audit_log WHERE action = 'person_erased'")
    assert acts == [(citizen.person_id, {"words_of_cases": int(gone)})]
    await _sql(runtime, "UPDATE cases SET closed_at = closed_at - interval '2 days'")
    assert await erase_words(runtime) == int(not gone)
    assert await _sql(runtime, "SELECT 1 FROM cases WHERE words IS NOT NULL OR place IS NOT NULL") == []
    assert await erase_words(runtime) == 0


async def test_the_words_of_who_was_not_erased_stay(citizen: Phone, runtime: Runtime) -> None:
    case_id = await _reported(citizen)
    await citizen.ok("POST", f"/cases/{case_id}/cancel")
    await _sql(runtime, "UPDATE cases SET closed_at = clock_timestamp() - interval '30 days'")

    assert await erase_words(runtime) == 0
    assert len(await _sql(runtime, "SELECT 1 FROM cases WHERE words IS NOT NULL")) == 1


async def test_who_signs_in_again_is_somebody_new(
    client: httpx.AsyncClient, wechat: FakeWeChat, runtime: Runtime
) -> None:
    people = []
    for code in ("one", "two"):
        wechat.codes[code] = Known("openid-a", "unionid-a")
        token = (await client.post("sessions", json={"code": code})).json()["token"]
        people += [row[0] for row in await _sql(runtime, "SELECT person_id FROM identity.openids")]
        answer = await client.delete("me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 204
        await runtime.drain()

    assert len(set(people)) == 2


@pytest.mark.parametrize("route", [("GET", "/me/export"), ("DELETE", "/me")])
async def test_an_officers_data_are_the_administrators(officer: Phone, route: tuple[str, str]) -> None:
    answer = await officer.call(*route)

    assert (answer.status_code, answer.json()["code"]) == (403, "citizens_only")
    assert (await officer.ok("GET", "/me"))["kind"] == PersonKind.OFFICER
