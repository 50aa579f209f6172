"""Sessions: only a hash is kept; revoked, expired, suspended or stripped of a role, one ends everywhere within 1 s."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import TextClause

from app.events.edge import transaction
from app.kit.errors import Unauthenticated
from app.kit.ids import new_id
from app.kit.runtime import Runtime
from app.kit.statements import MovesDb
from app.people import sessions
from app.people.jobs import end_duty_of_expired, forget
from app.people.officers import resume, suspend
from app.people.roles import grant, revoke_role
from app.people.sessions import Actor, Grant, actor_of, alive, issue, revoke, revoke_all
from app.people.tables import Audience, PersonKind, Role
from app.settings import Settings
from tests.conftest import make_runtime
from tests.factories import Make


@pytest.fixture
async def elsewhere(settings: Settings):
    """Another process on the same stores: it hears no event of this one."""
    other = make_runtime(settings)
    yield other
    await other.close()


async def _until(what: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until it is so, asking again and again."""
    begun = time.monotonic()
    while not await what():
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def _refused(runtime: Runtime, token: str, audience: Audience = Audience.MINIPROGRAM) -> bool:
    try:
        await actor_of(runtime, token, audience)
    except Unauthenticated:
        return True
    return False


async def test_a_token_leads_to_its_actor_and_only_its_hash_is_kept(
    runtime: Runtime, make: Make, sign_in, sql
):
    officer, station = await make.officer(skills=["dogs"]), await make.the_station()
    await sql("INSERT INTO roles (id, person_id, role, station_id) VALUES (:id, :p, 'desk', :s)",
              id=new_id(), p=officer.id, s=station.id)  # fmt: skip

    actor, token = await sign_in(officer)

    assert (actor.person_id, actor.kind, actor.audience) == (
        officer.id,
        PersonKind.OFFICER,
        Audience.MINIPROGRAM,
    )
    assert actor.roles == (Grant(Role.DESK, station.id),)
    assert actor.officer
    assert (actor.officer.badge, actor.officer.skills, actor.officer.on_duty) == (
        officer.badge,
        ("dogs",),
        True,
    )
    assert len(token) == 43  # 256 bits in base64
    assert token not in str(await sql("SELECT * FROM sessions"))


@pytest.mark.parametrize("token", ["", "x" * 43, "é"])
async def test_an_unknown_token_is_nobody(runtime: Runtime, token: str):
    with pytest.raises(Unauthenticated):
        await actor_of(runtime, token, Audience.MINIPROGRAM)


async def test_a_token_of_one_door_opens_no_other(runtime: Runtime, make: Make, sign_in):
    _, token = await sign_in(await make.citizen())

    assert await _refused(runtime, token, Audience.CONSOLE)


async def test_an_expired_session_is_nobodys(runtime: Runtime, make: Make, sign_in, sql, elsewhere: Runtime):
    actor, token = await sign_in(await make.citizen())
    await sql("UPDATE sessions SET expires_at = clock_timestamp()")

    assert await _refused(elsewhere, token)
    assert await alive(runtime, [actor.session_id]) == set()


async def test_a_session_is_never_cached_beyond_its_end(runtime: Runtime, make: Make, monkeypatch):
    monkeypatch.setattr(sessions, "CACHE_S", 60)
    citizen = await make.citizen()
    async with transaction(runtime) as db:
        token, _ = await issue(db, citizen.id, Audience.MINIPROGRAM, ttl_s=5)
    sessions._caches.clear()

    await actor_of(runtime, token, Audience.MINIPROGRAM)

    (known,) = sessions._caches[runtime].known.values()
    assert known.until <= time.monotonic() + 5


async def test_within_half_a_second_the_database_is_asked_once(
    runtime: Runtime, make: Make, sign_in, monkeypatch: pytest.MonkeyPatch
):
    _, token = await sign_in(await make.citizen())
    asked: list[object] = []
    execute = MovesDb.execute

    async def listening(self: MovesDb, statement: TextClause, values: Any = None) -> Any:
        asked.append(statement)
        return await execute(self, statement, values)

    monkeypatch.setattr(MovesDb, "execute", listening)
    begun = time.monotonic()
    for _ in range(100):
        await actor_of(runtime, token, Audience.MINIPROGRAM)

    assert len(asked) <= 1 + (time.monotonic() - begun) / sessions.CACHE_S


async def test_revocation_is_at_once_here_and_within_a_second_elsewhere(
    runtime: Runtime, make: Make, sign_in, elsewhere: Runtime
):
    actor, token = await sign_in(await make.citizen())
    await actor_of(elsewhere, token, Audience.MINIPROGRAM)

    async with transaction(runtime) as db:
        assert await revoke(db, actor.session_id, by=None)
    committed = time.monotonic()
    await runtime.drain()

    assert await _refused(runtime, token)
    await _until(lambda: _refused(elsewhere, token))
    assert time.monotonic() - committed <= 1.0
    assert await alive(elsewhere, [actor.session_id]) == set()


async def test_a_read_under_way_during_a_revocation_is_not_kept(
    runtime: Runtime, make: Make, sign_in, monkeypatch
):
    actor, token = await sign_in(await make.citizen())
    sessions._caches.clear()
    read, go_on, load = asyncio.Event(), asyncio.Event(), sessions._load

    async def slow(*args, **options):
        row = await load(*args, **options)
        read.set()
        await go_on.wait()
        return row

    monkeypatch.setattr(sessions, "_load", slow)
    under_way = asyncio.create_task(actor_of(runtime, token, Audience.MINIPROGRAM))
    await read.wait()
    async with transaction(runtime) as db:
        await revoke(db, actor.session_id, by=None)
    await runtime.drain()
    go_on.set()
    await under_way

    assert await _refused(runtime, token)


async def test_the_sockets_of_a_revoked_session_are_told(runtime: Runtime, make: Make, sign_in):
    actor, _ = await sign_in(await make.citizen())
    heard: list[tuple[list[str], bytes]] = []
    runtime.ears.append(lambda topics, raw: heard.append((topics, raw)))
    try:
        async with transaction(runtime) as db:
            await revoke(db, actor.session_id, by=actor.person_id)
        await runtime.drain()
    finally:
        runtime.ears.pop()

    assert [topics for topics, _ in heard] == [[f"session:{actor.session_id}"]]
    assert json.loads(heard[0][1])["body"] == {"type": "signed_out"}


async def test_revoking_again_changes_nothing_and_all_means_all(runtime: Runtime, make: Make, sign_in, sql):
    citizen, other = await make.citizen(), await make.citizen()
    one, two, strangers = [(await sign_in(p))[0] for p in (citizen, citizen, other)]
    async with transaction(runtime) as db:
        assert await revoke(db, one.session_id, by=None)
        assert not await revoke(db, one.session_id, by=None)
        assert await revoke_all(db, citizen.id, None) == 1

    assert await alive(runtime, [one.session_id, two.session_id, strangers.session_id]) == {
        strangers.session_id
    }
    events = await sql("SELECT data ->> 'session_id' FROM events WHERE kind = 'session_revoked' ORDER BY id")
    assert events == [(str(one.session_id),), (str(two.session_id),)]


async def test_alive_asks_once_for_all(runtime: Runtime, make: Make, sign_in):
    ids = {(await sign_in(await make.citizen()))[0].session_id for _ in range(5)}

    assert await alive(runtime, [*ids, new_id()]) == ids
    assert await alive(runtime, []) == set()


async def test_a_revoked_role_ends_within_a_second_elsewhere(
    runtime: Runtime, make: Make, sign_in, administrator: Actor, elsewhere: Runtime
):
    station = await make.the_station()
    desk, token = await sign_in(await make.staff("desk", station=station), Audience.CONSOLE)
    assert (await actor_of(elsewhere, token, Audience.CONSOLE)).has(Role.DESK, station.id)

    async with transaction(runtime) as db:
        assert await revoke_role(
            db, person_id=desk.person_id, role=Role.DESK, station_id=station.id, by=administrator
        )
    committed = time.monotonic()
    await runtime.drain()

    async def gone(where: Runtime) -> bool:
        return not (await actor_of(where, token, Audience.CONSOLE)).roles

    assert await gone(runtime)
    await _until(lambda: gone(elsewhere))
    assert time.monotonic() - committed <= 1.0


async def test_a_granted_role_is_theirs_at_its_station_only(
    runtime: Runtime, make: Make, sign_in, administrator: Actor
):
    here, there = await make.station(), await make.station()
    _, token = await sign_in(person := await make.citizen())
    async with transaction(runtime) as db:
        for fresh in (True, False):
            given = await grant(db, person_id=person.id, role=Role.DESK, station_id=here.id, by=administrator)
            assert given is fresh
    await runtime.drain()

    actor = await actor_of(runtime, token, Audience.MINIPROGRAM)
    assert actor.has(Role.DESK, here.id)
    assert actor.has_anywhere(Role.DESK)
    assert not actor.has(Role.DESK, there.id)
    assert not actor.has(Role.DESK)
    assert not actor.has(Role.COMMANDER, here.id)


async def test_an_idle_session_locks_personal_data_and_stays_locked_when_used(
    runtime: Runtime, make: Make, sign_in, sql
):
    async def look() -> Actor:
        sessions._caches.clear()
        return await actor_of(runtime, token, Audience.MINIPROGRAM)

    _, token = await sign_in(await make.officer())
    assert (await look()).may_see_personal_data
    await sql("UPDATE sessions SET used_at = used_at - interval '29 minutes 50 seconds'")
    assert not (await look()).idle_locked  # and this was a use: the 30 minutes begin anew
    assert (await look()).idle_s < 5

    await sql("UPDATE sessions SET used_at = used_at - interval '30 minutes 1 second'")

    for _ in range(2):
        assert (await look()).idle_locked
        assert not (await look()).may_see_personal_data


async def test_what_no_thumb_did_keeps_no_session_unlocked(runtime: Runtime, make: Make, sign_in, sql):
    _, token = await sign_in(await make.officer())
    await sql("UPDATE sessions SET used_at = used_at - interval '20 minutes'")
    sessions._caches.clear()

    await actor_of(runtime, token, Audience.MINIPROGRAM, acting=False)
    idle = await sql("SELECT clock_timestamp() - used_at > interval '20 minutes' FROM sessions")
    await actor_of(runtime, token, Audience.MINIPROGRAM)  # not answered from what the background read
    acted = await sql("SELECT clock_timestamp() - used_at > interval '20 minutes' FROM sessions")

    assert (idle, acted) == ([(True,)], [(False,)])


async def test_a_citizen_is_never_locked_out_of_their_own(runtime: Runtime, make: Make, sign_in, sql):
    _, token = await sign_in(await make.citizen(), second_factor=False)
    await sql("UPDATE sessions SET used_at = used_at - interval '3 days'")
    sessions._caches.clear()

    assert (await actor_of(runtime, token, Audience.MINIPROGRAM)).may_see_personal_data


async def test_a_suspended_person_is_out_until_resumed(
    runtime: Runtime, make: Make, sign_in, administrator: Actor, sql
):
    officer = await make.officer()
    actor, token = await sign_in(officer)
    async with transaction(runtime) as db:
        await suspend(db, officer.id, by=administrator)
    await runtime.drain()

    assert await _refused(runtime, token)
    assert await sql("SELECT on_duty FROM officers") == [(False,)]
    assert await sql("SELECT actor_id FROM events WHERE kind = 'duty_off'") == [(officer.id,)]
    with pytest.raises(Unauthenticated):
        await sign_in(officer)
    async with transaction(runtime) as db:
        await resume(db, officer.id, by=administrator)
    again, _ = await sign_in(officer)
    assert again.session_id != actor.session_id


async def test_signing_out_on_the_last_phone_ends_duty(runtime: Runtime, make: Make, sign_in, sql):
    officer = await make.officer()
    (one, _), (two, _) = await sign_in(officer), await sign_in(officer)

    async with transaction(runtime) as db:
        await revoke(db, one.session_id, by=officer.id)
    still = await sql("SELECT on_duty FROM officers")
    async with transaction(runtime) as db:
        await revoke(db, two.session_id, by=officer.id)

    assert still == [(True,)]
    assert await sql("SELECT on_duty FROM officers") == [(False,)]
    assert await sql("SELECT actor_id, data ->> 'why' FROM events WHERE kind = 'duty_off'") == [
        (officer.id, "signed_out")
    ]


async def test_duty_ends_when_the_last_session_expires(runtime: Runtime, make: Make, sign_in, sql):
    expired, living = await make.officer(), await make.officer()
    await make.officer()  # never signed in: made by an import
    for officer in (expired, living):
        await sign_in(officer)
    await sql("UPDATE sessions SET expires_at = clock_timestamp() WHERE person_id = :id", id=expired.id)

    assert await end_duty_of_expired(runtime) == 1
    assert await end_duty_of_expired(runtime) == 0
    assert await sql("SELECT person_id FROM officers WHERE NOT on_duty") == [(expired.id,)]


async def test_what_ended_long_ago_is_forgotten(runtime: Runtime, make: Make, sign_in, sql):
    (old, _), (ended, _), (living, _) = [await sign_in(await make.officer()) for _ in range(3)]
    await sql(
        "UPDATE sessions SET expires_at = clock_timestamp() - interval '8 days' WHERE id = :id",
        id=old.session_id,
    )
    await sql("UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = :id", id=ended.session_id)
    await sql("INSERT INTO approvals (id, session_id, person_id, station_id) SELECT :id, id, person_id, o.station_id"
              " FROM sessions JOIN officers o USING (person_id) WHERE sessions.id = :s", id=new_id(), s=old.session_id)  # fmt: skip

    forgotten = await forget(runtime)

    assert (forgotten.sessions, forgotten.invitations) == (1, 0)
    assert set(await sql("SELECT id FROM sessions")) == {(ended.session_id,), (living.session_id,)}


def test_a_full_cache_drops_what_is_over_and_never_grows(monkeypatch):
    monkeypatch.setattr(sessions, "CACHE_ENTRIES", 10)
    cache = sessions._Cache()
    actor = Actor(UUID(int=1), PersonKind.CITIZEN, Audience.MINIPROGRAM, UUID(int=2))
    for n in range(30):
        over = n < 10
        until = time.monotonic() + (-1 if over else 100)
        cache.keep((bytes((n,)), Audience.MINIPROGRAM), sessions._Known(actor, until, True))

    assert len(cache.known) == 10
    assert all(known.until > time.monotonic() for known in cache.known.values())
