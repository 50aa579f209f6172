"""Processes die and freeze at the worst moment; what was promised holds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.dispatch.claim import Claimed, claim
from app.events.edge import transaction
from app.kit.errors import AppError
from app.kit.runtime import Runtime
from app.live.hub import Hub
from app.people.sessions import issue
from app.people.tables import Audience
from tests.app.live.phones import Phone, Server, eventually
from tests.factories import Made, Make, acting
from tests.races import crowd
from tests.races.processes import Processes

pytestmark = pytest.mark.slow


async def _handed(runtime: Runtime, ids: list[UUID]) -> bool:
    left = await crowd.rows(
        runtime, "SELECT id FROM cases WHERE state = 'open' AND id = ANY(CAST(:ids AS uuid[])) LIMIT 1",
        ids=ids,
    )  # fmt: skip
    return not left


async def _lateness(runtime: Runtime, ids: list[UUID], since: str = "c.deadline") -> list[float]:
    """Seconds from `since` to each handover; each case must have exactly one event, its own handover."""
    found = await crowd.rows(
        runtime,
        f"SELECT extract(epoch FROM e.at - {since})::float8 AS late_s, e.kind, c.handover_cause FROM cases c"
        " JOIN events e ON e.case_id = c.id WHERE c.id = ANY(CAST(:ids AS uuid[]))"
        " AND e.kind NOT IN ('case_escalated')",
        ids=ids,
    )
    assert len(found) == len(ids)
    assert {(row.kind, row.handover_cause) for row in found} == {("case_handed_over", "deadline")}
    return [float(row.late_s) for row in found]


async def _database_passes(runtime: Runtime, ids: list[UUID]) -> None:
    """Until the database's clock is past every deadline of these cases."""
    await crowd.rows(
        runtime,
        "SELECT pg_sleep(greatest(0, extract(epoch FROM max(deadline) - clock_timestamp())) + 0.05)::text"
        " FROM cases WHERE id = ANY(CAST(:ids AS uuid[]))",
        ids=ids,
    )


async def test_a_worker_killed_at_second_59_hands_over_when_it_is_back(
    make: Make, runtime: Runtime, processes: Processes
) -> None:
    station, reporter = await make.the_station(), await make.citizen()
    worker = await processes.start("worker")
    ids = await crowd.cases(runtime, station, reporter, 20, in_s=1.0)  # it is second 59
    worker.kill()
    await _database_passes(runtime, ids)
    assert len(await crowd.rows(runtime, "SELECT id FROM cases WHERE state = 'open'")) == 20

    await processes.start("worker")
    [(back,)] = await crowd.rows(runtime, "SELECT clock_timestamp()")
    await eventually(lambda: _handed(runtime, ids))

    late_s = await _lateness(runtime, ids, since=f"timestamptz '{back.isoformat()}'")
    assert max(late_s) <= 1.0


async def test_of_two_workers_one_is_killed_and_the_other_is_in_time(
    make: Make, runtime: Runtime, processes: Processes
) -> None:
    station, reporter = await make.the_station(), await make.citizen()
    first, _ = await asyncio.gather(processes.start("worker"), processes.start("worker"))
    ids = await crowd.cases(runtime, station, reporter, 200, in_s=1.0, spread_s=0.5)
    await crowd.rows(runtime, "SELECT pg_sleep(1.2)::text")  # in the middle of the deadlines

    first.kill()
    await eventually(lambda: _handed(runtime, ids))

    late_s = await _lateness(runtime, ids)
    assert min(late_s) >= 0
    assert max(late_s) <= 1.0


async def test_a_frozen_worker_keeps_no_case_from_another(
    make: Make, runtime: Runtime, processes: Processes
) -> None:
    station, reporter = await make.the_station(), await make.citizen()
    frozen, _ = await asyncio.gather(processes.start("worker"), processes.start("worker"))
    ids = await crowd.cases(runtime, station, reporter, 200, in_s=1.0, spread_s=0.5)
    await crowd.rows(runtime, "SELECT pg_sleep(1.2)::text")

    frozen.freeze()
    await eventually(lambda: _handed(runtime, ids))
    frozen.thaw()  # what it had begun it ends now, and finds nothing

    assert max(await _lateness(runtime, ids)) <= 1.0
    await eventually(lambda: _all_followed(runtime))
    assert len(await _lateness(runtime, ids)) == 200


async def _all_followed(runtime: Runtime) -> bool:
    return not await crowd.rows(runtime, "SELECT event_id FROM outbox LIMIT 1")


async def _signed_in(runtime: Runtime, crew: list[Made]) -> dict[UUID, str]:
    tokens = {}
    async with transaction(runtime) as db:
        for officer in crew:
            token, _ = await issue(db, officer.id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True)
            tokens[officer.id] = token
    return tokens


async def _a_statement_waits(runtime: Runtime) -> bool:
    """Whether somebody waits for a row that another transaction has changed or locked."""
    return bool(await crowd.rows(runtime, "SELECT FROM pg_locks WHERE NOT granted LIMIT 1"))


async def test_a_service_killed_amid_claims_loses_none_and_doubles_none(
    make: Make, runtime: Runtime, processes: Processes
) -> None:
    station, reporter = await make.the_station(), await make.citizen()
    crew = await crowd.officers(runtime, station, 60)
    ids = await crowd.cases(runtime, station, reporter, 12)
    await crowd.offer(runtime, ids, crew)
    tokens = await _signed_in(runtime, crew)
    granted: dict[UUID, tuple[UUID, int]] = {}
    enough = asyncio.Event()

    async def thumb(port: int | None, officer: Made, case_id: UUID) -> int | None:
        headers = {"Authorization": f"Bearer {tokens[officer.id]}"}
        url = f"http://127.0.0.1:{port}/miniprogram/v1/offers/{case_id}/claim"
        try:
            answer = await client.post(url, json={"epoch": 0}, headers=headers)
        except httpx.HTTPError:
            return None  # the phone does not know
        if answer.status_code == 201:
            assert granted.get(case_id, (officer.id,))[0] == officer.id  # nobody was told this before
            granted[case_id] = (officer.id, answer.json()["epoch"])
            if len(granted) >= 3:
                enough.set()
        return answer.status_code

    pairs = [(officer, ids[n % 12]) for n, officer in enumerate(crew)]
    limits = httpx.Limits(max_connections=60)
    async with httpx.AsyncClient(timeout=10, limits=limits) as client:
        service = await processes.start("serve")
        async with transaction(runtime) as held:  # so that one claim at least is under way at the kill
            await held.execute(text("SELECT FROM cases WHERE id = :id FOR UPDATE"), {"id": ids[0]})
            in_flight = [asyncio.create_task(thumb(service.port, o, c)) for o, c in pairs]
            await enough.wait()
            await eventually(lambda: _a_statement_waits(runtime))
            service.kill()
            first = await asyncio.gather(*in_flight)
        again = await processes.start("serve")
        second = await asyncio.gather(*(thumb(again.port, o, c) for o, c in pairs))

    assert None in first  # the kill did cut somebody off
    assert set(second) <= {201, 409}
    assert set(first) - {None} <= {201, 409}
    stored = await crowd.rows(runtime, "SELECT id, officer_id, epoch FROM cases WHERE state = 'claimed'")
    assert {row.id: (row.officer_id, row.epoch) for row in stored} == granted
    assert set(granted) == set(ids)
    claims = Counter(
        r.case_id for r in await crowd.rows(runtime, "SELECT case_id FROM events WHERE kind = 'case_claimed'")
    )
    assert set(claims.values()) == {1}


async def test_what_a_process_did_not_live_to_tell_the_worker_tells(
    make: Make, runtime: Runtime, processes: Processes
) -> None:
    """Killed between commit and following: cards go away, the winner leaves the index, the reporter hears."""
    winner, other = await make.officer(), await make.officer()
    case = await make.case(next_ring_at=None)
    await make.offer(case, winner)
    await make.offer(case, other)
    hub, phone, citizen = Hub(runtime), Phone(), Phone()
    await hub.start()
    await eventually(lambda: hub.connected)
    for line, person_id in ((phone, other.id), (citizen, case.reporter.id)):
        async with transaction(runtime) as db:
            _, session_id = await issue(db, person_id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True)
        hub.attach(line, person_id=person_id, session_id=session_id, topics=[f"person:{person_id}"])

    dying = processes.launch("-m", "tests.races.dies_after_commit", str(case.id), str(winner.id), "0")
    await eventually(lambda: dying.popen.poll() is not None)
    assert dying.popen.returncode == 9, dying.log.read_text()
    assert await make.column(case, "officer_id") == winner.id
    assert not await _all_followed(runtime)
    await processes.start("worker")
    withdrawn, changed = await phone.next("withdrawn"), await citizen.next("case_changed")
    await eventually(lambda: _all_followed(runtime))
    await hub.stop()

    assert (withdrawn["why"], withdrawn["by"]) == ("claimed", str(winner.id))
    assert changed["state"] == "claimed"
    [row] = await crowd.rows(
        runtime, "SELECT count(*) AS n, min(at) AS at FROM events WHERE kind = 'case_claimed'"
    )
    assert row.n == 1


async def test_no_promise_is_lost_with_valkey_flushed_and_killed(
    make: Make, mortal: tuple[Server, Runtime, Processes]
) -> None:
    server, runtime, processes = mortal
    chance, station, reporter = random.Random(9), await make.the_station(), await make.citizen()
    crew = await crowd.officers(runtime, station, 180)
    await processes.start("worker")
    ids = await crowd.cases(runtime, station, reporter, 60, in_s=1.0, spread_s=3.0)
    for n, case_id in enumerate(ids):
        await crowd.offer(runtime, [case_id], crew[3 * n : 3 * n + 3])

    async def thumb(officer: Made, case_id: UUID) -> tuple[UUID, UUID] | None:
        await asyncio.sleep(chance.uniform(0, 5.5))
        try:
            won = await claim(runtime, case_id, epoch=0, officer=acting(officer))
        except AppError:
            return None
        assert isinstance(won, Claimed)
        return case_id, officer.id

    async def harm() -> None:
        for _ in range(4):
            await runtime.valkey.flushall()
            await asyncio.sleep(0.3)
            server.kill()
            await asyncio.sleep(0.5)
            server.start()
            await eventually(lambda: _answers(runtime))

    thumbs = [thumb(o, ids[n // 3]) for n, o in enumerate(crew)]
    told, _ = await asyncio.gather(asyncio.gather(*thumbs), harm())
    await eventually(lambda: _handed(runtime, ids))
    await eventually(lambda: _all_followed(runtime))

    granted = [won for won in told if won]
    stored = await crowd.rows(runtime, "SELECT id, officer_id FROM cases WHERE state = 'claimed'")
    assert sorted(granted) == sorted((row.id, row.officer_id) for row in stored)
    handed = [c for c in ids if c not in dict(granted)]
    late_s = await _lateness(runtime, handed)
    assert granted
    assert (min(late_s) >= 0, max(late_s) <= 1.0) == (True, True)


async def _answers(runtime: Runtime) -> bool:
    try:
        return bool(await runtime.valkey.ping())
    except Exception:
        return False
