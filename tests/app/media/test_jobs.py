"""Media are fetched once, whoever dies meanwhile; nothing is lost to a full day, a silent store or a slow answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app import metrics
from app.doctor import examine
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.media import jobs
from app.media.errors import MediaUnreadable
from app.media.jobs import erase_files, fetch_due, forget
from app.media.queries import media_of, medium_of
from app.media.quota import take_download
from app.media.reading import open_content
from app.media.service import bind, erase_of_cases, erase_unbound, note_medium
from app.media.source import Verdict
from app.media.states import MediaKind, Variant
from app.people.merging import merge
from tests.app.media import samples
from tests.app.media.sending import Sent, Source
from tests.conftest import ROOT, SECRETS
from tests.factories import Make


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def bytes_of(sent: Sent, medium_id, variant: Variant = Variant.SERVED) -> bytes:
    async with sent.runtime.database.moves() as db:
        content = await open_content(sent.runtime, await medium_of(db, sent.case.id, medium_id), variant)
    return b"".join([part async for part in content.part(0, content.size - 1)])


async def test_a_photo_is_fetched_sealed_and_can_be_read_in_both_forms(sent: Sent, folder: Path) -> None:
    photo = samples.jpeg()
    medium_id = await sent.send(photo)
    assert await sent.fetch() == 1

    row = await sent.row(medium_id)
    assert (row.state, row.attempts, row.original_bytes, row.served_type) == (
        "ready",
        1,
        len(photo),
        "image/jpeg",
    )
    assert bytes(row.sha256) == hashlib.sha256(photo).digest()
    assert files(folder) == [f"{medium_id}-1/original", f"{medium_id}-1/served"]
    assert all(b"SecretPhone" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert await bytes_of(sent, medium_id, Variant.ORIGINAL) == photo
    assert (await bytes_of(sent, medium_id)).startswith(b"\xff\xd8")
    assert await sent.fetch() == 0


async def test_who_looks_at_the_case_hears_that_there_is_more(sent: Sent) -> None:
    await sent.fetched(samples.jpeg())
    await sent.send(Verdict.GONE)
    await sent.fetch()

    kinds = [
        r.kind
        for r in await sent.rows("SELECT kind FROM events WHERE case_id = :id ORDER BY id", id=sent.case.id)
    ]
    assert kinds == ["case_media_ready", "case_media_lost"]
    assert await sent.rows("SELECT 1 FROM outbox") == []


async def test_40007_is_lost_and_said_so(sent: Sent, folder: Path) -> None:
    medium_id = await sent.send(Verdict.GONE)
    await sent.fetch()

    row = await sent.row(medium_id)
    assert (row.state, row.reason, row.code, row.data_key) == ("lost", "gone", 40007, None)
    assert await sent.fetch() == 0
    assert not folder.exists()


async def test_what_is_not_to_be_shown_is_kept_as_it_came(sent: Sent, folder: Path) -> None:
    page = b"<html><script>alert(1)</script></html>"
    medium_id = await sent.fetched(page)

    row = await sent.row(medium_id)
    assert (row.state, row.reason, row.served_type) == ("refused", "wrong_type", None)
    assert files(folder) == [f"{medium_id}-1/original"]
    assert await bytes_of(sent, medium_id, Variant.ORIGINAL) == page


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.STOP])
async def test_what_does_not_answer_is_asked_again_later(sent: Sent, verdict: Verdict) -> None:
    medium_id = await sent.send(verdict)
    await sent.fetch()

    row = await sent.row(medium_id)
    assert row.state == "waiting"
    [due] = await sent.rows("SELECT due_at > clock_timestamp() - interval '1 second' AS later FROM media")
    assert due.later
    sent.source.gives["m-0"] = samples.jpeg()
    await sent.rows("UPDATE media SET due_at = clock_timestamp() RETURNING id")
    await sent.fetch()
    assert (await sent.row(medium_id)).state == "ready"


async def test_what_wechat_deleted_meanwhile_costs_no_download(sent: Sent) -> None:
    medium_id = await sent.send(samples.jpeg())
    await sent.rows("UPDATE media SET received_at = clock_timestamp() - interval '73 hours' RETURNING id")
    await sent.fetch()

    assert ((await sent.row(medium_id)).state, (await sent.row(medium_id)).reason) == ("lost", "expired")
    assert sent.source.asked == []


async def test_two_workers_at_once_fetch_each_once(sent: Sent) -> None:
    for _ in range(6):
        await sent.send(samples.jpeg())
    leased = await asyncio.gather(*(fetch_due(sent.runtime, sent.source, limit=3) for _ in range(2)))

    assert sorted(leased) == [3, 3]
    assert sorted(sent.source.asked) == [f"m-{n}" for n in range(6)]
    assert await sent.rows("SELECT downloads FROM media_days") == [(6,)]


async def test_a_lease_that_is_over_ends_nothing_that_another_began(sent: Sent, folder: Path) -> None:
    """The first worker stands still while it fetches; the second has done the work when it wakes."""
    medium_id = await sent.send(samples.jpeg())
    fetching, wake = asyncio.Event(), asyncio.Event()

    async def stand_still(_: str) -> None:
        fetching.set()
        await wake.wait()

    slow = Source(sent.source.gives, before=stand_still)
    first = asyncio.create_task(fetch_due(sent.runtime, slow))
    await fetching.wait()
    await sent.rows("UPDATE media SET due_at = clock_timestamp() RETURNING id")
    assert await sent.fetch() == 1
    wake.set()
    await first

    row = await sent.row(medium_id)
    assert (row.state, row.attempts, row.stored_as) == ("ready", 2, f"{medium_id}-2")
    assert files(folder) == [f"{medium_id}-2/original", f"{medium_id}-2/served"]
    assert await bytes_of(sent, medium_id, Variant.ORIGINAL) == samples.jpeg()


_DIES = """
import asyncio, os, signal, sys
from app.media import jobs
from app.media.source import Fetched, Verdict
from app.settings import load_settings
from app.wiring import open_runtime

class Source:
    async def fetch(self, source_id, *, max_bytes):
        return Fetched(Verdict.FETCHED, open(sys.argv[1], "rb").read())

async def main():
    runtime = open_runtime(load_settings())
    def die(*given):  # the files are stored, the row does not know yet
        os.kill(os.getpid(), signal.SIGKILL)
    jobs._facts = die
    await jobs.fetch_due(runtime, Source())

asyncio.run(main())
"""


async def test_a_worker_killed_between_store_and_row_loses_nothing_and_leaves_no_file(
    sent: Sent, folder: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(samples.jpeg())
    medium_id = await sent.send(samples.jpeg())
    dies = tmp_path / "dies.py"
    dies.write_text(_DIES)
    settings = sent.runtime.settings
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DIDI_", "WECHAT_", "MINIPROGRAM_", "MEDIA_"))
    } | _environment(settings, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(dies), str(photo), cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()
    assert files(folder) == [f"{medium_id}-1/original", f"{medium_id}-1/served"]
    assert (await sent.row(medium_id)).state == "waiting"
    assert await sent.fetch() == 0  # its lease still runs

    await sent.rows("UPDATE media SET due_at = clock_timestamp() RETURNING id")
    await sent.fetch()

    assert (await sent.row(medium_id)).state == "ready"
    assert files(folder) == [f"{medium_id}-2/original", f"{medium_id}-2/served"]


def _environment(settings, folder: Path) -> dict[str, str]:
    return SECRETS | {
        "DATABASE_URL": settings.database_url or "", "VALKEY_URL": settings.valkey_url or "", "MEDIA_FOLDER": str(folder),
    }  # fmt: skip


async def test_a_silent_store_is_tried_again(sent: Sent, folder: Path) -> None:
    folder.write_text("no folder")
    medium_id = await sent.send(samples.jpeg())
    await sent.fetch()
    assert (await sent.row(medium_id)).state == "waiting"

    folder.unlink()
    await sent.rows("UPDATE media SET due_at = clock_timestamp() RETURNING id")
    await sent.fetch()
    assert (await sent.row(medium_id)).state == "ready"


async def test_who_sends_very_many_does_not_keep_others_waiting(sent: Sent, make: Make) -> None:
    for _ in range(jobs.BATCH + 2):
        await sent.send(samples.jpeg())
    other = await make.citizen()
    async with transaction(sent.runtime) as db:
        await note_medium(db, other.id, MediaKind.IMAGE, "other")

    await sent.fetch()

    assert len(sent.source.asked) == jobs.BATCH
    assert "other" in sent.source.asked


async def test_one_person_cannot_spend_the_day_of_all(
    sent: Sent, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "OF_ONE_PERSON_A_DAY", 3)
    for _ in range(5):
        await sent.send(samples.jpeg())
    await sent.fetch()
    assert await sent.fetch() == 0

    async with transaction(sent.runtime) as db:
        await note_medium(db, (await make.citizen()).id, MediaKind.IMAGE, "other")
    assert await sent.fetch() == 1
    [waits] = await sent.rows(
        "SELECT count(*) AS n, max(attempts) AS tries FROM media WHERE state = 'waiting'"
    )
    assert (waits.n, waits.tries) == (2, 0)

    await sent.rows(
        "UPDATE media SET fetched_at = fetched_at - interval '1 day' WHERE state = 'ready' RETURNING id"
    )
    assert await sent.fetch() == 2


async def test_when_the_days_downloads_are_spent_the_rest_waits_for_tomorrow(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = sent.runtime.settings.model_copy(update={"media_daily_downloads": 5})
    monkeypatch.setattr(sent.runtime, "settings", limited)
    for _ in range(8):
        await sent.send(samples.jpeg())

    with capture_logs() as logs:
        await sent.fetch()
        assert await sent.fetch() == 0

    assert len(sent.source.asked) == 5
    [count] = await sent.rows(
        "SELECT count(*) AS n, max(attempts) AS tries FROM media WHERE state = 'waiting'"
    )
    assert (count.n, count.tries) == (3, 0)
    alarms = [entry["downloads"] for entry in logs if entry["event"] == "media_downloads_near_limit"]
    assert sorted(alarms) == [4, 5]  # at 80 %, and at the last

    await sent.rows("UPDATE media_days SET day = day - 1 RETURNING day")  # Beijing's midnight
    await sent.fetch()
    assert (await sent.rows("SELECT count(*) FROM media WHERE state = 'ready'"))[0][0] == 8


async def test_what_wechat_says_of_the_quota_counts_more_than_our_count(sent: Sent) -> None:
    medium_id = await sent.send(Verdict.SPENT)
    await sent.fetch()

    row = await sent.row(medium_id)
    assert (row.state, row.attempts) == ("waiting", 0)
    await sent.send(samples.jpeg())
    assert await sent.fetch() == 0

    sent.source.gives["m-0"] = samples.jpeg()
    await sent.rows("UPDATE media_days SET day = day - 1 RETURNING day")
    assert await sent.fetch() == 2


async def test_the_day_is_beijings(sent: Sent) -> None:
    await sent.fetched(samples.jpeg())

    [row] = await sent.rows(
        "SELECT day, CAST(clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours' AS date) AS beijing FROM media_days"
    )
    assert row.day == row.beijing


async def test_many_workers_at_the_last_download_get_one(sent: Sent) -> None:

    async def take() -> bool:
        async with sent.runtime.database.moves() as db:
            return await take_download(db, 10)

    taken = await asyncio.gather(*(take() for _ in range(25)))

    assert sum(taken) == 10


async def test_doctor_and_metrics_show_the_day(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = sent.runtime.settings.model_copy(update={"media_daily_downloads": 5})
    monkeypatch.setattr(sent.runtime, "settings", limited)

    async def finding() -> tuple[bool, str]:
        [found] = [f for f in await examine(sent.runtime) if f.what == "media"]
        return found.ok, found.found

    for _ in range(3):
        await sent.send(samples.jpeg())
    await sent.fetch()
    assert await finding() == (True, "3 of 5 downloads today, 0 wait, the oldest 0 s")
    for _ in range(3):
        await sent.send(samples.jpeg())
    await sent.fetch()

    assert ("media store", True) in [(f.what, f.ok) for f in await examine(sent.runtime)]
    ok, said = await finding()
    assert not ok
    assert said.startswith("5 of 5 downloads today, 1 wait")
    scraped = (await metrics.scrape(sent.runtime)).decode()
    for line in (
        "didi_media_downloads_today 5.0",
        "didi_media_downloads_limit 5.0",
        "didi_media_waiting 1.0",
    ):
        assert line in scraped


async def test_the_same_sent_again_is_the_same_and_belongs_to_its_first_case(
    sent: Sent, runtime: Runtime
) -> None:
    first = await sent.send(samples.jpeg(), bound=False)
    async with transaction(runtime) as db:
        again = await note_medium(db, sent.case.reporter.id, MediaKind.IMAGE, "m-0")
        await bind(db, sent.case.id, sent.case.reporter.id, ["m-0", "unknown"])

    assert again == first
    async with runtime.database.moves() as db:
        assert [m.id for m in await media_of(db, sent.case.id)] == [first]


async def test_somebody_elses_media_cannot_be_bound(sent: Sent, runtime: Runtime, make: Make) -> None:
    await sent.send(samples.jpeg(), bound=False)
    other = await make.case()
    async with transaction(runtime) as db:
        await bind(db, other.id, other.reporter.id, ["m-0"])

    async with runtime.database.moves() as db:
        assert await media_of(db, other.id) == []


async def test_what_is_erased_cannot_be_read_at_once_and_its_files_go(sent: Sent, folder: Path) -> None:
    medium_id = await sent.fetched(samples.jpeg())
    await sent.send(Verdict.RETRY)
    await sent.fetch()
    async with transaction(sent.runtime) as db:
        assert await erase_of_cases(db, [sent.case.id]) == 2

    row = await sent.row(medium_id)
    assert (row.state, row.data_key) == ("erasing", None)
    async with sent.runtime.database.moves() as db:
        assert await media_of(db, sent.case.id) == []
    assert len(files(folder)) == 2

    assert await erase_files(sent.runtime) == 2
    assert files(folder) == []
    assert await sent.rows("SELECT 1 FROM media") == []


async def test_files_of_a_silent_store_are_not_said_to_be_gone(
    sent: Sent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium_id = await sent.fetched(samples.jpeg())
    async with transaction(sent.runtime) as db:
        await erase_of_cases(db, [sent.case.id])

    class Silent:
        async def delete(self, path: str) -> None:
            raise MediaUnreadable("silent")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "store_of", lambda *_: Silent())
        await erase_files(sent.runtime)
    assert (await sent.row(medium_id)).state == "erasing"

    await sent.rows("UPDATE media SET due_at = clock_timestamp() RETURNING id")
    await erase_files(sent.runtime)
    assert files(folder) == []


async def test_erased_while_it_is_fetched_nothing_stays(sent: Sent, folder: Path) -> None:
    await sent.send(samples.jpeg())

    async def erase(_: str) -> None:
        async with transaction(sent.runtime) as db:
            await erase_of_cases(db, [sent.case.id])

    sent.source.before = erase
    await sent.fetch()
    await erase_files(sent.runtime)

    assert files(folder) == []
    assert await sent.rows("SELECT 1 FROM media") == []


async def test_what_nobody_reported_goes_after_three_days_unless_a_draft_holds_it(sent: Sent) -> None:
    held = await sent.send(samples.jpeg(), bound=False)
    loose = await sent.send(samples.jpeg(), bound=False)
    young = await sent.send(samples.jpeg(), bound=False)
    bound = await sent.send(samples.jpeg())
    await sent.rows(
        "UPDATE media SET received_at = clock_timestamp() - interval '73 hours' WHERE id <> :id RETURNING id",
        id=young,
    )
    await sent.rows(
        "INSERT INTO drafts (person_id, media) VALUES (:id, '{m-0}') RETURNING person_id",
        id=sent.case.reporter.id,
    )

    assert await forget(sent.runtime) == 1

    states = {r.id: r.state for r in await sent.rows("SELECT id, state FROM media")}
    assert states == {held: "waiting", loose: "erasing", young: "waiting", bound: "waiting"}


async def test_what_a_person_did_not_report_goes_with_the_person(sent: Sent, runtime: Runtime) -> None:
    await sent.send(samples.jpeg(), bound=False)
    bound = await sent.send(samples.jpeg())
    async with transaction(runtime) as db:
        assert await erase_unbound(db, sent.case.reporter.id) == 1

    assert (await sent.row(bound)).state == "waiting"


async def test_no_log_names_what_was_sent(sent: Sent) -> None:
    with capture_logs() as logs:
        await sent.fetched(samples.jpeg())
        await sent.fetched(b"<html>")
        await sent.send(Verdict.GONE)
        await sent.fetch()

    said = json.dumps(logs, default=str)
    assert "m-0" not in said
    assert str(sent.case.reporter.id) not in said


async def test_media_go_with_the_person_who_stays(sent: Sent, runtime: Runtime, make: Make) -> None:
    await sent.fetched(samples.jpeg())
    await sent.send(samples.jpeg(), bound=False)
    officer = await make.officer()  # of the two the officer stays
    async with transaction(runtime) as db:
        assert await merge(db, runtime, officer.id, sent.case.reporter.id) == officer.id
    await runtime.drain()

    rows = await sent.rows("SELECT DISTINCT person_id FROM media")
    assert [r.person_id for r in rows] == [officer.id]
