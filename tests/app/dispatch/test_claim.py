"""The claim, its repeat, its losers; release and decline."""

from __future__ import annotations

import pytest

from app.cases.errors import CaseAlreadyTaken, CaseHandedOver, CaseNotFound, CaseReopened, OfficerHasACase
from app.cases.states import CaseState
from app.dispatch import closed
from app.dispatch.claim import claim, decline, release
from app.dispatch.errors import OffDuty
from app.dispatch.queries import open_offers
from app.kit.runtime import Runtime
from tests.factories import Made, Make, acting


async def _offered(make: Make, **columns: object) -> tuple[Made, Made]:
    officer = await make.officer()
    case = await make.case(**columns)  # type: ignore[arg-type]
    await make.offer(case, officer)
    return case, officer


async def test_the_first_who_asks_gets_the_case(make: Make, runtime: Runtime) -> None:
    case, officer = await _offered(make, reported_ago_s=7)

    claimed = await claim(runtime, case.id, epoch=0, officer=acting(officer))

    assert (claimed.epoch, claimed.again) == (1, False)
    assert 7 <= claimed.waited_s < 9
    assert await make.column(case, "state") == CaseState.CLAIMED


async def test_asking_again_after_winning_is_a_win(make: Make, runtime: Runtime) -> None:
    case, officer = await _offered(make)
    first = await claim(runtime, case.id, epoch=0, officer=acting(officer))
    await runtime.drain()  # the closed-cache is written now, and must not answer the winner

    again = await claim(runtime, case.id, epoch=0, officer=acting(officer))

    assert (again.case_id, again.epoch, again.again) == (first.case_id, first.epoch, True)


async def test_a_loser_hears_who_was_first(make: Make, runtime: Runtime) -> None:
    case, winner = await _offered(make, reported_ago_s=3)
    loser = await make.officer()
    await make.offer(case, loser)
    await claim(runtime, case.id, epoch=0, officer=acting(winner))

    for _ in range(2):  # from PostgreSQL, then from the cache
        with pytest.raises(CaseAlreadyTaken) as lost:
            await claim(runtime, case.id, epoch=0, officer=acting(loser))
        assert lost.value.facts["officer_id"] == str(winner.id)
        assert 3 <= float(str(lost.value.facts["after_s"])) < 5
        await runtime.drain()


async def test_who_was_never_offered_it_is_a_stranger(make: Make, runtime: Runtime) -> None:
    case, winner = await _offered(make)
    stranger = await make.officer()

    with pytest.raises(CaseNotFound):
        await claim(runtime, case.id, epoch=0, officer=acting(stranger))
    await claim(runtime, case.id, epoch=0, officer=acting(winner))
    await runtime.drain()
    with pytest.raises(CaseNotFound):
        await claim(runtime, case.id, epoch=0, officer=acting(stranger))


async def test_a_claim_after_the_deadline_loses(make: Make, runtime: Runtime) -> None:
    case, officer = await _offered(make, reported_ago_s=60.0)

    with pytest.raises(CaseHandedOver):
        await claim(runtime, case.id, epoch=0, officer=acting(officer))
    assert await make.column(case, "state") == CaseState.OPEN  # the sweep hands it over, the claim does not


async def test_an_officer_holds_one_case(make: Make, runtime: Runtime) -> None:
    case, officer = await _offered(make)
    other = await make.case()
    await make.offer(other, officer)
    await claim(runtime, case.id, epoch=0, officer=acting(officer))

    with pytest.raises(OfficerHasACase):
        await claim(runtime, other.id, epoch=0, officer=acting(officer))


async def test_off_duty_takes_nothing(make: Make, runtime: Runtime) -> None:
    officer = await make.officer(on_duty=False)
    case = await make.case()
    await make.offer(case, officer)

    with pytest.raises(OffDuty):
        await claim(runtime, case.id, epoch=0, officer=acting(officer))


async def test_a_release_within_the_minute_opens_it_again_without_the_releaser(
    make: Make, runtime: Runtime
) -> None:
    other = await make.officer()
    case, officer = await _offered(make)
    await claim(runtime, case.id, epoch=0, officer=acting(officer))
    await runtime.drain()

    state = await release(runtime, case.id, epoch=1, officer=acting(officer), reason="car")
    await runtime.drain()

    assert state is CaseState.OPEN
    async with runtime.database.moves() as db:
        assert [o.epoch for o in await open_offers(db, other.id)] == [2]
        assert await open_offers(db, officer.id) == []


async def test_a_release_after_the_minute_goes_to_the_desk(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(state="claimed", officer=officer, reported_ago_s=90, epoch=1)

    assert (
        await release(runtime, case.id, epoch=1, officer=acting(officer), reason="car")
        is CaseState.HANDED_OVER
    )
    assert await make.column(case, "handover_cause") == "released"


async def test_a_late_cache_write_names_a_dead_opening_and_harms_nobody(
    make: Make, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The winner's process pauses between commit and cache write; meanwhile: release, and a claim by another."""
    second = await make.officer()
    case, first = await _offered(make)
    held: list[object] = []

    async def paused(runtime: Runtime, event: object) -> None:
        held.append(event)

    remember = closed.remember
    monkeypatch.setattr(closed, "remember", paused)
    await claim(runtime, case.id, epoch=0, officer=acting(first))
    await runtime.drain()
    await release(runtime, case.id, epoch=1, officer=acting(first), reason="car")
    await runtime.drain()

    for event in held:
        await remember(runtime, event)  # type: ignore[arg-type]
    claimed = await claim(runtime, case.id, epoch=2, officer=acting(second))

    assert claimed.epoch == 3
    assert held


async def test_who_declined_is_not_asked_again_and_cannot_claim(make: Make, runtime: Runtime) -> None:
    case, officer = await _offered(make)

    await decline(runtime, case.id, epoch=0, officer=acting(officer), reason="far")
    await decline(runtime, case.id, epoch=0, officer=acting(officer), reason="far")

    async with runtime.database.moves() as db:
        assert await open_offers(db, officer.id) == []
    with pytest.raises(CaseNotFound):
        await claim(runtime, case.id, epoch=0, officer=acting(officer))


async def test_an_offer_of_an_earlier_opening_is_over(make: Make, runtime: Runtime) -> None:
    officer = await make.officer()
    case = await make.case(epoch=2)
    await make.offer(case, officer, epoch=0)

    with pytest.raises(CaseReopened):
        await claim(runtime, case.id, epoch=0, officer=acting(officer))
