"""What people agreed to: one-time grants add up, lasting ones do not run out, and both follow the person."""

from __future__ import annotations

import asyncio
from uuid import UUID

from app.dispatch.personal import erase, everything_about
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.notices.consents import allow, consents_of, put_back, refuse, spend_consent
from app.notices.tables import Channel
from app.people.merging import merge
from tests.factories import Make

MP = Channel.SUBSCRIPTION


async def _allow(
    runtime: Runtime, person_id: UUID, template_id: str = "T1", *, lasting: bool = False
) -> None:
    async with transaction(runtime) as db:
        await allow(db, person_id, MP, template_id, lasting=lasting)


async def _spend(runtime: Runtime, person_id: UUID, template_id: str = "T1", *, keep: int = 0) -> bool:
    async with transaction(runtime) as db:
        return await spend_consent(db, person_id, MP, template_id, keep=keep)


async def _left(runtime: Runtime, person_id: UUID) -> dict[str, tuple[int, bool]]:
    async with runtime.database.moves() as db:
        return {c.template_id: (c.left_once, c.lasting) for c in await consents_of(db, person_id)}


async def test_ten_at_once_spend_what_was_granted(runtime: Runtime, make: Make) -> None:
    person_id = (await make.citizen()).id
    for _ in range(3):
        await _allow(runtime, person_id)

    assert sum(await asyncio.gather(*(_spend(runtime, person_id) for _ in range(10)))) == 3
    assert await _left(runtime, person_id) == {"T1": (0, False)}


async def test_a_lasting_consent_does_not_run_out_until_it_is_refused(runtime: Runtime, make: Make) -> None:
    person_id = (await make.citizen()).id
    await _allow(runtime, person_id, lasting=True)
    spent = [await _spend(runtime, person_id, keep=5) for _ in range(3)]
    async with transaction(runtime) as db:
        await put_back(db, person_id, MP, "T1")
        await refuse(db, person_id, MP, "T1")

    assert spent == [True, True, True]
    assert await _spend(runtime, person_id) is False


async def test_what_higher_notices_will_need_is_kept_and_what_was_not_used_comes_back(
    runtime: Runtime, make: Make
) -> None:
    person_id = (await make.citizen()).id
    for _ in range(2):
        await _allow(runtime, person_id)

    assert await _spend(runtime, person_id, keep=2) is False
    assert await _spend(runtime, person_id, keep=1) is True
    async with transaction(runtime) as db:
        await put_back(db, person_id, MP, "T1")
    assert await _left(runtime, person_id) == {"T1": (2, False)}


async def test_of_two_people_who_are_one_the_consents_come_together(runtime: Runtime, make: Make) -> None:
    one, other = await make.citizen(), await make.citizen()
    await _allow(runtime, one.id)
    await _allow(runtime, other.id)
    await _allow(runtime, other.id, "T2", lasting=True)

    async with transaction(runtime) as db:
        staying = await merge(db, runtime, one.id, other.id)
    assert staying is not None

    assert await _left(runtime, staying) == {"T1": (2, False), "T2": (0, True)}
    gone = other.id if staying == one.id else one.id
    assert await _left(runtime, gone) == {}


async def test_consents_are_told_to_their_person_and_go_with_them(runtime: Runtime, make: Make) -> None:
    person_id = (await make.citizen()).id
    await _allow(runtime, person_id)
    async with transaction(runtime) as db:
        told = await everything_about(db, runtime, person_id)
    async with transaction(runtime) as db:
        await erase(db, person_id)

    assert [(c.template_id, c.left_once) for c in told.consents] == [("T1", 1)]
    assert await _left(runtime, person_id) == {}
