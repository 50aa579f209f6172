"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

_AGAIN_AFTER_S = (
    0.05  # far from any period of our loops: in step with one, each try could meet the same moment
)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until every task is done.

    Once is not enough: before Python 3.12, asyncio.wait_for (redis-py sends with it) swallows a cancellation
    that arrives in the turn in which its work is done.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_AFTER_S)
