"""Valkey flushed, killed, and both stores unreachable in the middle of a walk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown
from app.main import create_app
from app.settings import Settings
from simulator.main import create_simulator
from tests.app.live.phones import Server, eventually
from tests.simulator.account import Receiver, WeChat, make_config
from tests.walks.conftest import open_world
from tests.walks.world import REPORT, Neighbour, World


@pytest.fixture
async def mortal(runtime: Runtime, settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[World, Server]]:
    """A world whose Valkey a test may kill."""
    server = Server(tmp_path)
    server.start()
    async with open_world(settings.model_copy(update={"valkey_url": server.url})) as world:
        yield world, server
    server.kill()


async def test_flushed_at_every_step_of_the_way(world: World) -> None:
    officer, neighbour = await world.officer(), await world.neighbour()
    await neighbour.say(REPORT)
    await world.runtime.valkey.flushall()
    await neighbour.stand()
    await world.runtime.valkey.flushall()
    await world.settle()
    case = await world.newest_case()
    await world.work("reconcile")
    offers = (await officer.ok("GET", "/offers"))["items"]

    act = {"epoch": (await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0}))["epoch"]}
    await world.runtime.valkey.flushall()
    await officer.ok("POST", f"/cases/{case.id}/en-route", act)
    await world.runtime.valkey.flushall()
    await officer.ok(
        "POST", f"/cases/{case.id}/arrived", act | {"at": {"lat": 32.06, "lng": 118.82, "datum": "wgs84"}}
    )
    await officer.ok("POST", f"/cases/{case.id}/close", act | {"disposition": "mediated"})
    await world.settle()
    await world.deliver()

    assert [o["case_id"] for o in offers] == [str(case.id)]
    assert "已办结" in (await neighbour.told())[-1]


@pytest.mark.slow
async def test_without_valkey_a_case_is_reported_offered_claimed_and_another_handed_over(
    mortal: tuple[World, Server],
) -> None:
    world, server = mortal
    officer, neighbour, other = await world.officer(), await world.neighbour(), await world.neighbour()
    await neighbour.say(REPORT)
    server.kill()

    await neighbour.stand()
    await world.settle()
    case = await world.newest_case()
    offers = (await officer.ok("GET", "/offers"))["items"]
    taken = await officer.ok("POST", f"/offers/{case.id}/claim", {"epoch": 0})
    second = await world.officer()
    late = await world.reports(other)
    await world.age(late.id, 60)
    handed = await world.hand_over()
    status = await neighbour.say("进度")

    assert [o["case_id"] for o in offers] == [str(case.id)]
    assert taken["epoch"] == 1
    assert case.number in status
    assert handed == [late.id]
    assert (await second.post(f"/offers/{late.id}/claim", {"epoch": 0})).json()["code"] == "case_handed_over"
    assert "110" in await neighbour.say("他有刀")

    server.start()
    await eventually(lambda: _answers(world))
    await world.work("reconcile")
    async with world.dial(officer) as phone:
        await officer.ok("POST", f"/cases/{case.id}/en-route", {"epoch": taken["epoch"]})
        assert (await phone.next("case_changed"))["case_id"] == str(case.id)  # live again


async def test_with_both_stores_away_danger_is_told_to_call_110_and_the_rest_to_try_again(
    settings: Settings,
) -> None:
    gone = {"database_url": "postgresql://nobody@127.0.0.1:9/none", "valkey_url": "redis://127.0.0.1:9/0"}
    app = create_app(settings.model_copy(update=gone))
    to_app = httpx.ASGITransport(app)
    simulator = create_simulator(
        make_config(callback_url="http://account.test/wechat/callback"), callback_transport=to_app
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(simulator), base_url="http://wechat.test") as client,
    ):
        wechat = WeChat(client, Receiver())
        neighbour = Neighbour(wechat, await wechat.user(id="neighbour"))
        danger, everyday = await neighbour.say("他有刀"), await neighbour.say(REPORT)

    assert "tel:110" in danger
    assert "编号" not in everyday  # nothing is called received that is not written
    assert "110" in everyday


async def _answers(world: World) -> bool:
    try:
        return bool(await world.runtime.valkey.ping())
    except ValkeyDown:
        return False
