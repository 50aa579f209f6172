"""The vault: one person per openid whatever races, and nothing readable at rest."""

from __future__ import annotations

import asyncio
import dataclasses
from uuid import UUID

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.kit.secrets import CannotDecrypt
from app.people.contact import reveal_contact
from app.people.errors import ConsentMissing, PersonalDataLocked, PersonNotFound, UnfitField
from app.people.identity import (
    Person,
    citizen_of,
    name_in_part,
    name_of,
    names_of,
    note_following,
    openid_of,
    person,
    person_by_openid,
    phone_of,
    set_identity,
    set_language,
    withdraw_consent,
)
from app.people.tables import PersonKind
from tests.factories import Make

APP, ACCOUNT = "wxabcdef1234567890", "wx1234567890abcdef"


async def _citizen(runtime: Runtime, openid: str, *, app_id: str = APP, unionid: str | None = None) -> Person:
    async with transaction(runtime) as db:
        return await citizen_of(db, runtime, app_id=app_id, openid=openid, unionid=unionid)


async def _count(sql, table: str) -> int:
    return (await sql(f"SELECT count(*) FROM {table}"))[0][0]


async def test_a_citizen_is_made_at_first_sight_and_found_again(runtime: Runtime, sql):
    first = await _citizen(runtime, "o-one")
    again = await _citizen(runtime, "o-one")
    other = await _citizen(runtime, "o-two")

    assert first == again
    assert (first.kind, first.language, first.active) == (PersonKind.CITIZEN, "zh", True)
    assert other.id != first.id
    assert await _count(sql, "people") == 2


async def test_twenty_first_sights_at_once_make_one_person(runtime: Runtime, sql):
    people = await asyncio.gather(*(_citizen(runtime, "o-one") for _ in range(20)))

    assert len({one.id for one in people}) == 1
    assert await _count(sql, "people") == 1
    assert await _count(sql, "identity.openids") == 1


async def test_the_second_of_two_waits_for_the_first_and_takes_over_when_it_fails(runtime: Runtime, sql):
    async with runtime.database.transaction() as db:
        lost = await citizen_of(db, runtime, app_id=APP, openid="o-one")
        second = asyncio.create_task(_citizen(runtime, "o-one"))
        await _until_blocked(sql)
        await db.rollback()

    found = await second
    assert found.id != lost.id
    assert await _count(sql, "people") == 1


async def _until_blocked(sql) -> None:
    while not await sql(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        await asyncio.sleep(0)


async def test_one_openid_at_two_accounts_is_two_people_unless_a_unionid_joins_them(runtime: Runtime, sql):
    apart = {(await _citizen(runtime, "o-1", app_id=app)).id for app in (APP, ACCOUNT)}
    joined = {
        (await _citizen(runtime, "o-2", app_id=APP, unionid="u-2")).id,
        (await _citizen(runtime, "o-3", app_id=ACCOUNT, unionid="u-2")).id,
    }

    assert len(apart) == 2
    assert len(joined) == 1
    assert await _count(sql, "people") == 3


async def test_two_accounts_of_one_user_at_once_make_one_person(runtime: Runtime, sql):
    calls = [
        _citizen(runtime, f"o-{app}", app_id=app, unionid="u-1") for app in (APP, ACCOUNT) for _ in range(10)
    ]

    people = await asyncio.gather(*calls)

    assert len({one.id for one in people}) == 1
    assert await _count(sql, "people") == 1
    assert await _count(sql, "identity.persons") == 1
    assert await _count(sql, "identity.openids") == 2


async def test_one_openid_with_and_without_its_unionid_at_once_is_one_person(runtime: Runtime, sql):
    people = await asyncio.gather(
        *(_citizen(runtime, "o-1", unionid="u-1" if n % 2 else None) for n in range(20))
    )
    elsewhere = await _citizen(runtime, "o-2", app_id=ACCOUNT, unionid="u-1")

    assert {one.id for one in people} == {elsewhere.id}
    assert await _count(sql, "people") == 1
    assert await _count(sql, "identity.persons") == 1


async def test_a_unionid_that_comes_later_joins_what_comes_after_it(runtime: Runtime):
    first = await _citizen(runtime, "o-1")
    await _citizen(runtime, "o-1", unionid="u-1")

    assert await _citizen(runtime, "o-9", app_id=ACCOUNT, unionid="u-1") == first


async def test_nothing_that_identifies_stands_readable_in_the_database(runtime: Runtime, sql):
    who = await _citizen(runtime, "openid-secret", unionid="unionid-secret")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, who.id, name="王小明", phone="13800001111", consent="1")

    tables = ("identity.persons", "identity.openids", "people", "events", "outbox", "audit_log")
    rows = [await sql(f"SELECT * FROM {table}") for table in tables]
    stored = "".join(
        bytes(v).hex() if isinstance(v, bytes) else str(v) for table in rows for row in table for v in row
    )
    assert str(who.id) in stored
    for secret in ("openid-secret", "unionid-secret", "13800001111", "王小明"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_what_is_written_is_read_and_a_part_can_be_changed(runtime: Runtime):
    who = await _citizen(runtime, "o-1")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, who.id, name=" 王 小明 ", phone="+86 138-0000-1111", consent="1")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, who.id, name="王大明")

        assert await name_of(db, runtime, who.id) == "王大明"
        assert await phone_of(db, runtime, who.id) == "13800001111"
        assert await openid_of(db, runtime, who.id, APP) == "o-1"
        assert await openid_of(db, runtime, who.id, ACCOUNT) is None
        assert await names_of(db, runtime, [who.id, UUID(int=1)]) == {who.id: "王大明"}


async def test_a_citizens_field_needs_consent_and_goes_with_it(runtime: Runtime, sql):
    who = await _citizen(runtime, "o-1")
    with pytest.raises(ConsentMissing):
        async with transaction(runtime) as db:
            await set_identity(db, runtime, who.id, name="王小明")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, who.id, name="王小明", phone="13800001111", consent="2024-1")
    assert (await sql("SELECT consent_version, consent_at IS NOT NULL FROM identity.persons"))[0] == (
        "2024-1",
        True,
    )

    async with transaction(runtime) as db:
        await withdraw_consent(db, who.id)

    assert (await sql("SELECT name, phone, phone_index, phone_next, consent_at FROM identity.persons"))[
        0
    ] == (None,) * 5
    assert await _citizen(runtime, "o-1") == who


@pytest.mark.parametrize(
    "given", [{"name": " "}, {"name": "x" * 61}, {"phone": "123"}, {"phone": "138x0001111"}]
)
async def test_an_unfit_field_is_refused(runtime: Runtime, make: Make, given: dict[str, str]):
    officer = await make.officer()
    with pytest.raises(UnfitField):
        async with transaction(runtime) as db:
            await set_identity(db, runtime, officer.id, **given)


async def test_a_field_moved_to_another_person_cannot_be_read(runtime: Runtime, make: Make, sql):
    one, two = await make.officer(), await make.officer()
    async with transaction(runtime) as db:
        await set_identity(db, runtime, one.id, name="王小明")
        await set_identity(db, runtime, two.id, name="李四")
    await sql(
        "UPDATE identity.persons SET name = (SELECT name FROM identity.persons WHERE person_id = :one)",
        one=one.id,
    )

    async with transaction(runtime) as db:
        assert await name_of(db, runtime, one.id) == "王小明"
        with pytest.raises(CannotDecrypt):
            await name_of(db, runtime, two.id)


async def test_a_look_at_somebodys_contact_is_recorded_with_it(runtime: Runtime, make: Make, sign_in, sql):
    reporter = await _citizen(runtime, "o-1")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, reporter.id, name="王小明", phone="13800001111", consent="1")
    officer, _ = await sign_in(await make.officer())

    async with transaction(runtime) as db:
        contact = await reveal_contact(db, runtime, officer, reporter.id, "接警回访", case_id=UUID(int=7))

    assert (contact.name, contact.phone) == ("王小明", "13800001111")
    acts = await sql("SELECT actor_id, action, object_id, purpose, facts FROM audit_log")
    assert acts == [
        (officer.person_id, "contact_revealed", str(reporter.id), "接警回访", {"case_id": str(UUID(int=7))})
    ]


@pytest.mark.parametrize("change", [{"second_factor": False}, {"idle_s": 1801.0}])
async def test_a_locked_session_sees_no_contact(
    runtime: Runtime, make: Make, sign_in, sql, change: dict[str, object]
):
    reporter, (officer, _) = await make.citizen(), await sign_in(await make.officer())

    with pytest.raises(PersonalDataLocked):
        async with transaction(runtime) as db:
            await reveal_contact(db, runtime, dataclasses.replace(officer, **change), reporter.id, "接警回访")

    assert await sql("SELECT 1 FROM audit_log") == []


async def test_language_and_following_are_kept(runtime: Runtime, sql):
    who = await _citizen(runtime, "o-1")
    async with transaction(runtime) as db:
        await set_language(db, who.id, "en")
        await note_following(db, who.id, follows=False)
        assert (await person(db, who.id)).language == "en"
        with pytest.raises(UnfitField):
            await set_language(db, who.id, "fr")
        with pytest.raises(PersonNotFound):
            await person(db, UUID(int=1))

    assert await sql("SELECT follows FROM people") == [(False,)]


async def test_an_unknown_openid_is_nobody(runtime: Runtime):
    async with transaction(runtime) as db:
        assert await person_by_openid(db, runtime, app_id=APP, openid="o-unknown") is None


@pytest.mark.parametrize(("name", "part"), [("王小明", "王**"), ("李四", "李*"), ("王", "王*")])
def test_a_citizen_is_told_a_part_of_the_name(name: str, part: str):
    assert name_in_part(name) == part
