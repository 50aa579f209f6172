"""Presence, rings, claims, the closed-cache and reconcile as on one server."""

import pytest

from tests.app.dispatch.test_broadcast import *  # noqa: F403
from tests.app.dispatch.test_claim import *  # noqa: F403

pytestmark = [pytest.mark.slow]
