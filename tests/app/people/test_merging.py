"""One human known as two people becomes one, with everything that was theirs."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.cases.errors import CaseHandedOver, CaseNotFound
from app.complaints.queries import complaints_of
from app.complaints.service import file
from app.dispatch.broadcast import offer_ring
from app.dispatch.claim import claim
from app.dispatch.drafts import Draft, draft_of, save
from app.dispatch.intake import Report, take
from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.identity import (
    Person,
    citizen_of,
    name_of,
    note_following,
    openid_of,
    person_by_openid,
    phone_of,
    set_identity,
)
from app.people.invitations import bind, invite
from app.people.merging import gather_merged, merge
from app.people.officers import suspend
from app.people.sessions import actor_of, alive
from app.people.tables import Audience, PersonKind
from tests.app.people.conftest import APP
from tests.factories import Make

ACCOUNT = "wx1234567890abcdef"


async def _citizen(runtime: Runtime, openid: str, app_id: str = APP, unionid: str | None = None) -> Person:
    async with transaction(runtime) as db:
        return await citizen_of(db, runtime, app_id=app_id, openid=openid, unionid=unionid)


async def _two(runtime: Runtime) -> tuple[Person, Person]:
    """The chat and the mini-program of one human, the chat known for longer, not joined yet."""
    chat = await _citizen(runtime, "o-chat", ACCOUNT, "u-1")
    return chat, await _citizen(runtime, "o-phone")


async def _joined(runtime: Runtime) -> Person:
    found = await _citizen(runtime, "o-phone", APP, "u-1")
    await runtime.drain()
    return found


async def test_two_people_of_one_unionid_become_the_one_known_for_longer(runtime: Runtime, sql):
    chat, phone = await _two(runtime)

    found = await _joined(runtime)

    assert found.id == chat.id
    assert {(await _citizen(runtime, "o-chat", ACCOUNT)).id, (await _citizen(runtime, "o-phone")).id} == {
        chat.id
    }
    assert await sql("SELECT merged_into, active FROM people WHERE id = :id", id=phone.id) == [
        (chat.id, False)
    ]
    acts = await sql("SELECT object_id, facts FROM audit_log WHERE action = 'people_merged'")
    assert acts == [(str(chat.id), {"from_person_id": str(phone.id)})]
    assert len(await sql("SELECT 1 FROM events WHERE kind = 'people_merged'")) == 1


async def test_cases_drafts_windows_and_what_is_to_be_told_change_hands(runtime: Runtime, make: Make, sql):
    chat, phone = await _two(runtime)
    await make.the_station()
    async with transaction(runtime) as db:
        mine = await take(db, runtime, Report(phone.id, "noise", words="很吵", idempotency_key="same-key"))
        await take(db, runtime, Report(chat.id, "noise", words="也很吵", idempotency_key="same-key"))
        await save(db, runtime, Draft(phone.id, "noise", words="楼下", media=("m1",)))
        await draft_of(db, runtime, phone.id)
    async with transaction(runtime) as db:
        await draft_of(db, runtime, phone.id)
        await save(db, runtime, Draft(phone.id, "noise", words="楼下", media=("m1",)))
    await sql(
        "INSERT INTO windows VALUES (:id, 'official_account', 3, clock_timestamp() + interval '1 day')",
        id=phone.id,
    )
    await sql(
        "INSERT INTO deliveries (event_id, person_id, channel, kind, priority)"
        " SELECT min(id), :id, 'official_account', 'closed', 2 FROM events", id=phone.id,
    )  # fmt: skip

    async with transaction(runtime) as db:
        for person, words in ((phone, "态度恶劣"), (chat, "不立案")):
            await file(db, runtime, person_id=person.id, words=words, key="same-key")
    await _joined(runtime)

    async with transaction(runtime) as db:
        draft = await draft_of(db, runtime, chat.id)
        complaints = await complaints_of(db, runtime, chat.id)
    assert {complaint.words for complaint in complaints} == {"态度恶劣", "不立案"}
    assert (draft.words, draft.media) == ("楼下", ("m1",))
    assert len(await sql("SELECT 1 FROM cases WHERE reporter_id = :id", id=chat.id)) == 2
    assert await sql("SELECT reporter_id FROM cases WHERE id = :id", id=mine.case_id) == [(chat.id,)]
    assert await sql("SELECT person_id, long_left FROM windows") == [(chat.id, 3)]
    assert await sql("SELECT person_id FROM deliveries") == [(chat.id,)]
    for table in ("drafts", "identity.persons", "identity.openids"):
        assert await sql(f"SELECT 1 FROM {table} WHERE person_id = :id", id=phone.id) == []


async def test_a_draft_of_who_stays_is_not_written_over(runtime: Runtime, sql):
    chat, phone = await _two(runtime)
    for person, words in ((chat, "先写的"), (phone, "后写的")):
        async with transaction(runtime) as db:
            await draft_of(db, runtime, person.id)
            await save(db, runtime, Draft(person.id, words=words))

    await _joined(runtime)

    async with transaction(runtime) as db:
        assert (await draft_of(db, runtime, chat.id)).words == "先写的"


async def test_name_phone_and_consent_stay_readable(runtime: Runtime, sql):
    chat, phone = await _two(runtime)
    async with transaction(runtime) as db:
        await set_identity(db, runtime, phone.id, name="李雷", phone="13800000000", consent="2025-01")

    await _joined(runtime)

    async with transaction(runtime) as db:
        assert (await name_of(db, runtime, chat.id), await phone_of(db, runtime, chat.id)) == (
            "李雷",
            "13800000000",
        )
        assert await openid_of(db, runtime, chat.id, APP) == "o-phone"
    assert await sql("SELECT consent_version FROM identity.persons") == [("2025-01",)]


async def test_a_session_goes_on_as_who_stays(runtime: Runtime, sign_in):
    chat, phone = await _two(runtime)
    actor, token = await sign_in(phone.id)

    await _joined(runtime)

    now = await actor_of(runtime, token, Audience.MINIPROGRAM)
    assert (now.session_id, now.person_id) == (actor.session_id, chat.id)


@pytest.mark.parametrize("which", [0, 1])
async def test_a_suspension_of_either_citizen_holds_for_both(
    runtime: Runtime, administrator, which: int, sql
):
    two = await _two(runtime)
    async with transaction(runtime) as db:
        await suspend(db, two[which].id, by=administrator)

    found = await _joined(runtime)

    assert not found.active


async def test_whether_they_follow_is_what_the_account_itself_said(runtime: Runtime, sql):
    phone, chat = await _citizen(runtime, "o-phone", APP, "u-1"), await _citizen(runtime, "o-chat", ACCOUNT)
    async with transaction(runtime) as db:
        await note_following(db, chat.id, follows=False)

    found = await _citizen(runtime, "o-chat", ACCOUNT, "u-1")

    assert found.id == phone.id
    assert await sql("SELECT follows FROM people WHERE id = :id", id=phone.id) == [(False,)]


async def test_twenty_at_once_merge_once(runtime: Runtime, sql):
    chat, phone = await _two(runtime)

    found = await asyncio.gather(
        *(_citizen(runtime, *one, "u-1") for one in (("o-phone", APP), ("o-chat", ACCOUNT)) * 10)
    )

    assert {one.id for one in found} == {chat.id}
    assert len(await sql("SELECT 1 FROM audit_log WHERE action = 'people_merged'")) == 1
    async with transaction(runtime) as db:  # again: nothing changes
        assert await merge(db, runtime, phone.id, chat.id) == chat.id
        assert await merge(db, runtime, chat.id, phone.id) == chat.id
    assert len(await sql("SELECT 1 FROM audit_log WHERE action = 'people_merged'")) == 1


async def test_a_ring_of_merges_at_once_ends_at_one(runtime: Runtime):
    people = [await _citizen(runtime, f"o-{n}") for n in range(3)]
    calls = [_merged(runtime, people[a].id, people[b].id) for a, b in ((0, 1), (1, 2), (2, 0), (1, 0))]

    await asyncio.gather(*calls)

    assert {(await _citizen(runtime, f"o-{n}")).id for n in range(3)} == {people[0].id}


async def _merged(runtime: Runtime, one: UUID, other: UUID) -> None:
    async with transaction(runtime) as db:
        await merge(db, runtime, one, other)


async def test_reports_at_the_moment_of_the_merge_are_not_lost(runtime: Runtime, make: Make, sql):
    chat, phone = await _two(runtime)
    await make.the_station()

    async def report(n: int) -> None:
        async with transaction(runtime) as db:
            await take(db, runtime, Report(phone.id, "noise", words=f"{n}", idempotency_key=f"key-{n:05d}"))

    await asyncio.gather(*(report(n) for n in range(8)), _citizen(runtime, "o-phone", APP, "u-1"))
    await report(8)  # by an actor read before the merge
    await runtime.drain()
    await gather_merged(runtime)

    assert await sql("SELECT reporter_id, count(*) FROM cases GROUP BY 1") == [(chat.id, 9)]
    assert await gather_merged(runtime) == 0


async def _invited(runtime: Runtime, make: Make, badge: str = "012345") -> tuple[UUID, str]:
    station = await make.the_station()
    async with transaction(runtime) as db:
        made = await invite(db, runtime, name="王小明", badge=badge, station_id=station.id)
    return made.person_id, made.code


async def _bind(
    runtime: Runtime, code: str, openid: str, unionid: str | None = None, badge: str = "012345"
) -> None:
    async with transaction(runtime) as db:
        await bind(db, runtime, badge=badge, code=code, app_id=APP, openid=openid, unionid=unionid)
    await runtime.drain()


@pytest.mark.parametrize("known", ["at the sign-in", "with the code"])
async def test_binding_an_officer_makes_both_openids_theirs(runtime: Runtime, make: Make, sql, known: str):
    chat = await _citizen(runtime, "o-chat", ACCOUNT, "u-1")
    if known == "at the sign-in":
        await _citizen(runtime, "o-phone", APP, "u-1")
    async with transaction(runtime) as db:
        await set_identity(db, runtime, chat.id, name="匿名", consent="2025-01")
    officer, code = await _invited(runtime, make)

    await _bind(runtime, code, "o-phone", "u-1" if known == "with the code" else None)

    async with transaction(runtime) as db:
        both = {
            (await citizen_of(db, runtime, app_id=app, openid=openid)).id
            for app, openid in ((APP, "o-phone"), (ACCOUNT, "o-chat"))
        }
        assert await name_of(db, runtime, officer) == "王小明"
    assert both == {officer}


async def test_a_chat_that_joins_an_officer_later_is_the_officer_and_no_session_of_it_lives(
    runtime: Runtime, make: Make, sign_in
):
    officer, code = await _invited(runtime, make)
    await _bind(runtime, code, "o-phone", "u-1")
    chat = await _citizen(runtime, "o-chat", ACCOUNT)
    before, _ = await sign_in(chat.id)

    found = await _citizen(runtime, "o-chat", ACCOUNT, "u-1")

    assert (found.id, found.kind) == (officer, PersonKind.OFFICER)
    assert await alive(runtime, [before.session_id]) == set()


async def test_another_wechat_account_takes_the_old_one_from_the_officer_everywhere(
    runtime: Runtime, make: Make
):
    officer, code = await _invited(runtime, make)
    await _citizen(runtime, "o-chat", ACCOUNT, "u-1")
    await _bind(runtime, code, "o-phone", "u-1")
    await _citizen(runtime, "n-chat", ACCOUNT, "u-2")

    _, again = await _invited(runtime, make)
    await _bind(runtime, again, "n-phone", "u-2")

    async with transaction(runtime) as db:
        assert await openid_of(db, runtime, officer, ACCOUNT) == "n-chat"
        for app, openid in ((APP, "o-phone"), (ACCOUNT, "o-chat")):
            assert await person_by_openid(db, runtime, app_id=app, openid=openid) is None


async def test_two_officers_are_never_merged(runtime: Runtime, make: Make):
    one, two = await make.officer(), await make.officer()

    async with transaction(runtime) as db:
        assert await merge(db, runtime, one.id, two.id) is None


@pytest.mark.parametrize("offered", ["before the merge", "after it"])
async def test_an_officer_takes_no_case_that_they_reported_by_chat(
    runtime: Runtime, make: Make, sign_in, offered: str
):
    officer = await make.officer()
    actor, _ = await sign_in(officer)
    case = await make.case()
    if offered == "before the merge":
        assert await offer_ring(runtime, case.id) == 1

    await _merged(runtime, case.reporter.id, officer.id)
    await runtime.drain()

    asked = await offer_ring(runtime, case.id)
    assert asked == 0
    with pytest.raises((CaseNotFound, CaseHandedOver)):
        await claim(runtime, case.id, epoch=0, officer=actor)
