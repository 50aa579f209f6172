"""Media on phones: the reporter's own, and the holder's as long as the case is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.kit.runtime import Runtime
from app.media.states import MediaKind
from tests.app.media import samples
from tests.app.media.sending import Sent, Source, files_in
from tests.factories import Made, Make
from tests.miniprogram.phones import Phone, SignIn


@pytest.fixture
def folder(runtime: Runtime, tmp_path: Path) -> Iterator[Path]:
    with files_in(tmp_path / "media", runtime) as folder:
        yield folder


@pytest.fixture
async def sent(runtime: Runtime, make: Make, folder: Path, citizen: Phone, officer: Phone) -> Sent:
    """A case of the citizen, in the officer's hands."""
    case = await make.case(
        state="en_route",
        reporter=Made(citizen.person_id),
        officer=Made(officer.person_id),
        epoch=1,
        reported_ago_s=30,
    )
    return Sent(runtime, Source(), case)


async def listed(phone: Phone, sent: Sent) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await phone.ok("GET", f"/cases/{sent.case.id}/media"))["items"]
    return items


async def test_reporter_and_holder_hear_the_voice_each_by_a_link_of_their_own(
    sent: Sent, citizen: Phone, officer: Phone
) -> None:
    await sent.fetched(samples.amr(), MediaKind.VOICE)

    [own], [held] = await listed(citizen, sent), await listed(officer, sent)
    heard = await citizen.get(f"http://test{own['link']}")

    assert (own["kind"], own["state"], own["duration_ms"]) == ("voice", "ready", 2000)
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/mpeg")
    assert len(heard.content) == own["size"]
    assert (await officer.get(f"http://test{held['link']}")).content == heard.content
    assert (await officer.get(f"http://test{own['link']}")).json()["code"] == "media_not_found"
    looks = await sent.rows("SELECT actor_id, action FROM audit_log WHERE action LIKE 'media%' ORDER BY id")
    assert [(r.actor_id, r.action) for r in looks] == [
        (officer.person_id, "media_listed"), (officer.person_id, "media_served_read"),
    ]  # fmt: skip


async def test_after_release_there_is_nothing(sent: Sent, officer: Phone, citizen: Phone) -> None:
    await sent.fetched(samples.jpeg())
    [held] = await listed(officer, sent)
    await officer.ok("POST", f"/cases/{sent.case.id}/release", {"epoch": 1, "reason": "另有紧急警情"})

    for path in (f"/cases/{sent.case.id}/media", f"http://test{held['link']}"):
        answer = await officer.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "case_not_found")
    assert len(await listed(citizen, sent)) == 1


async def test_who_closed_a_case_has_no_more_to_look_at(sent: Sent, officer: Phone) -> None:
    await sent.fetched(samples.jpeg())
    await sent.rows(
        "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() WHERE id = :id RETURNING id",
        id=sent.case.id,
    )

    assert (await officer.get(f"/cases/{sent.case.id}/media")).status_code == 404


async def test_strangers_and_offered_officers_see_nothing(sent: Sent, make: Make, sign_in: SignIn) -> None:
    await sent.fetched(samples.jpeg())
    stranger, offered = await sign_in(await make.citizen()), await make.officer()
    await make.offer(sent.case, offered)

    for phone in (stranger, await sign_in(offered)):
        answer = await phone.get(f"/cases/{sent.case.id}/media")
        assert (answer.status_code, answer.json()["code"]) == (404, "case_not_found")


async def test_without_the_second_factor_there_is_nothing_to_see(
    sent: Sent, officer: Phone, sign_in: SignIn
) -> None:
    await sent.fetched(samples.jpeg())
    halfway = await sign_in(Made(officer.person_id), second_factor=False)

    assert (await halfway.get(f"/cases/{sent.case.id}/media")).json()["code"] == "personal_data_locked"


async def test_an_original_is_no_phones_to_have(sent: Sent, citizen: Phone) -> None:
    await sent.fetched(b"<html>")

    [one] = await listed(citizen, sent)

    assert (one["state"], one["reason"], one["link"]) == ("refused", "wrong_type", None)
    answer = await citizen.get(f"/cases/{sent.case.id}/media/{one['medium_id']}/original")
    assert answer.status_code == 404


async def test_what_is_lost_is_said_so(sent: Sent, citizen: Phone) -> None:
    await sent.send(b"")
    sent.source.gives.clear()
    await sent.fetch()

    [one] = await listed(citizen, sent)

    assert (one["state"], one["reason"], one["link"]) == ("lost", "gone", None)


async def test_export_lists_and_erasure_takes_back(sent: Sent, citizen: Phone, folder: Path) -> None:
    bound = await sent.fetched(samples.jpeg())
    loose = await sent.send(samples.jpeg(), bound=False)
    await sent.fetch()

    told = (await citizen.ok("GET", "/me/export"))["media"]
    assert {(one["medium_id"], one["case_id"]) for one in told} == {
        (str(bound), str(sent.case.id)), (str(loose), None),
    }  # fmt: skip
    await sent.rows(
        "UPDATE cases SET state = 'closed', closed_at = clock_timestamp() - interval '8 days' WHERE id = :id RETURNING id",
        id=sent.case.id,
    )
    assert (await citizen.call("DELETE", "/me")).status_code == 204

    rows = await sent.rows("SELECT state, data_key FROM media")
    assert [(r.state, r.data_key) for r in rows] == [("erasing", None)] * 2
    from app.media.jobs import erase_files

    await erase_files(sent.runtime)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
