"""A process that claims a case and is gone before anything follows the commit.

python -m tests.races.dies_after_commit CASE OFFICER EPOCH
"""

from __future__ import annotations

import asyncio
import os
import sys
from uuid import UUID

from app.cases.moves import move
from app.cases.states import CLAIM
from app.settings import load_settings
from app.wiring import open_runtime


async def main(case_id: UUID, officer_id: UUID, epoch: int) -> None:
    """Commit the claim, then die as kill -9 would have it: nothing is flushed, closed or followed."""
    runtime = open_runtime(load_settings())
    async with runtime.database.moves() as db:
        moved = await move(db, CLAIM, case_id, actor_id=officer_id, epoch=epoch)
        os._exit(9 if moved else 1)


if __name__ == "__main__":
    asyncio.run(main(UUID(sys.argv[1]), UUID(sys.argv[2]), int(sys.argv[3])))
