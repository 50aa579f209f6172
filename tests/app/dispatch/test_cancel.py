"""A cancel is judged by the row as it is when it is written, not by what was read before."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.cases.queries import Case
from app.dispatch import citizen
from app.dispatch.citizen import Cancelled
from app.kit.runtime import Runtime
from tests.factories import Make


async def test_danger_raised_at_the_moment_of_a_cancel_is_not_cancelled_away(
    make: Make, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await make.case()
    read = citizen._own

    async def then_danger(runtime: Runtime, case_id: UUID, reporter_id: UUID) -> Case:
        calm = await read(runtime, case_id, reporter_id)
        monkeypatch.setattr(citizen, "_own", read)
        await citizen.raise_urgent(runtime, case_id, reporter_id=reporter_id)
        return calm

    monkeypatch.setattr(citizen, "_own", then_danger)
    done = await citizen.cancel(runtime, case.id, reporter_id=case.reporter.id)

    assert done.outcome is Cancelled.ASKED
    assert await make.column(case, "state") == "handed_over"
