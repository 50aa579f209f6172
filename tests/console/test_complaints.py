"""Complaints at the console: auditors of all stations read them, on record; nobody else, not even that there are any."""

from __future__ import annotations

import pytest

from app.complaints.service import Filed, answer, file, forget_words
from app.dispatch.personal import erase
from app.events.edge import transaction
from app.kit.errors import Invalid
from app.kit.runtime import Runtime
from tests.console.people import People
from tests.factories import Made, Make
from tests.wechat.chats import rows

WORDS = "昨晚来的民警态度恶劣"


@pytest.fixture
async def complainant(make: Make) -> Made:
    return await make.citizen()


@pytest.fixture
async def filed(runtime: Runtime, complainant: Made) -> Filed:
    async with transaction(runtime) as db:
        return await file(db, runtime, person_id=complainant.id, words=WORDS, key="chat:1")


async def test_the_auditor_lists_reads_and_answers_and_each_look_is_on_record(
    people: People, runtime: Runtime, filed: Filed
) -> None:
    auditor = await people.signed_in("auditor")
    listed = (await auditor.ok("GET", "/complaints"))["items"]
    whole = await auditor.ok("GET", f"/complaints/{filed.id}")
    await auditor.ok("POST", f"/complaints/{filed.id}/contact", {"purpose": "联系投诉人核实"})
    first = await auditor.call("POST", f"/complaints/{filed.id}/answer", {"words": "已核实处理"})
    second = await auditor.call("POST", f"/complaints/{filed.id}/answer", {"words": "再次答复"})

    acts = [e["action"] for e in (await auditor.ok("GET", f"/audit?object_id={filed.id}"))["items"]]
    assert [(one["number"], one["read_at"]) for one in listed] == [(filed.number, None)]
    assert "words" not in listed[0]
    assert (whole["words"], whole["read_at"]) == (WORDS, None)
    assert (first.status_code, second.json()["code"]) == (204, "complaint_answered")
    assert acts == ["complaint_answered", "complaint_read", "complaint_filed"]


async def test_an_answer_that_is_too_long_is_refused_not_cut(
    people: People, runtime: Runtime, filed: Filed
) -> None:
    auditor = await people.signed_in("auditor")
    refused = await auditor.call("POST", f"/complaints/{filed.id}/answer", {"words": "长" * 1001})
    async with transaction(runtime) as db:
        with pytest.raises(Invalid, match="1001"):
            await answer(db, runtime, filed.id, words="长" * 1001, by=filed.id)
    taken = await auditor.call("POST", f"/complaints/{filed.id}/answer", {"words": "长" * 1000})

    assert (refused.status_code, taken.status_code) == (422, 204)


@pytest.mark.parametrize("role", ["desk", "commander", "administrator"])
async def test_no_other_role_reads_one(people: People, make: Make, filed: Filed, role: str) -> None:
    person = await people.signed_in(role)

    answers = [
        await person.call("GET", "/complaints"),
        await person.call("GET", f"/complaints/{filed.id}"),
        await person.call("POST", f"/complaints/{filed.id}/answer", {"words": "已核实处理"}),
        await person.call("POST", f"/complaints/{filed.id}/contact", {"purpose": "联系投诉人核实"}),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "role_needed")] * 4


async def test_an_auditor_of_one_station_does_not_either(people: People, make: Make, filed: Filed) -> None:
    person = await people.signed_in("auditor", station=await make.the_station())

    assert (await person.call("GET", f"/complaints/{filed.id}")).status_code == 403


async def test_erasing_oneself_silences_no_complaint_that_waits(
    runtime: Runtime, complainant: Made, filed: Filed
) -> None:
    async with transaction(runtime) as db:
        await erase(db, complainant.id)
    [waiting] = await rows(runtime, "SELECT words IS NOT NULL AS there FROM complaints")
    await rows(runtime, "UPDATE complaints SET answered_at = clock_timestamp() RETURNING 1")
    async with transaction(runtime) as db:
        forgotten = await forget_words(db)

    assert waiting.there
    assert forgotten == 1
    [row] = await rows(runtime, "SELECT words, salt, content, receipt FROM complaints")
    assert (row.words, row.salt, row.content) == (None, None, None)
    assert row.receipt
