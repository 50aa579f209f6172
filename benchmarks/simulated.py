"""The simulator with people who may be written to without end, the same ones in every process."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx

from simulator.config import SimulatorConfig
from simulator.main import create_simulator
from simulator.quotas import Limit
from simulator.windows import Window
from simulator.world import add_user, new_world
from tests.conftest import SECRETS

PEOPLE = 400
OA, SECRET = SECRETS["WECHAT_APP_ID"], SECRETS["WECHAT_APP_SECRET"]
ENDLESS = 10**9


def config() -> SimulatorConfig:
    """The accounts of the tests' settings; nobody listens for callbacks."""
    return SimulatorConfig(
        app_id=OA, app_secret=SECRET, mp_app_id=SECRETS["MINIPROGRAM_APP_ID"],
        mp_app_secret=SECRETS["MINIPROGRAM_APP_SECRET"], callback_url="http://127.0.0.1:9/",
        token=SECRETS["WECHAT_TOKEN"], aes_key=SECRETS["WECHAT_AES_KEY"],
    )  # fmt: skip


def app() -> Any:  # an ASGI app
    """A simulator with everybody in it."""
    simulator = create_simulator(config())
    world = simulator.state.world
    world.official.quotas.limits["/cgi-bin/message/custom/send"] = Limit(per_day=ENDLESS)
    for n in range(PEOPLE):
        user = add_user(world, user_id=f"bench-{n}")
        user.windows_of(world.official).long = Window(ENDLESS, float("inf"))
    return simulator


@cache
def openids() -> list[str]:
    """Everybody's openid at the Official Account."""
    world = new_world(config(), httpx.AsyncClient())
    return [add_user(world, user_id=f"bench-{n}").openids[OA] for n in range(PEOPLE)]
