"""Keys change while everybody reads: no read fails, a broken-off walk goes on, nothing is left behind."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.kit.secrets import BlindIndex, KeyRing, parse_keys
from app.people import totp
from app.people.identity import (
    Person,
    citizen_of,
    name_of,
    openid_of,
    person_by_openid,
    phone_of,
    set_identity,
)
from app.people.rotation import Rotated, rotate, rotate_index
from app.settings import SettingsError, load_settings
from tests.conftest import SECRETS

APP = "wxabcdef1234567890"
OLD, NEW = (hashlib.sha256(name).digest() for name in (b"old", b"new"))
PEOPLE = 30


async def _people(runtime: Runtime) -> list[Person]:
    made = []
    async with transaction(runtime) as db:
        for n in range(PEOPLE):
            one = await citizen_of(db, runtime, app_id=APP, openid=f"o-{n}", unionid=f"u-{n}")
            await set_identity(db, runtime, one.id, name=f"王{n}", phone=f"138{n:08d}", consent="1")
            made.append(one)
        await totp.enrol(db, runtime, made[0].id, label="x")
    return made


async def _read_all(runtime: Runtime, people: list[Person]) -> None:
    """Every way in: by openid, by name, phone; any failure raises."""
    async with runtime.database.transaction() as db:
        for n, one in enumerate(people):
            assert await person_by_openid(db, runtime, app_id=APP, openid=f"o-{n}") == one
            assert await name_of(db, runtime, one.id) == f"王{n}"
            assert await phone_of(db, runtime, one.id) == f"138{n:08d}"
            assert await openid_of(db, runtime, one.id, APP) == f"o-{n}"
            assert await citizen_of(db, runtime, app_id="wx-other", openid=f"p-{n}", unionid=f"u-{n}") == one
        await db.rollback()


def _with(
    runtime: Runtime, *, secret: list[bytes] | None = None, index: list[bytes] | None = None
) -> Runtime:
    """The same stores, seen by a process with other keys."""
    keys = KeyRing(secret) if secret else runtime.keys
    return dataclasses.replace(runtime, keys=keys, index=BlindIndex(*index) if index else runtime.index)


async def _while_reading(readers: list[tuple[Runtime, list[Person]]], work) -> tuple[Rotated, int]:
    """(what the work returned, how many full rounds of reads went well meanwhile)."""
    done, rounds = asyncio.Event(), 0

    async def read(runtime: Runtime, people: list[Person]) -> None:
        nonlocal rounds
        while not done.is_set():
            await _read_all(runtime, people)
            rounds += 1

    async def run() -> Rotated:
        try:
            return await work
        finally:
            done.set()

    rotated, *_ = await asyncio.gather(run(), *(read(*reader) for reader in readers))
    return rotated, rounds


async def test_secret_keys_rotate_under_load_without_a_failed_read(runtime: Runtime):
    old, both = _with(runtime, secret=[OLD]), _with(runtime, secret=[NEW, OLD])
    people = await _people(old)

    rotated, rounds = await _while_reading([(both, people)] * 3, rotate(both, batch=2))

    assert rotated == Rotated(read=4 * PEOPLE + 1, changed=4 * PEOPLE + 1, unreadable=0)
    assert rounds >= 3
    await _read_all(_with(runtime, secret=[NEW]), people)
    assert (await rotate(both)).changed == 0


async def test_a_rotation_that_broke_off_goes_on(runtime: Runtime):
    both = _with(runtime, secret=[NEW, OLD])
    people = await _people(_with(runtime, secret=[OLD]))

    def break_off(sofar: Rotated) -> None:
        if sofar.changed >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(both, batch=5, progress=break_off)
    await _read_all(both, people)
    rest = await rotate(both, batch=5)

    assert rest.changed == 4 * PEOPLE + 1 - 10
    await _read_all(_with(runtime, secret=[NEW]), people)


async def test_a_value_written_meanwhile_is_not_overwritten(runtime: Runtime):
    both = _with(runtime, secret=[NEW, OLD])
    people = await _people(_with(runtime, secret=[OLD]))

    async def rename() -> None:
        for one in people:
            async with transaction(both) as db:
                await set_identity(db, both, one.id, name="改名")

    await asyncio.gather(rename(), rotate(both, batch=1))

    async with transaction(both) as db:
        assert {await name_of(db, _with(runtime, secret=[NEW]), one.id) for one in people} == {"改名"}


async def test_what_no_key_opens_is_counted_and_left(runtime: Runtime, sql):
    await _people(_with(runtime, secret=[OLD]))
    await sql("UPDATE identity.persons SET name = '\\x010100000000' || name WHERE phone_index = "
              "(SELECT phone_index FROM identity.persons ORDER BY 1 LIMIT 1)")  # fmt: skip

    rotated = await rotate(_with(runtime, secret=[NEW, OLD]))

    assert (rotated.unreadable, rotated.changed) == (1, 4 * PEOPLE)


async def test_the_index_key_rotates_under_load_without_a_failed_look_up(runtime: Runtime, sql):
    before, during, after = (_with(runtime, index=keys) for keys in ([OLD], [OLD, NEW], [NEW]))
    people = await _people(before)

    # Before the swap those who hold only the old key still find everybody; after it nobody holds it alone.
    filled, early = await _while_reading(
        [(before, people), (during, people)], rotate_index(during, swap=False, batch=2)
    )
    _, late = await _while_reading([(during, people), (after, people)], rotate_index(during, batch=2))

    assert filled == Rotated(read=3 * PEOPLE, changed=3 * PEOPLE, unreadable=0)
    assert early >= 2
    assert late >= 2
    await _read_all(after, people)
    assert (await rotate_index(after)).changed == 0
    assert await sql("SELECT 1 FROM identity.openids WHERE openid_index <> next_index") == []
    assert (
        await sql(
            "SELECT 1 FROM identity.persons WHERE unionid_index <> unionid_next OR phone_index <> phone_next"
        )
        == []
    )


@pytest.mark.parametrize("phase", [[[OLD], [OLD, NEW]], [[OLD, NEW], [NEW]]])
async def test_processes_a_restart_apart_make_one_person_of_one_openid(
    runtime: Runtime, sql, phase: list[list[bytes]]
):
    sides = [_with(runtime, index=keys) for keys in phase]

    async def citizen(side: Runtime) -> Person:
        async with transaction(side) as db:
            return await citizen_of(db, side, app_id=APP, openid="o-1", unionid="u-1")

    made = await asyncio.gather(*(citizen(sides[n % 2]) for n in range(20)))

    assert len({one.id for one in made}) == 1
    assert await sql("SELECT count(*) FROM identity.openids") == [(1,)]


def test_an_index_key_may_have_a_next_and_no_third():
    one = base64.b64encode(OLD).decode()
    given = {**SECRETS, "DIDI_INDEX_KEY": f"{one},{base64.b64encode(NEW).decode()}"}

    assert len(parse_keys(load_settings(**given).index_key.get_secret_value())) == 2
    with pytest.raises(SettingsError, match="DIDI_INDEX_KEY"):
        load_settings(**(given | {"DIDI_INDEX_KEY": ",".join([one] * 3)}))
