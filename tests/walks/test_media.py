"""A voice and a photo, from a citizen's phone to the desk's screen: through WeChat, the worker, and a real S3 bucket."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from app.kit.runtime import Runtime
from app.media.jobs import fetch_due
from app.media.store import forget_stores
from simulator import samples as phone
from tests.app.media import samples
from tests.app.media.conftest import bucket  # noqa: F401  the server of that folder's tests
from tests.console.people import Person
from tests.walks.world import Neighbour, World
from wechat.client import open_http
from wechat.media import wechat_media


async def sends(world: World, neighbour: Neighbour, kind: str, content: bytes) -> None:
    answer = await world.wechat.http.post(
        f"/__wechat__/users/{neighbour.user['id']}/files", params={"kind": kind}, content=content
    )
    assert answer.json()["shown"] == "reply", answer.text


async def fetch(world: World) -> None:
    """The worker's round, with WeChat's simulator as the source."""
    transport = world.wechat.http._transport
    async with open_http(world.runtime.settings.wechat_api_base, transport=transport) as http:
        await fetch_due(world.runtime, wechat_media(world.runtime, http))
    await world.settle()


@pytest.fixture
def in_bucket(world: World, bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Runtime:  # noqa: F811
    changed = {name.lower(): value for name, value in bucket.items()}
    secret = {
        name: type(world.runtime.settings.secret_keys)(changed[name])
        for name in changed
        if name.endswith("_key")
    }
    monkeypatch.setattr(world.runtime, "settings", world.runtime.settings.model_copy(update=changed | secret))
    forget_stores(world.runtime)
    return world.runtime


async def test_what_a_citizen_sends_by_chat_is_on_the_desks_screen(
    world: World, desk: Person, in_bucket: Runtime
) -> None:
    neighbour = await world.neighbour()
    await sends(world, neighbour, "voice", phone.voice(seconds=2))
    await neighbour.say("楼上太吵")
    await neighbour.stand()
    await world.settle()
    case = await world.newest_case()
    await sends(world, neighbour, "image", samples.jpeg())
    await world.age(case.id, 61)
    await world.hand_over()
    await fetch(world)

    items = (await desk.ok("GET", f"/cases/{case.id}/media"))["items"]
    heard, seen = [await desk.get(f"http://localhost:8000{one['served']['link']}") for one in items]

    assert [(one["kind"], one["state"]) for one in items] == [("voice", "ready"), ("image", "ready")]
    assert {row.store for row in await world.rows("SELECT store FROM media")} == {"s3"}
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/mpeg")
    assert dict(Image.open(io.BytesIO(seen.content)).getexif()) == {}
    assert isinstance(seen, httpx.Response)
    kinds = await world.kinds(case)
    assert kinds.count("case_media_ready") == 2
