"""Media at the console: for the desk of the case and for auditors, by links that lead nobody else anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.kit.runtime import Runtime
from app.media.source import Verdict
from app.media.states import MediaKind
from tests.app.media import samples
from tests.app.media.sending import Sent, Source, files_in
from tests.console.people import People, Person
from tests.factories import Make

PHOTO = samples.jpeg()
HTML = b"<html><script>alert(1)</script></html>"


@pytest.fixture
def folder(runtime: Runtime, tmp_path: Path) -> Iterator[Path]:
    with files_in(tmp_path / "media", runtime) as folder:
        yield folder


@pytest.fixture
async def sent(runtime: Runtime, make: Make, folder: Path) -> Sent:
    """A case with the desk of the one station."""
    return Sent(runtime, Source(), await make.case(state="handed_over", reported_ago_s=20))


async def listed(person: Person, sent: Sent) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await person.ok("GET", f"/cases/{sent.case.id}/media"))["items"]
    return items


async def acts(sent: Sent) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [
        (r.action, r.purpose, r.facts)
        for r in await sent.rows("SELECT * FROM audit_log WHERE action LIKE 'media%' ORDER BY id")
    ]


async def test_the_desk_sees_a_photo_and_each_look_is_recorded(sent: Sent, desk: Person) -> None:
    medium_id = await sent.fetched(PHOTO)

    [one] = await listed(desk, sent)
    answer = await desk.get(f"http://localhost:8000{one['served']['link']}")

    assert (one["kind"], one["state"], one["size"]) == ("image", "ready", len(PHOTO))
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xff\xd8")
    assert b"SecretPhone" not in answer.content
    headers = {
        name: answer.headers[name] for name in ("content-type", "x-content-type-options", "cache-control")
    }
    assert headers == {
        "content-type": "image/jpeg", "x-content-type-options": "nosniff", "cache-control": "no-store",
    }  # fmt: skip
    assert answer.headers["content-disposition"] == f'inline; filename="{sent.case.number}-1.jpg"'
    assert "sandbox" in answer.headers["content-security-policy"]
    facts = {"case_id": str(sent.case.id)}
    assert await acts(sent) == [("media_listed", None, {"count": 1}), ("media_served_read", None, facts)]
    assert medium_id


async def test_a_film_is_read_in_parts(sent: Sent, desk: Person) -> None:
    await sent.fetched(samples.mp4(), MediaKind.VIDEO)
    [one] = await listed(desk, sent)
    link = f"http://localhost:8000{one['served']['link']}"
    whole = (await desk.get(link)).content

    async def part(asked: str) -> tuple[int, str | None, bytes]:
        answer = await desk.call("GET", link, Range=asked)
        return answer.status_code, answer.headers.get("content-range"), answer.content

    size = len(whole)
    assert await part("bytes=0-9") == (206, f"bytes 0-9/{size}", whole[:10])
    assert await part("bytes=100-") == (206, f"bytes 100-{size - 1}/{size}", whole[100:])
    assert await part("bytes=-5") == (206, f"bytes {size - 5}-{size - 1}/{size}", whole[-5:])
    assert await part(f"bytes={size}-") == (200, None, whole)  # a part that is not there: all of it
    assert await part("bytes=0-1,3-4") == (200, None, whole)
    assert [act for act, _, _ in await acts(sent)] == [
        "media_listed",
        "media_served_read",
    ]  # all parts are one look


async def test_parts_across_chunks_are_what_the_whole_is(sent: Sent, desk: Person, people: People) -> None:
    original = PHOTO + bytes(range(256)) * 800  # some 200 KB: four chunks
    await sent.fetched(original)
    [one] = await listed(desk, sent)
    path = f"/cases/{sent.case.id}/media/{one['medium_id']}/original"
    link = (await desk.ok("POST", path, {"purpose": "核对原件"}))["link"]

    answer = await desk.call("GET", f"http://localhost:8000{link}", Range="bytes=65000-140000")

    assert answer.content == original[65000:140001]


async def test_the_original_needs_a_purpose_and_is_only_ever_saved(sent: Sent, desk: Person) -> None:
    await sent.fetched(HTML)
    [one] = await listed(desk, sent)
    assert (one["state"], one["reason"], one["served"], one["original"]) == (
        "refused",
        "wrong_type",
        None,
        True,
    )
    path = f"/cases/{sent.case.id}/media/{one['medium_id']}/original"
    assert (await desk.post(path, purpose=" ")).status_code == 422

    link = (await desk.ok("POST", path, {"purpose": "核对原件"}))["link"]
    answer = await desk.get(f"http://localhost:8000{link}")

    assert answer.content == HTML
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    asked = ("media_original_asked", "核对原件", {"case_id": str(sent.case.id)})
    read = ("media_original_read", None, {"case_id": str(sent.case.id)})
    assert (await acts(sent))[1:] == [asked, read]


async def test_of_what_did_not_arrive_there_is_no_original(sent: Sent, desk: Person) -> None:
    await sent.send(Verdict.GONE)
    await sent.fetch()
    [one] = await listed(desk, sent)

    answer = await desk.post(f"/cases/{sent.case.id}/media/{one['medium_id']}/original", purpose="核对原件")

    assert (one["state"], one["reason"], one["original"]) == ("lost", "gone", False)
    assert (answer.status_code, answer.json()["code"]) == (404, "media_not_found")


async def test_a_link_leads_nobody_else_anywhere(sent: Sent, desk: Person, people: People) -> None:
    await sent.fetched(PHOTO)
    [one] = await listed(desk, sent)
    link = f"http://localhost:8000{one['served']['link']}"
    colleague = await people.signed_in("commander")

    assert (await colleague.get(link)).json()[
        "code"
    ] == "media_not_found"  # who may see the case: not by this link
    stranger = await people.signed_in("desk", station=await people.make.station(code="FAR"))
    assert (await stranger.get(link)).json()["code"] == "case_not_found"
    async with people.browser() as nobody:
        assert (await nobody.get(link)).status_code == 401


async def test_an_altered_link_does_not_hold(sent: Sent, desk: Person) -> None:
    first, second = await sent.fetched(PHOTO), await sent.fetched(PHOTO)
    one = (await listed(desk, sent))[0]
    link, until = one["served"]["link"], one["served"]["until"]
    altered = {
        "variant": link.replace("/served?", "/original?"),
        "until": link.replace(f"until={until}", f"until={until + 1}"),
        "proof": link[:-2] + ("AA" if link[-2:] != "AA" else "BB"),
        "medium": link.replace(str(first), str(second)),
    }

    for what, where in altered.items():
        assert where != link
        answer = await desk.get(f"http://localhost:8000{where}")
        assert (answer.status_code, answer.json()["code"]) == (404, "media_not_found"), what
    assert (await desk.get(f"http://localhost:8000{link}")).status_code == 200


async def test_a_link_ends_after_five_minutes(
    sent: Sent, desk: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent.fetched(PHOTO)
    monkeypatch.setattr("app.media.links.LINK_S", 0)  # made five minutes ago
    [one] = await listed(desk, sent)
    monkeypatch.undo()

    assert (await desk.get(f"http://localhost:8000{one['served']['link']}")).json()[
        "code"
    ] == "media_not_found"


async def test_a_link_ends_when_the_case_goes_to_another_desk(sent: Sent, desk: Person, make: Make) -> None:
    await sent.fetched(PHOTO)
    [one] = await listed(desk, sent)
    other = await make.station(code="OTHER")
    await sent.rows(
        "UPDATE cases SET station_id = :to, ringing_id = :to WHERE id = :id RETURNING id",
        to=other.id,
        id=sent.case.id,
    )

    answer = await desk.get(f"http://localhost:8000{one['served']['link']}")

    assert (answer.status_code, answer.json()["code"]) == (404, "case_not_found")


async def test_an_idle_session_sees_none_until_the_second_factor(
    sent: Sent, desk: Person, runtime: Runtime
) -> None:
    await sent.fetched(PHOTO)
    [one] = await listed(desk, sent)
    async with runtime.database.moves() as db:
        await db.execute(text("UPDATE sessions SET used_at = clock_timestamp() - interval '31 minutes'"))
    from app.people import sessions

    sessions._caches.pop(runtime, None)

    assert (await desk.get(f"/cases/{sent.case.id}/media")).json()["code"] == "personal_data_locked"
    answer = await desk.get(f"http://localhost:8000{one['served']['link']}")
    assert answer.json()["code"] == "personal_data_locked"


async def test_an_auditor_sees_the_media_of_any_case_on_record(sent: Sent, people: People) -> None:
    await sent.fetched(PHOTO)
    auditor = await people.signed_in("auditor")

    [one] = await listed(auditor, sent)
    path = f"/cases/{sent.case.id}/media/{one['medium_id']}/original"
    link = (await auditor.ok("POST", path, {"purpose": "督察复核"}))["link"]

    assert (await auditor.get(f"http://localhost:8000{link}")).content == PHOTO
    assert [act for act, _, _ in await acts(sent)] == [
        "media_listed",
        "media_original_asked",
        "media_original_read",
    ]


async def test_bytes_that_were_altered_in_the_store_are_not_given_out(
    sent: Sent, desk: Person, folder: Path
) -> None:
    medium_id = await sent.fetched(PHOTO)
    [one] = await listed(desk, sent)
    file = folder / f"{medium_id}-1" / "served"
    sealed = bytearray(file.read_bytes())
    sealed[-1] ^= 1
    file.write_bytes(sealed)

    answer = await desk.get(f"http://localhost:8000{one['served']['link']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "media_unreadable")
    file.unlink()
    assert (await desk.get(f"http://localhost:8000{one['served']['link']}")).json()[
        "code"
    ] == "media_unreadable"
