"""The console's accounts: name, password and code, all three, and a lock on guessing."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pyotp
import pytest

from app.events.edge import transaction
from app.kit.database import Db
from app.kit.errors import Forbidden, Unauthenticated
from app.kit.runtime import Runtime
from app.people import console
from app.people.console import (
    StaffAccount,
    change_password,
    create_first_administrator,
    create_staff,
    sign_in,
)
from app.people.devices import KNOWN_MAX, Source, is_known, keep_device, network_of
from app.people.errors import (
    AdministratorExists,
    LastAdministrator,
    PersonNotFound,
    SignInRefused,
    UnfitField,
    UsernameTaken,
)
from app.people.officers import suspend
from app.people.policy import may_hear_desk, may_hear_person
from app.people.roles import grant, revoke_role, roles_of
from app.people.second_factor import enrol_totp
from app.people.sessions import Actor, Grant, actor_of, alive
from app.people.tables import Audience, Role
from tests.factories import Make

PASSWORD = "correct horse battery"
HERE = Source("203.0.113.0/24")


async def _first(runtime: Runtime, username: str = "Admin") -> StaffAccount:
    async with transaction(runtime) as db:
        return await create_first_administrator(
            db, runtime, username=username, password=PASSWORD, name="管理员"
        )


@pytest.fixture
async def account(runtime: Runtime) -> StaffAccount:
    return await _first(runtime)


@pytest.fixture
def code_of(sql):
    """The code that an account's phone shows now, by the database's clock; `steps` later when given."""

    async def code(account: StaffAccount, steps: int = 0) -> str:
        now = (await sql("SELECT extract(epoch FROM clock_timestamp())::float8"))[0][0]
        return pyotp.parse_uri(account.totp_address).at(int(now) + 30 * steps)

    return code


async def _try(
    runtime: Runtime, username: str, password: str, code: str, source: Source = HERE
) -> console.SignedIn:
    async with console.refused_evenly(), transaction(runtime) as db:
        return await sign_in(db, runtime, username, password, code, source)


async def test_the_first_administrator_signs_in(runtime: Runtime, account: StaffAccount, code_of, sql):
    signed = await _try(runtime, " ADMIN ", PASSWORD, await code_of(account))

    actor = await actor_of(runtime, signed.token, Audience.CONSOLE)
    assert actor.has(Role.ADMINISTRATOR)
    assert actor.may_see_personal_data
    assert (actor.person_id, actor.session_id) == (account.person_id, signed.actor.session_id)
    assert PASSWORD not in str(await sql("SELECT * FROM credentials"))
    assert (await sql("SELECT password_hash FROM credentials"))[0][0].startswith("$argon2id$")
    assert await sql("SELECT actor_id FROM audit_log WHERE action = 'signed_in'") == [(account.person_id,)]


async def test_there_is_one_first_administrator_even_of_five_at_once(runtime: Runtime, sql):
    results = await asyncio.gather(*(_first(runtime, f"admin{n}") for n in range(5)), return_exceptions=True)

    assert sum(isinstance(one, StaffAccount) for one in results) == 1
    assert sum(isinstance(one, AdministratorExists) for one in results) == 4
    assert await sql("SELECT count(*) FROM people") == [(1,)]


@pytest.mark.parametrize("wrong", ["username", "password", "code", "old code"])
async def test_any_wrong_part_is_refused_with_the_same_words(
    runtime: Runtime, account: StaffAccount, code_of, wrong: str
):
    given = {"username": "admin", "password": PASSWORD, "code": await code_of(account)}
    given |= {
        "username": {"username": "nobody"}, "password": {"password": PASSWORD + "!"}, "code": {"code": "abcdef"},
        "old code": {"code": await code_of(account, -3)},
    }[wrong]  # fmt: skip

    with pytest.raises(SignInRefused) as refused:
        await _try(runtime, **given)

    assert (refused.value.detail, refused.value.facts) == (SignInRefused.message_en, {})


async def test_a_code_signs_in_once_even_at_once(runtime: Runtime, account: StaffAccount, code_of, sql):
    code = await code_of(account)
    calls = [_try(runtime, "admin", PASSWORD, code) for _ in range(4)]

    results = await asyncio.gather(*calls, return_exceptions=True)

    assert sum(isinstance(one, console.SignedIn) for one in results) == 1
    assert await sql("SELECT count(*) FROM sessions") == [(1,)]


async def test_five_failures_of_one_network_lock_it_for_fifteen_minutes(
    runtime: Runtime, account: StaffAccount, code_of, sql
):
    guesses = [_try(runtime, "admin", f"wrong password {n}", "000000") for n in range(8)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(one, SignInRefused) for one in results)
    assert await sql("SELECT count(*) FROM audit_log WHERE action = 'sign_in_failed'") == [(5,)]

    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", PASSWORD, await code_of(account))
    left = await sql("SELECT extract(epoch FROM locked_until - clock_timestamp())::int FROM guesses")
    await sql("UPDATE guesses SET locked_until = locked_until - interval '15 minutes'")
    await _try(runtime, "admin", PASSWORD, await code_of(account))

    assert 880 <= left[0][0] <= 900
    assert await sql("SELECT * FROM guesses") == []


async def _fail(runtime: Runtime, source: Source, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            await _try(runtime, "admin", "wrong password", "000000", source)


async def test_a_stranger_locks_nobody_out_elsewhere(runtime: Runtime, account: StaffAccount, code_of, sql):
    await _fail(runtime, Source("198.51.100.0/24"))

    signed = await _try(runtime, "admin", PASSWORD, await code_of(account))

    assert signed.actor.person_id == account.person_id
    assert "198.51.100" not in str(await sql("SELECT * FROM guesses"))


async def test_a_known_browser_signs_in_whatever_strangers_do(
    runtime: Runtime, account: StaffAccount, code_of, sql
):
    first = await _try(runtime, "admin", PASSWORD, await code_of(account))
    await sql("UPDATE credentials SET totp_step = 0")
    for n in range(3):  # from its own network too, and past what all strangers share
        await _fail(runtime, HERE if n == 0 else Source(f"198.51.{n}.0/24"))
    fresh = await code_of(account)

    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", PASSWORD, fresh, Source("192.0.2.0/24"))  # unknown: slowed down
    known = await _try(runtime, "admin", PASSWORD, fresh, Source(HERE.network, first.device))

    assert known.device == first.device
    assert first.device not in str(await sql("SELECT * FROM devices"))


async def test_a_known_browser_has_five_tries_of_its_own(
    runtime: Runtime, account: StaffAccount, code_of, sql
):
    first = await _try(runtime, "admin", PASSWORD, await code_of(account))
    await sql("UPDATE credentials SET totp_step = 0")
    await _fail(runtime, Source(HERE.network, first.device))

    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", PASSWORD, await code_of(account), Source("x", first.device))
    await _try(runtime, "admin", PASSWORD, await code_of(account), HERE)


async def test_all_strangers_share_ten_tries_and_one_a_minute(
    runtime: Runtime, account: StaffAccount, code_of, sql
):
    calls = [_try(runtime, "admin", "wrong", "000000", Source(f"net-{n}")) for n in range(16)]
    await asyncio.gather(*calls, return_exceptions=True)
    counted = await sql("SELECT count(*) FROM audit_log WHERE action = 'sign_in_failed'")
    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", PASSWORD, await code_of(account), Source("another"))
    await sql("UPDATE credentials SET strangers_at = strangers_at - interval '61 seconds'")
    await _try(runtime, "admin", PASSWORD, await code_of(account), Source("another"))

    assert counted == [(console.STRANGERS_AT_ONCE,)]


async def test_a_browser_is_known_per_person_and_a_planted_token_is_not_kept(
    runtime: Runtime, account: StaffAccount, code_of, sql
):
    planted = await _try(
        runtime, "admin", PASSWORD, await code_of(account), Source("x", "planted-by-somebody")
    )
    async with transaction(runtime) as db:
        other = await create_staff(db, runtime, username="other", password=PASSWORD, name="二", by=None)
    async with runtime.database.moves() as db:
        known = [await is_known(db, one, planted.device) for one in (account.person_id, other.person_id)]
    second = await _try(runtime, "other", PASSWORD, await code_of(other), Source("x", planted.device))

    assert planted.device != "planted-by-somebody"
    assert known == [True, False]
    assert second.device == planted.device  # one browser of a desk, two people


@pytest.mark.parametrize("change", ["password", "totp", "suspension", "180 days"])
async def test_a_browser_is_forgotten_with_what_it_was_known_by(
    runtime: Runtime, account: StaffAccount, code_of, sql, administrator: Actor, change: str
):
    signed = await _try(runtime, "admin", PASSWORD, await code_of(account))
    await sql("UPDATE credentials SET totp_step = 0")

    if change == "password":
        await _change(runtime, signed.actor, PASSWORD, "another long password", await code_of(account))
    elif change == "180 days":
        await sql("UPDATE devices SET used_at = used_at - interval '180 days'")
    else:
        async with transaction(runtime) as db:
            if change == "totp":
                await enrol_totp(db, runtime, account.person_id, by=administrator)
            else:
                await suspend(db, account.person_id, by=administrator)

    async with runtime.database.moves() as db:
        assert not await is_known(db, account.person_id, signed.device)


async def test_a_person_has_ten_browsers_at_most(runtime: Runtime, account: StaffAccount, sql):
    async with transaction(runtime) as db:
        tokens = [await keep_device(db, account.person_id, None) for _ in range(KNOWN_MAX + 2)]
    async with runtime.database.moves() as db:
        known = [await is_known(db, account.person_id, token) for token in tokens]

    assert known == [False] * 2 + [True] * KNOWN_MAX


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
     ("::ffff:203.0.113.77", "203.0.113.0/24"), ("testclient", ""), (None, "")],
)  # fmt: skip
def test_a_network_is_an_address_cut_short(address: str | None, network: str):
    assert network_of(address) == network


async def test_failures_are_forgiven_by_a_sign_in(runtime: Runtime, account: StaffAccount, code_of):
    for step in (0, 1):
        for _ in range(4):
            with pytest.raises(SignInRefused):
                await _try(runtime, "admin", "wrong password", "000000")
        await _try(runtime, "admin", PASSWORD, await code_of(account, step))


@pytest.mark.parametrize(
    ("username", "code", "compared"), [("nobody", "000000", 0), ("admin", "000000", 0), ("admin", None, 1)]
)
async def test_a_password_is_compared_for_who_has_the_code_and_every_refusal_takes_as_long(
    runtime: Runtime,
    account: StaffAccount,
    code_of,
    monkeypatch,
    username: str,
    code: str | None,
    compared: int,
):
    verified, waited = [], []
    honest, began = console.is_secret, time.monotonic()

    async def spy(db: Db, kept: str | None, given: str) -> bool:
        verified.append(kept)
        return await honest(db, kept, given)

    async def waits(seconds: float) -> None:
        waited.append(seconds + time.monotonic() - began)

    monkeypatch.setattr(console, "is_secret", spy)
    monkeypatch.setattr(console.asyncio, "sleep", waits)
    with pytest.raises(SignInRefused):
        await _try(runtime, username, "wrong password", code or await code_of(account))

    assert len(verified) == compared
    assert waited == [pytest.approx(console.REFUSED_AFTER_S, abs=0.2)]


async def test_who_is_refused_waits_without_a_connection_that_others_need(
    runtime: Runtime, account: StaffAccount, monkeypatch: pytest.MonkeyPatch
):
    pool = runtime.database.transactions
    free: list[int] = []

    async def waits(_: float) -> None:
        async with AsyncExitStack() as all_of_them, asyncio.timeout(5):
            for _ in range(pool.size):
                await all_of_them.enter_async_context(pool.connection())
            free.append(pool.size)

    monkeypatch.setattr(console.asyncio, "sleep", waits)
    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", "wrong password", "000000")

    assert free == [pool.size]


async def test_a_suspended_account_does_not_sign_in(
    runtime: Runtime, account: StaffAccount, code_of, administrator: Actor, sql
):
    async with transaction(runtime) as db:
        await suspend(db, account.person_id, by=administrator)

    with pytest.raises(Unauthenticated):
        await _try(runtime, "admin", PASSWORD, await code_of(account))

    assert await sql("SELECT count(*) FROM sessions WHERE person_id = :id", id=account.person_id) == [(0,)]


@pytest.mark.parametrize(
    "wrong", [{"username": "ab"}, {"username": "a b c"}, {"password": "short"}, {"password": "x" * 129},
              {"username": "a-long-user-name", "password": "A-long-user-name"}],
)  # fmt: skip
async def test_an_unfit_account_is_refused(runtime: Runtime, wrong: dict[str, str], sql):
    with pytest.raises(UnfitField):
        async with transaction(runtime) as db:
            await create_staff(
                db, runtime, **({"username": "desk-1", "password": PASSWORD} | wrong), name="值班", by=None
            )
    assert await sql("SELECT 1 FROM people") == []


async def test_a_user_name_is_given_once_whatever_its_case(runtime: Runtime, account: StaffAccount):
    with pytest.raises(UsernameTaken):
        async with transaction(runtime) as db:
            await create_staff(db, runtime, username="ADMIN", password=PASSWORD, name="二", by=None)


async def test_who_makes_accounts_and_gives_roles(
    runtime: Runtime, make: Make, sign_in, administrator: Actor
):
    here, there = await make.station(), await make.station()
    local, _ = await sign_in(await make.staff("administrator", station=here), Audience.CONSOLE)
    desk, _ = await sign_in(await make.staff("desk", station=here), Audience.CONSOLE)
    person = (await make.staff("desk", station=there)).id
    asked = [
        (local, Role.DESK, here.id, True), (local, Role.COMMANDER, here.id, True), (local, Role.DESK, there.id, False),
        (local, Role.DESK, None, False), (local, Role.ADMINISTRATOR, here.id, False), (local, Role.AUDITOR, here.id, False),
        (desk, Role.DESK, here.id, False), (administrator, Role.AUDITOR, None, True),
    ]  # fmt: skip
    for by, role, station_id, allowed in asked:
        async with transaction(runtime) as db:
            if allowed:
                assert await grant(db, person_id=person, role=role, station_id=station_id, by=by)
                assert await revoke_role(db, person_id=person, role=role, station_id=station_id, by=by)
                assert not await revoke_role(db, person_id=person, role=role, station_id=station_id, by=by)
                continue
            for verb in (grant, revoke_role):
                with pytest.raises(Forbidden):
                    await verb(db, person_id=person, role=role, station_id=station_id, by=by)
    async with transaction(runtime) as db:
        with pytest.raises(Forbidden):
            await create_staff(
                db, runtime, username="x-1", password=PASSWORD, name="一", by=desk, station_id=here.id
            )
        with pytest.raises(PersonNotFound):
            await grant(db, person_id=here.id, role=Role.DESK, station_id=None, by=administrator)


async def test_nobody_decides_on_their_own_roles(runtime: Runtime, administrator: Actor):
    me = administrator.person_id
    async with transaction(runtime) as db:
        with pytest.raises(Forbidden):
            await grant(db, person_id=me, role=Role.AUDITOR, station_id=None, by=administrator)
        with pytest.raises(Forbidden):
            await revoke_role(db, person_id=me, role=Role.ADMINISTRATOR, station_id=None, by=administrator)


async def test_the_last_administrator_stays(runtime: Runtime, account: StaffAccount):
    async def take(person_id) -> None:
        async with transaction(runtime) as db:
            await revoke_role(db, person_id=person_id, role=Role.ADMINISTRATOR, station_id=None, by=None)

    with pytest.raises(LastAdministrator):
        await take(account.person_id)
    async with transaction(runtime) as db:
        second = await create_staff(db, runtime, username="second", password=PASSWORD, name="二", by=None)
        await grant(db, person_id=second.person_id, role=Role.ADMINISTRATOR, station_id=None, by=None)
    results = await asyncio.gather(take(account.person_id), take(second.person_id), return_exceptions=True)

    assert sorted(map(type, results), key=str) == sorted([type(None), LastAdministrator], key=str)


async def test_granting_and_revoking_are_recorded(runtime: Runtime, make: Make, administrator: Actor, sql):
    station, person = await make.station(), await make.citizen()
    async with transaction(runtime) as db:
        await grant(db, person_id=person.id, role=Role.DESK, station_id=station.id, by=administrator)
        held = await roles_of(db, person.id)
        await revoke_role(db, person_id=person.id, role=Role.DESK, station_id=station.id, by=administrator)

    assert held == (Grant(Role.DESK, station.id),)
    facts = {"role": "desk", "station_id": str(station.id)}
    assert await sql("SELECT actor_id, action, object_id, facts FROM audit_log ORDER BY id") == [
        (administrator.person_id, "role_granted", str(person.id), facts),
        (administrator.person_id, "role_revoked", str(person.id), facts),
    ]


async def _change(runtime: Runtime, actor: Actor, old: str, new: str, code: str) -> None:
    async with transaction(runtime) as db:
        await change_password(db, runtime, actor, old=old, new=new, code=code)


async def test_a_new_password_ends_every_session(runtime: Runtime, account: StaffAccount, code_of, sql):
    signed, new = await _try(runtime, "admin", PASSWORD, await code_of(account)), "another long password"
    await sql("UPDATE credentials SET totp_step = 0")  # as if half a minute had passed

    await _change(runtime, signed.actor, PASSWORD, new, await code_of(account))

    assert await alive(runtime, [signed.actor.session_id]) == set()
    with pytest.raises(SignInRefused):
        await _try(runtime, "admin", PASSWORD, await code_of(account, 1))
    await _try(runtime, "admin", new, await code_of(account, 1))


async def test_a_new_password_needs_the_old_one(runtime: Runtime, account: StaffAccount, code_of, sql):
    signed = await _try(runtime, "admin", PASSWORD, await code_of(account))
    await sql("UPDATE credentials SET totp_step = 0")
    before = await sql("SELECT password_hash FROM credentials")

    with pytest.raises(SignInRefused):
        await _change(runtime, signed.actor, "not this one", "another long password", await code_of(account))

    assert await sql("SELECT password_hash FROM credentials") == before
    assert await alive(runtime, [signed.actor.session_id]) == {signed.actor.session_id}


async def test_who_hears_a_desk_and_a_person(runtime: Runtime, make: Make, sql):
    here, there = await make.station(), await make.station()
    desk, commander = await make.staff("desk", station=here), await make.staff("commander")
    await make.staff("auditor")
    suspended = await make.staff("desk", station=here)
    await sql("UPDATE people SET active = FALSE WHERE id = :id", id=suspended.id)

    heard = await may_hear_desk(runtime, [str(here.id), str(there.id)])
    own = await may_hear_person(runtime, [str(desk.id)])

    assert heard[str(here.id)].persons == {desk.id, commander.id}
    assert heard[str(there.id)].persons == {commander.id}
    assert own[str(desk.id)].persons == {desk.id}
