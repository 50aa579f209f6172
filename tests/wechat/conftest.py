"""The ground every chat stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.kit.runtime import Runtime
from app.notices.rules import TRUTHS
from app.notices.sender import Senders
from tests.factories import SQUARE, Made, Make
from tests.simulator.account import Receiver, connect
from tests.wechat.channels import MP_TEMPLATE, OA_TEMPLATE, Channels
from tests.wechat.chats import Citizen
from wechat.client import open_http
from wechat.sender import wechat_senders


@pytest.fixture
async def station(make: Make) -> Made:
    """A station with an area and one free officer, and the command centre above it."""
    centre = await make.station(is_command=True, ring=None, code="CC")
    own = await make.station(ring=SQUARE, parent=centre, code="S1")
    await make.officer(station=own)
    return own


@pytest.fixture
def citizen(runtime: Runtime, station: Made) -> Citizen:
    return Citizen(runtime)


@pytest.fixture
async def channels(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Channels]:
    """WeChat's three channels, each with its template, against a simulator in this process."""
    templates = {"wechat_templates": {"*": OA_TEMPLATE}, "miniprogram_templates": {"*": MP_TEMPLATE}}
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update=templates))
    monkeypatch.delitem(TRUTHS, "closed")
    wechat = connect(Receiver())
    async with wechat.http, open_http("http://wechat.test", transport=wechat.http._transport) as http:
        yield Channels(runtime, wechat, Senders(wechat_senders(runtime, http)))
