"""What a process remembers of the stores for a second is forgotten between tests, as the stores are."""

from __future__ import annotations

import pytest

from app.dispatch import late


@pytest.fixture(autouse=True)
def forget_what_is_open() -> None:
    late._open.clear()
