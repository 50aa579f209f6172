"""The call button of a silent report: locked for desk and officer, unlocked for a reason that is on record."""

from __future__ import annotations

from typing import Any

import pytest

from app.kit.runtime import Runtime
from tests.console.people import People, Person
from tests.factories import Made, Make
from tests.wechat.chats import rows


@pytest.fixture
async def silent(make: Make) -> Made:
    return await make.case(state="handed_over", text_only=True, facts={"flags": ["child", "large_print"]})


async def test_the_desk_sees_the_lock_and_the_flags(desk: Person, silent: Made) -> None:
    whole = await desk.ok("GET", f"/cases/{silent.id}")
    [queued] = (await desk.ok("GET", "/queue"))["items"]

    assert (whole["contact"], whole["contact_locked"]) == (False, True)
    assert whole["flags"] == queued["flags"] == ["child", "large_print", "text_only"]


async def test_the_desk_unlocks_it_for_a_reason_that_the_auditor_reads(
    desk: Person, people: People, silent: Made
) -> None:
    path, purpose = f"/cases/{silent.id}/contact", "报案人失联，需电话确认安全"
    locked = await desk.call("POST", path, {"purpose": purpose})
    reasonless = await desk.call("POST", path, {"purpose": " ", "despite_text_only": True})
    unlocked = await desk.call("POST", path, {"purpose": purpose, "despite_text_only": True})

    auditor = await people.signed_in("auditor")
    looks = (await auditor.ok("GET", "/audit?action=contact_revealed"))["items"]
    assert (locked.status_code, locked.json()["code"]) == (403, "contact_not_shown")
    assert reasonless.status_code == 422
    assert unlocked.status_code == 200
    assert [(look["purpose"], look["facts"]) for look in looks] == [
        (purpose, {"case_id": str(silent.id), "despite_text_only": True})
    ]


async def test_the_override_opens_nothing_that_was_closed_anyway(
    desk: Person, make: Make, runtime: Runtime
) -> None:
    case = await make.case(text_only=True)
    body: dict[str, Any] = {"purpose": "想看看", "despite_text_only": True}

    answer = await desk.call("POST", f"/cases/{case.id}/contact", body)

    assert (answer.status_code, answer.json()["code"]) == (403, "contact_not_shown")
    assert await rows(runtime, "SELECT 1 FROM audit_log WHERE action = 'contact_revealed'") == []
