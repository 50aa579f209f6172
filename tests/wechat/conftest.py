"""The ground every chat stands on."""

from __future__ import annotations

import pytest

from app.kit.runtime import Runtime
from tests.factories import SQUARE, Made, Make
from tests.wechat.chats import Citizen


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
