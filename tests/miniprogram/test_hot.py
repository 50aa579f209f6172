"""Claim and fixes before the framework: the same answers as the declared routes, whatever is sent."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from sqlalchemy.exc import InterfaceError

from app.kit.statements import MovesDb
from miniprogram import hot
from tests.factories import Make
from tests.miniprogram.phones import Phone
from tests.miniprogram.test_offers import fix


async def send(phone: Phone, path: str, content: bytes, kind: str = "application/json") -> httpx.Response:
    headers = {"Authorization": f"Bearer {phone.token}", "Content-Type": kind}
    return await phone.client.post(path, content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"epoch": 0, "more": 1}', 422, "invalid"),
        (b'{"epoch": -1}', 422, "invalid"),
        (b'{"epoch": "\xff"}', 400, "unreadable"),
        (b'{"epoch": 0, "' + b"x" * hot.BODY_MAX + b'": 1}', 413, "http_413"),
    ],
    ids=["broken", "empty", "unknown field", "negative", "not UTF-8", "too large"],
)
async def test_a_claim_that_cannot_be_read_says_why(
    officer: Phone, content: bytes, status: int, code: str
) -> None:
    answer = await send(officer, f"offers/{uuid4()}/claim", content)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_case_that_is_no_uuid_is_named(officer: Phone) -> None:
    answer = await officer.post(f"/offers/{'z' * 36}/claim", {"epoch": 0})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "case_id" in answer.json()["detail"]


async def test_nobody_and_who_is_no_officer_are_refused(officer: Phone, citizen: Phone) -> None:
    nobody = await officer.client.post("fixes", json={"fixes": [fix()]})
    other = await citizen.post("/fixes", {"fixes": [fix()]})

    assert (nobody.status_code, nobody.json()["code"]) == (401, "sign_in")
    assert (other.status_code, other.json()["code"]) == (403, "officers_only")


async def test_a_store_that_is_away_is_said_and_nothing_is_won(
    officer: Phone, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await make.case()
    await make.offer(case, officer.made)
    await officer.ok("GET", "/offers")  # who asks is known by now

    async def away(*_: object) -> None:
        raise InterfaceError("UPDATE", None, Exception("connection lost"))

    with monkeypatch.context() as patch:
        patch.setattr(MovesDb, "execute", away)
        down = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})
    won = await officer.post(f"/offers/{case.id}/claim", {"epoch": 0})

    assert (down.status_code, down.json()["code"]) == (503, "unavailable")
    assert won.status_code == 201


async def test_the_declared_route_takes_what_is_not_called_json(officer: Phone) -> None:
    answer = await send(officer, "fixes", b"lat=1", kind="application/x-www-form-urlencoded")

    assert answer.status_code == 422


async def test_what_only_looks_like_a_claim_goes_its_way(officer: Phone) -> None:
    assert (await officer.post("/offers/1/claim", {"epoch": 0})).status_code == 422
    assert (await officer.get(f"/offers/{uuid4()}/claim")).status_code == 405
