"""What was sent with a case, on the desk's board in a browser: seen, and heard."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.media.states import MediaKind
from simulator import samples as phone
from tests.app.media import samples
from tests.app.media.sending import Sent, Source, files_in
from tests.browser.chromium import Browser
from tests.browser.phones import listening
from tests.console.people import PASSWORD, People
from tests.factories import Made
from tests.walks.world import World

pytestmark = pytest.mark.slow
SHOWN = "[...document.querySelectorAll('.media > *')]"


async def test_the_desk_sees_a_picture_and_hears_a_voice(
    world: World, browser: Browser, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = await world.make.citizen()
    case = await world.make.case(
        station=world.station, reporter=reporter, state="handed_over", reported_ago_s=20
    )
    person = await people.account(("desk", Made(world.station.id)))
    with files_in(tmp_path / "media", world.runtime):
        async with listening(world.app) as address:
            origin = f"http://localhost:{urlsplit(address).port}"
            here = world.runtime.settings.model_copy(update={"console_origin": origin})
            monkeypatch.setattr(world.runtime, "settings", here)
            sent = Sent(world.runtime, Source(), Made(case.id, {"reporter": reporter}))
            await world.run("UPDATE cases SET media = '{m-0,m-1,m-2,m-3}' WHERE id = :id", id=case.id)
            await sent.fetched(samples.jpeg(size=(320, 200)))
            await sent.fetched(phone.voice(seconds=2), MediaKind.VOICE)
            await sent.fetched(phone.film(), MediaKind.VIDEO)
            await sent.fetched(b"<html><script>alert(1)</script></html>")

            page = await browser.open(f"{origin}/console/board", width=1280, height=900)
            await page.type("[name=username]", person.username)
            await page.type("[name=password]", PASSWORD)
            await page.type("[name=totp]", await person.fresh_code())
            await page.click("#sign-in button[type=submit]")
            await page.click("button.number")
            await page.click("#case dd > button")
            await page.until(f"{SHOWN}.length === 4")
            picture = await page.until(f"{SHOWN}[0].naturalWidth")
            heard_s = await page.until(f"{SHOWN}[1].duration")
            film = await page.until(f"{SHOWN}[2].videoWidth")
            refused = await page.run(f"{SHOWN}[3].textContent")
            errors = list(page.errors)
            await page.close()

    assert (picture, film) == (320, 160)
    assert heard_s == pytest.approx(2.0, abs=0.25)
    assert refused
    assert [
        e for e in errors if not e.endswith("/console/v1/me")
    ] == []  # before the sign-in it asks who is there
