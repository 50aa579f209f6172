"""Officers: an invitation that five guesses exhaust, a phone that it binds, a second factor, duty."""

from __future__ import annotations

import asyncio
import threading
from uuid import UUID

import pyotp
import pytest

from app.cases.states import ACTIVE
from app.events.edge import transaction
from app.kit.database import Db
from app.kit.errors import Forbidden
from app.kit.runtime import Runtime
from app.people import invitations, officers, passwords, sessions
from app.people.errors import (
    ApprovalNotFound,
    BadgeTaken,
    BindingTooOften,
    CaseInHand,
    InvitationRefused,
    OfficerNotFound,
    PhoneBound,
    SecondFactorRefused,
    SecretsBusy,
    UnfitField,
)
from app.people.identity import citizen_of, name_of, openid_of, person_by_openid
from app.people.invitations import Bound, bind, invite
from app.people.jobs import end_duty_of_expired
from app.people.officers import change_officer, duty_off, duty_on, facts_of, set_lead
from app.people.passwords import Line
from app.people.second_factor import (
    ask_approval,
    decide_approval,
    enrol_totp,
    pending_approvals,
    second_factor_totp,
)
from app.people.sessions import Actor, actor_of, alive, issue
from app.people.tables import Audience, PersonKind
from tests.factories import Make, acting

APP, OFFICIAL = "wxabcdef1234567890", "wx1234567890abcdef"


async def _invited(runtime: Runtime, make: Make, *, badge: str = "012345", by: Actor | None = None):
    station = await make.the_station()
    async with transaction(runtime) as db:
        return await invite(db, runtime, name="王小明", badge=badge, station_id=station.id, by=by)


async def _bound(runtime: Runtime, code: str, *, badge: str = "012345", openid: str = "o-officer") -> Bound:
    async with transaction(runtime) as db:
        return await bind(db, runtime, badge=badge, code=code, app_id=APP, openid=openid)


def _wrong(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"


async def test_a_code_binds_the_phone_once(runtime: Runtime, make: Make, administrator: Actor, sql):
    invitation = await _invited(runtime, make, by=administrator)

    bound = await _bound(runtime, invitation.code)

    assert bound == Bound(invitation.person_id, needs_second_factor=True)
    assert len(invitation.code.replace(" ", "")) == 8
    assert invitation.code.replace(" ", "").isdecimal()
    assert invitation.code.replace(" ", "") not in str(await sql("SELECT * FROM invitations"))
    async with transaction(runtime) as db:
        person = await person_by_openid(db, runtime, app_id=APP, openid="o-officer")
        assert await name_of(db, runtime, bound.person_id) == "王小明"
    assert person
    assert (person.id, person.kind) == (invitation.person_id, PersonKind.OFFICER)
    with pytest.raises(InvitationRefused):
        await _bound(runtime, invitation.code, openid="o-thief")
    acts = await sql("SELECT actor_id, action FROM audit_log ORDER BY id")
    assert acts == [(administrator.person_id, "officer_invited"), (bound.person_id, "phone_bound")]
    assert await sql("SELECT count(*) FROM people WHERE merged_into IS NOT NULL") == [(0,)]


async def test_two_phones_with_the_right_code_at_once_bind_one(runtime: Runtime, make: Make, sql):
    invitation = await _invited(runtime, make)

    calls = [_bound(runtime, invitation.code, openid=f"o-{n}") for n in range(4)]
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert sum(isinstance(one, Bound) for one in results) == 1
    assert sum(isinstance(one, InvitationRefused) for one in results) == 3
    assert await sql("SELECT count(*) FROM identity.openids") == [(1,)]


async def test_thirty_parallel_guesses_get_five_tries_between_them(
    runtime: Runtime, make: Make, sql, monkeypatch
):
    invitation = await _invited(runtime, make)
    compared: list[bool] = []
    honest = invitations.is_secret

    async def spy(db: Db, kept: str | None, given: str, line: Line) -> bool:
        compared.append(kept is not None)
        return await honest(db, kept, given, line) if kept else False

    monkeypatch.setattr(invitations, "is_secret", spy)

    guesses = [_bound(runtime, _wrong(invitation.code), openid=f"o-{n}") for n in range(30)]
    results = await asyncio.gather(*guesses, return_exceptions=True)

    assert all(isinstance(one, InvitationRefused) for one in results)
    assert compared.count(True) == 5
    assert await sql("SELECT tries_left FROM invitations") == [(0,)]
    with pytest.raises(InvitationRefused):
        await _bound(runtime, invitation.code)
    assert await sql("SELECT count(*) FROM identity.openids") == [(0,)]


async def test_one_stranger_burns_no_code_of_somebody_else(runtime: Runtime, make: Make, sql):
    invitation = await _invited(runtime, make)
    for _ in range(5):
        with pytest.raises(InvitationRefused):
            await _bound(runtime, _wrong(invitation.code), openid="o-stranger")

    with pytest.raises(BindingTooOften) as shut:  # whatever the badge, and with the right code too
        await _bound(runtime, invitation.code, openid="o-stranger")

    assert 890 <= shut.value.facts["retry_after_s"] <= 900
    assert await sql("SELECT tries_left FROM invitations") == [(4,)]
    assert "o-stranger" not in str(await sql("SELECT * FROM guesses")) + str(
        await sql("SELECT * FROM invitation_tries")
    )
    assert (await _bound(runtime, invitation.code)).person_id == invitation.person_id


async def test_who_waited_fifteen_minutes_may_try_again_and_success_forgives(
    runtime: Runtime, make: Make, sql
):
    invitation = await _invited(runtime, make)
    for _ in range(5):
        with pytest.raises(InvitationRefused):
            await _bound(runtime, _wrong(invitation.code))
    await sql("UPDATE guesses SET locked_until = locked_until - interval '15 minutes'")

    await _bound(runtime, invitation.code)

    assert await sql("SELECT count(*) FROM guesses") == [(0,)]


async def test_a_full_line_refuses_at_once_and_counts_nothing(runtime: Runtime, make: Make, sql):
    invitation = await _invited(runtime, make)
    line, go = passwords.BINDING, threading.Event()
    waiting = [
        asyncio.create_task(line.run(lambda: go.wait(30)))
        for _ in range(passwords.AT_ONCE + passwords.WAITING_MAX)
    ]
    await asyncio.sleep(0)

    with pytest.raises(SecretsBusy):
        await _bound(runtime, invitation.code)
    counted = await sql("SELECT tries_left, (SELECT count(*) FROM guesses) FROM invitations")
    elsewhere = await _hash_of(runtime)  # the console's line is its own
    go.set()
    await asyncio.gather(*waiting)

    assert counted == [(5, 0)]
    assert elsewhere.startswith("$argon2id$")
    assert (await _bound(runtime, invitation.code)).person_id == invitation.person_id


async def _hash_of(runtime: Runtime) -> str:
    async with transaction(runtime) as db:
        return await passwords.hash_secret(db, "a secret")


async def test_the_fifth_try_may_still_be_right(runtime: Runtime, make: Make):
    invitation = await _invited(runtime, make)
    for _ in range(4):
        with pytest.raises(InvitationRefused):
            await _bound(runtime, _wrong(invitation.code))

    assert (await _bound(runtime, invitation.code)).person_id == invitation.person_id


async def test_a_code_older_than_ten_minutes_is_over(runtime: Runtime, make: Make, sql):
    invitation = await _invited(runtime, make)
    lasts = await sql("SELECT extract(epoch FROM expires_at - clock_timestamp())::int FROM invitations")
    await sql("UPDATE invitations SET expires_at = expires_at - interval '10 minutes'")

    assert 595 <= lasts[0][0] <= 600
    with pytest.raises(InvitationRefused):
        await _bound(runtime, invitation.code)


async def test_a_new_invitation_ends_the_earlier_one_and_keeps_the_officer(runtime: Runtime, make: Make):
    first, second = await _invited(runtime, make), await _invited(runtime, make)

    assert first.person_id == second.person_id
    with pytest.raises(InvitationRefused):
        await _bound(runtime, first.code)
    assert (await _bound(runtime, second.code)).person_id == first.person_id


async def test_the_badge_and_the_code_belong_together(runtime: Runtime, make: Make):
    one, _ = await _invited(runtime, make, badge="1"), await _invited(runtime, make, badge="2")

    for badge in ("2", "3", ""):
        with pytest.raises(InvitationRefused):
            await _bound(runtime, one.code, badge=badge)


async def test_another_phone_takes_the_place_of_the_old_one(runtime: Runtime, make: Make, sign_in, sql):
    officer = (await _bound(runtime, (await _invited(runtime, make)).code, openid="o-old")).person_id
    old, _ = await sign_in(officer)

    await _bound(runtime, (await _invited(runtime, make)).code, openid="o-new")

    async with transaction(runtime) as db:
        assert await openid_of(db, runtime, officer, APP) == "o-new"
        assert await person_by_openid(db, runtime, app_id=APP, openid="o-old") is None
    assert await alive(runtime, [old.session_id]) == set()


async def test_a_citizen_who_becomes_an_officer_keeps_the_phone(runtime: Runtime, make: Make, sign_in, sql):
    async with transaction(runtime) as db:
        citizen = await citizen_of(db, runtime, app_id=APP, openid="o-officer")
    before, _ = await sign_in(citizen.id)
    invitation = await _invited(runtime, make)

    await _bound(runtime, invitation.code)

    async with transaction(runtime) as db:
        now = await citizen_of(db, runtime, app_id=APP, openid="o-officer")
    assert (now.id, now.kind) == (invitation.person_id, PersonKind.OFFICER)
    assert await alive(runtime, [before.session_id]) == set()
    assert await sql("SELECT facts FROM audit_log WHERE action = 'phone_bound'") == [
        ({"from_person_id": str(citizen.id)},)
    ]


async def test_another_officers_phone_is_refused_and_the_code_survives(runtime: Runtime, make: Make):
    await _bound(runtime, (await _invited(runtime, make, badge="1")).code, badge="1", openid="o-1")
    second = await _invited(runtime, make, badge="2")

    with pytest.raises(PhoneBound):
        await _bound(runtime, second.code, badge="2", openid="o-1")

    assert (await _bound(runtime, second.code, badge="2", openid="o-2")).person_id == second.person_id


async def test_who_may_invite(runtime: Runtime, make: Make, sign_in):
    here, there = await make.the_station(), await make.station()
    local, _ = await sign_in(await make.staff("administrator", station=here), Audience.CONSOLE)
    elsewhere, _ = await sign_in(await make.staff("administrator", station=there), Audience.CONSOLE)
    desk, _ = await sign_in(await make.staff("desk", station=here), Audience.CONSOLE)
    weak, _ = await sign_in(await make.staff("administrator"), Audience.CONSOLE, second_factor=False)

    await _invited(runtime, make, by=local)
    for stranger in (elsewhere, desk, weak):
        with pytest.raises(Forbidden):
            await _invited(runtime, make, by=stranger)


async def test_a_badge_of_another_station_is_refused(runtime: Runtime, make: Make):
    await _invited(runtime, make)
    there = await make.station()
    with pytest.raises(BadgeTaken):
        async with transaction(runtime) as db:
            await invite(db, runtime, name="李四", badge="012345", station_id=there.id)


@pytest.mark.parametrize(
    "wrong", [{"badge": " "}, {"badge": "1" * 21}, {"kind": PersonKind.STAFF}, {"name": ""}]
)
async def test_an_unfit_invitation_is_refused(runtime: Runtime, make: Make, wrong: dict[str, object], sql):
    station = await make.the_station()
    with pytest.raises(UnfitField):
        async with transaction(runtime) as db:
            await invite(db, runtime, **({"name": "王", "badge": "1", "station_id": station.id} | wrong))
    assert await sql("SELECT 1 FROM officers") == []


async def _with_totp(runtime: Runtime, person_id: UUID) -> pyotp.TOTP:
    async with transaction(runtime) as db:
        return pyotp.parse_uri(await enrol_totp(db, runtime, person_id, by=None))


async def _database_s(sql) -> float:
    return (await sql("SELECT extract(epoch FROM clock_timestamp())::float8"))[0][0]


async def _give(runtime: Runtime, actor: Actor, code: str) -> None:
    async with transaction(runtime) as db:
        await second_factor_totp(db, runtime, actor, code)


async def test_a_code_of_the_clock_is_a_second_factor_once(runtime: Runtime, make: Make, sign_in, sql):
    actor, token = await sign_in(await make.officer(), second_factor=False)
    clock = await _with_totp(runtime, actor.person_id)
    code = clock.at(int(await _database_s(sql)))

    await _give(runtime, actor, code)
    await runtime.drain()

    assert (await actor_of(runtime, token, Audience.MINIPROGRAM)).may_see_personal_data
    with pytest.raises(SecondFactorRefused):
        await _give(runtime, actor, code)
    with pytest.raises(SecondFactorRefused):
        await _give(runtime, actor, clock.at(int(await _database_s(sql)) - 30))


async def test_one_code_given_ten_times_at_once_works_once(runtime: Runtime, make: Make, sign_in, sql):
    actor, _ = await sign_in(await make.officer(), second_factor=False)
    code = (await _with_totp(runtime, actor.person_id)).at(int(await _database_s(sql)))

    results = await asyncio.gather(*(_give(runtime, actor, code) for _ in range(4)), return_exceptions=True)

    assert results.count(None) == 1
    assert sum(isinstance(one, SecondFactorRefused) for one in results) == 3


@pytest.mark.parametrize("off_s", [-90, 90])
async def test_a_code_of_another_minute_is_refused(runtime: Runtime, make: Make, sign_in, sql, off_s: int):
    actor, _ = await sign_in(await make.officer(), second_factor=False)
    clock = await _with_totp(runtime, actor.person_id)

    with pytest.raises(SecondFactorRefused):
        await _give(runtime, actor, clock.at(int(await _database_s(sql)) + off_s))


async def test_five_wrong_codes_lock_also_the_right_one_for_fifteen_minutes(
    runtime: Runtime, make: Make, sign_in, sql
):
    actor, _ = await sign_in(await make.officer(), second_factor=False)
    clock = await _with_totp(runtime, actor.person_id)
    results = await asyncio.gather(*(_give(runtime, actor, "x") for _ in range(8)), return_exceptions=True)
    assert all(isinstance(one, SecondFactorRefused) for one in results)

    with pytest.raises(SecondFactorRefused):
        await _give(runtime, actor, clock.at(int(await _database_s(sql))))
    await sql("UPDATE credentials SET locked_until = locked_until - interval '15 minutes'")

    await _give(runtime, actor, clock.at(int(await _database_s(sql))))


async def test_without_a_secret_no_code_works(runtime: Runtime, make: Make, sign_in):
    actor, _ = await sign_in(await make.officer(), second_factor=False)
    with pytest.raises(SecondFactorRefused):
        await _give(runtime, actor, "000000")


async def test_an_idle_session_is_unlocked_by_a_code(runtime: Runtime, make: Make, sign_in, sql):
    actor, token = await sign_in(await make.officer())
    clock = await _with_totp(runtime, actor.person_id)
    await sql("UPDATE sessions SET used_at = used_at - interval '1 hour'")
    sessions._caches.clear()
    locked = await actor_of(runtime, token, Audience.MINIPROGRAM)

    await _give(runtime, locked, clock.at(int(await _database_s(sql))))
    await runtime.drain()

    assert locked.idle_locked
    assert (await actor_of(runtime, token, Audience.MINIPROGRAM)).may_see_personal_data


async def test_who_may_enrol_a_second_factor(runtime: Runtime, make: Make, sign_in, administrator: Actor):
    officer, _ = await sign_in(await make.officer())
    weak, _ = await sign_in(await make.officer(), second_factor=False)
    for by, whom, allowed in (
        (administrator, officer, True), (officer, officer, True), (weak, weak, False), (officer, weak, False)
    ):  # fmt: skip
        async with transaction(runtime) as db:
            if allowed:
                assert (await enrol_totp(db, runtime, whom.person_id, by=by)).startswith("otpauth://totp/")
            else:
                with pytest.raises(Forbidden):
                    await enrol_totp(db, runtime, whom.person_id, by=by)


async def test_the_desk_lets_an_officer_in(runtime: Runtime, make: Make, sign_in, sql):
    station = await make.the_station()
    officer, token = await sign_in(await make.officer(), second_factor=False)
    desk, _ = await sign_in(await make.staff("desk", station=station), Audience.CONSOLE)
    async with transaction(runtime) as db:
        approval = await ask_approval(db, officer)
        assert await ask_approval(db, officer) == approval
        waiting = await pending_approvals(db, stations=[station.id])

    async with transaction(runtime) as db:
        await decide_approval(db, approval, by=desk, approve=True)
    await runtime.drain()

    assert [(one.id, one.person_id) for one in waiting] == [(approval, officer.person_id)]
    assert (await actor_of(runtime, token, Audience.MINIPROGRAM)).second_factor
    assert await sql("SELECT actor_id, facts ->> 'how' FROM audit_log") == [(desk.person_id, "desk")]
    async with transaction(runtime) as db:
        assert await pending_approvals(db, stations=[], everywhere=True) == []
        with pytest.raises(ApprovalNotFound):
            await decide_approval(db, approval, by=desk, approve=False)


async def test_the_desk_refuses_and_the_session_ends(runtime: Runtime, make: Make, sign_in):
    station = await make.the_station()
    officer, _ = await sign_in(await make.officer(), second_factor=False)
    desk, _ = await sign_in(await make.staff("commander", station=station), Audience.CONSOLE)
    async with transaction(runtime) as db:
        approval = await ask_approval(db, officer)

    async with transaction(runtime) as db:
        await decide_approval(db, approval, by=desk, approve=False)

    assert await alive(runtime, [officer.session_id]) == set()


async def test_two_desks_at_once_decide_once(runtime: Runtime, make: Make, sign_in, sql):
    station = await make.the_station()
    officer, _ = await sign_in(await make.officer(), second_factor=False)
    desks = [
        (await sign_in(await make.staff("desk", station=station), Audience.CONSOLE))[0] for _ in range(2)
    ]
    async with transaction(runtime) as db:
        approval = await ask_approval(db, officer)

    async def decide(desk: Actor, approve: bool) -> None:
        async with transaction(runtime) as db:
            await decide_approval(db, approval, by=desk, approve=approve)

    results = await asyncio.gather(decide(desks[0], True), decide(desks[1], False), return_exceptions=True)

    assert results.count(None) == 1
    assert sum(isinstance(one, ApprovalNotFound) for one in results) == 1
    decided = await sql(
        "SELECT approved, second_factor, revoked_at IS NULL FROM approvals JOIN sessions s ON s.id = session_id"
    )
    assert decided in ([(True, True, True)], [(False, False, False)])


async def test_nobody_else_decides_and_not_after_ten_minutes(runtime: Runtime, make: Make, sign_in, sql):
    here, there = await make.the_station(), await make.station()
    made = await make.officer()
    await sql("INSERT INTO roles (id, person_id, role) VALUES (gen_random_uuid(), :id, 'desk')", id=made.id)
    officer, _ = await sign_in(made, second_factor=False)
    himself, _ = await sign_in(made)
    strangers = [
        himself,
        (await sign_in(await make.staff("desk", station=there), Audience.CONSOLE))[0],
        (await sign_in(await make.staff("administrator"), Audience.CONSOLE))[0],
        (await sign_in(await make.staff("desk", station=here), Audience.CONSOLE, second_factor=False))[0],
    ]
    async with transaction(runtime) as db:
        approval = await ask_approval(db, officer)
        for stranger in strangers:
            with pytest.raises(ApprovalNotFound):
                await decide_approval(db, approval, by=stranger, approve=True)

    await sql("UPDATE approvals SET asked_at = asked_at - interval '10 minutes'")
    desk, _ = await sign_in(await make.staff("desk", station=here), Audience.CONSOLE)
    async with transaction(runtime) as db:
        with pytest.raises(ApprovalNotFound):
            await decide_approval(db, approval, by=desk, approve=True)
        assert await ask_approval(db, officer) == approval  # asked anew, so it waits again
        await decide_approval(db, approval, by=desk, approve=True)


async def test_an_officer_who_changed_stations_is_let_in_by_the_new_desk_alone(
    runtime: Runtime, make: Make, sign_in, sql
):
    old, new = await make.the_station(), await make.station(ring=None)
    officer, _ = await sign_in(await make.officer(station=old), second_factor=False)
    before, after = [acting(await make.staff("desk", station=one)) for one in (old, new)]
    async with transaction(runtime) as db:
        approval = await ask_approval(db, officer)
        await change_officer(db, officer.person_id, by=None, station_id=new.id)

    async with transaction(runtime) as db:
        seen = [[a.id for a in await pending_approvals(db, stations=[one.id])] for one in (old, new)]
        with pytest.raises(ApprovalNotFound):
            await decide_approval(db, approval, by=before, approve=True)
        await decide_approval(db, approval, by=after, approve=True)
        await ask_approval(db, officer)  # idle, later
    assert seen == [[], [approval]]
    asked = await sql("SELECT station_id FROM events WHERE kind = 'approval_asked' ORDER BY id")
    assert asked == [(old.id,), (new.id,)]


async def test_only_an_officer_has_a_desk_to_ask(runtime: Runtime, make: Make, sign_in):
    citizen, _ = await sign_in(await make.citizen())
    async with transaction(runtime) as db:
        with pytest.raises(OfficerNotFound):
            await ask_approval(db, citizen)


async def test_duty_is_a_fact_with_an_event_for_each_change(runtime: Runtime, make: Make, sql):
    officer, station = await make.officer(on_duty=False), await make.the_station()
    for _ in range(2):
        async with transaction(runtime) as db:
            on = await duty_on(db, officer.id)
    for _ in range(2):
        async with transaction(runtime) as db:
            off = await duty_off(db, officer.id)

    assert (on.on_duty, on.since is not None, off.on_duty) == (True, True, False)
    events = await sql("SELECT kind, actor_id, station_id FROM events ORDER BY id")
    assert events == [("duty_on", officer.id, station.id), ("duty_off", officer.id, station.id)]


@pytest.mark.parametrize("state", sorted(ACTIVE))
async def test_an_officer_with_a_case_in_hand_stays_on_duty(runtime: Runtime, make: Make, state: str, sql):
    officer = await make.officer()
    await make.case(state=state, officer=officer, epoch=1)

    with pytest.raises(CaseInHand):
        async with transaction(runtime) as db:
            await duty_off(db, officer.id)

    assert await sql("SELECT on_duty FROM officers") == [(True,)]
    assert await sql("SELECT 1 FROM events") == []


async def test_a_closed_case_keeps_nobody_on_duty(runtime: Runtime, make: Make):
    officer = await make.officer()
    await make.case(state="closed", officer=officer, epoch=1)

    async with transaction(runtime) as db:
        assert not (await duty_off(db, officer.id)).on_duty


async def test_going_off_duty_waits_for_a_claim_under_way_and_sees_it(runtime: Runtime, make: Make, sql):
    officer = await make.officer()
    async with runtime.database.transaction() as claim:
        await claim.execute(
            sessions.text("SELECT FROM officers WHERE person_id = :id FOR SHARE"), {"id": officer.id}
        )
        off = asyncio.create_task(_off(runtime, officer.id))
        while not await sql(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0)
        await make.case(state="claimed", officer=officer, epoch=1)

    with pytest.raises(CaseInHand):
        await off


async def _off(runtime: Runtime, officer_id: UUID) -> None:
    async with transaction(runtime) as db:
        await duty_off(db, officer_id)


def test_the_states_in_hand_are_the_active_ones():
    assert set(officers.HOLDING) == {state.value for state in ACTIVE}


async def test_duty_of_nobody_or_a_suspended_officer(runtime: Runtime, make: Make, sql):
    citizen, officer = await make.citizen(), await make.officer(on_duty=False)
    await sql("UPDATE people SET active = FALSE WHERE id = :id", id=officer.id)
    async with transaction(runtime) as db:
        for person in (citizen, officer):
            with pytest.raises(OfficerNotFound):
                await duty_on(db, person.id)
        with pytest.raises(OfficerNotFound):
            await duty_off(db, citizen.id)


async def test_facts_crews_and_changes(runtime: Runtime, make: Make, administrator: Actor, sign_in):
    lead, member, there = await make.officer(), await make.officer(), await make.station()
    local, _ = await sign_in(
        await make.staff("administrator", station=await make.the_station()), Audience.CONSOLE
    )
    async with transaction(runtime) as db:
        await set_lead(db, member.id, lead.id, by=local)
        await change_officer(db, lead.id, by=administrator, station_id=there.id, skills=["dogs", "boats"])
        with pytest.raises(Forbidden):
            await change_officer(db, member.id, by=local, station_id=there.id)
        with pytest.raises(UnfitField):
            await set_lead(db, lead.id, lead.id, by=administrator)
        with pytest.raises(OfficerNotFound):
            await change_officer(db, administrator.person_id, by=administrator, skills=[])
        facts = await facts_of(db, [lead.id, member.id, administrator.person_id])

    assert set(facts) == {lead.id, member.id}
    assert facts[member.id].lead_id == lead.id
    assert (facts[lead.id].station_id, facts[lead.id].skills) == (there.id, ("boats", "dogs"))


async def test_an_unknown_badge_is_verified_all_the_same(runtime: Runtime, monkeypatch):
    verified: list[str | None] = []
    honest = invitations.is_secret

    async def spy(db: Db, kept: str | None, given: str, line: Line) -> bool:
        verified.append(kept)
        return await honest(db, kept, given, line)

    monkeypatch.setattr(invitations, "is_secret", spy)
    with pytest.raises(InvitationRefused):
        await _bound(runtime, "1234 5678", badge="none")

    assert verified == [None]


async def test_an_account_at_the_other_door_is_added_and_sessions_go_on(
    runtime: Runtime, make: Make, sign_in
):
    await _bound(runtime, (await _invited(runtime, make)).code, openid="o-mini")
    officer = (await _person(runtime, APP, "o-mini")).id
    before, _ = await sign_in(officer)

    async with transaction(runtime) as db:
        made = await bind(
            db,
            runtime,
            badge="012345",
            code=(await _invited(runtime, make)).code,
            app_id=OFFICIAL,
            openid="o-chat",
        )

    assert (made.person_id, made.replaced) == (officer, False)
    assert (
        (await _person(runtime, APP, "o-mini")).id
        == (await _person(runtime, OFFICIAL, "o-chat")).id
        == officer
    )
    assert await alive(runtime, [before.session_id]) == {before.session_id}


@pytest.mark.parametrize("told_by", ["unionid", "openid"])
async def test_an_account_that_is_known_to_be_another_replaces_the_old_one_everywhere(
    runtime: Runtime, make: Make, sign_in, told_by: str
):
    await _bound(runtime, (await _invited(runtime, make)).code, openid="o-mini")
    officer = (await _person(runtime, APP, "o-mini")).id
    before, _ = await sign_in(officer)
    async with transaction(runtime) as db:
        if told_by == "unionid":
            await citizen_of(db, runtime, app_id=APP, openid="o-mini", unionid="u-old")
            await citizen_of(db, runtime, app_id=OFFICIAL, openid="o-chat", unionid="u-new")
        else:
            await citizen_of(db, runtime, app_id=OFFICIAL, openid="o-chat", unionid="u-new")
            await citizen_of(db, runtime, app_id=APP, openid="o-other-mini", unionid="u-new")

    async with transaction(runtime) as db:
        made = await bind(
            db,
            runtime,
            badge="012345",
            code=(await _invited(runtime, make)).code,
            app_id=OFFICIAL,
            openid="o-chat",
        )

    assert made.replaced
    assert await _person(runtime, APP, "o-mini") is None
    assert (await _person(runtime, OFFICIAL, "o-chat")).id == officer
    assert await alive(runtime, [before.session_id]) == set()


async def test_a_chat_that_was_let_in_keeps_an_officer_on_duty_and_one_that_was_not_does_not(
    runtime: Runtime, make: Make, sign_in, sql
):
    for second_factor, on_duty in ((True, True), (False, False)):
        officer = await make.officer()
        await sign_in(officer.id)
        async with transaction(runtime) as db:
            await issue(db, officer.id, Audience.OFFICIAL_ACCOUNT, ttl_s=600, second_factor=second_factor)
        await sql(
            "UPDATE sessions SET expires_at = clock_timestamp() WHERE audience = 'miniprogram' RETURNING id"
        )

        await end_duty_of_expired(runtime)

        assert await sql(f"SELECT on_duty FROM officers WHERE person_id = '{officer.id}'") == [(on_duty,)]


async def _person(runtime: Runtime, app_id: str, openid: str):
    async with transaction(runtime) as db:
        return await person_by_openid(db, runtime, app_id=app_id, openid=openid)
