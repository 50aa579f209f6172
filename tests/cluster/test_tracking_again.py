"""Fixes, tracks and their end as on one server."""

import pytest

from tests.app.tracking.test_tracking import *  # noqa: F403

pytestmark = [pytest.mark.slow]
