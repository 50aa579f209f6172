"""Three services and two workers share PostgreSQL and a Valkey Cluster, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import pytest_asyncio
import websockets

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.people.sessions import issue
from app.people.tables import Audience
from miniprogram.router import PREFIX
from tests.app.live.phones import eventually
from tests.conftest import clean
from tests.factories import Made, Make
from tests.miniprogram.phones import POINT, Phone, Socket
from tests.races import crowd
from tests.races.conftest import environment
from tests.races.processes import Process, Processes

pytestmark = [pytest.mark.slow]


@pytest_asyncio.fixture(scope="module")
async def runtime(session_runtime: Runtime) -> Runtime:
    """Emptied once: processes that run through all these tests know its stations."""
    await clean(session_runtime)
    return session_runtime


@pytest.fixture(scope="module")
def make(runtime: Runtime) -> Make:
    return Make(runtime)


@pytest.fixture(scope="module")
def processes(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    started = Processes(
        tmp_path_factory.mktemp("processes"), environment(runtime.settings) | {"VALKEY_CLUSTER": "true"}
    )
    yield started
    started.end()


@pytest_asyncio.fixture(scope="module")
async def services(processes: Processes) -> list[Process]:
    """Three of them."""
    return list(await asyncio.gather(*(processes.start("serve") for _ in range(3))))


@pytest_asyncio.fixture(scope="module")
async def workers(processes: Processes) -> list[Process]:
    """Two of them."""
    return list(await asyncio.gather(*(processes.start("worker") for _ in range(2))))


async def phone_at(stack: AsyncExitStack, runtime: Runtime, service: Process, person: Made) -> Phone:
    """A phone that talks to one of the services."""
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}{PREFIX}")
    await stack.enter_async_context(client)
    async with transaction(runtime) as db:
        token, session_id = await issue(db, person.id, Audience.MINIPROGRAM, ttl_s=600, second_factor=True)
    return Phone(client, person.id, session_id, token, person.facts)


@asynccontextmanager
async def socket_at(service: Process, phone: Phone) -> AsyncIterator[Socket]:
    ticket = (await phone.ok("POST", "/live/tickets"))["ticket"]
    async with websockets.connect(f"ws://127.0.0.1:{service.port}{PREFIX}/live") as connection:
        line = Socket(connection)
        await line.send(ticket=ticket)
        await line.next("snapshot")
        yield line


async def test_offered_through_one_rung_on_another_claimed_through_the_third(
    make: Make, runtime: Runtime, services: list[Process]
) -> None:
    a, b, _ = services
    officers = [await make.officer() for _ in range(3)]
    citizen = await make.citizen()
    async with AsyncExitStack() as stack:
        reporter = await phone_at(stack, runtime, a, citizen)
        at_a, at_b, at_c = [
            await phone_at(stack, runtime, s, o) for s, o in zip(services, officers, strict=True)
        ]
        line_a = await stack.enter_async_context(socket_at(a, at_a))
        line_b = await stack.enter_async_context(socket_at(b, at_b))

        case = await reporter.report()
        rang = [await line_a.next("offer"), await line_b.next("offer")]
        await at_c.ok("POST", f"/offers/{case['case_id']}/claim", {"epoch": 0})
        withdrawn = [await line_a.next("withdrawn"), await line_b.next("withdrawn")]
        lost = await at_b.post(f"/offers/{case['case_id']}/claim", {"epoch": 0})

    assert {f["case_id"] for f in rang + withdrawn} == {case["case_id"]}
    assert lost.json()["code"] == "case_already_taken"


async def test_a_ticket_of_one_service_opens_a_socket_at_another_and_fixes_cross(
    make: Make, runtime: Runtime, services: list[Process]
) -> None:
    a, b, c = services
    officer, citizen = await make.officer(), await make.citizen()
    case = await make.case(reporter=citizen, officer=officer, state="en_route", epoch=1)
    async with AsyncExitStack() as stack:
        reporter = await phone_at(stack, runtime, a, citizen)
        phone = await phone_at(stack, runtime, c, officer)
        line = await stack.enter_async_context(socket_at(b, reporter))  # the ticket is a's
        [(now,)] = await crowd.rows(runtime, "SELECT clock_timestamp()")
        await phone.ok("POST", "/fixes", {"fixes": [POINT | {"accuracy_m": 9, "at": now.isoformat()}]})
        seen = await line.next("fix")

    assert seen["case_id"] == str(case.id)


async def test_nothing_is_followed_twice(
    make: Make, runtime: Runtime, services: list[Process], workers: list[Process]
) -> None:
    station, citizen = await make.the_station(), await make.citizen()
    ids = await crowd.cases(runtime, station, citizen, 40, in_s=0.5)

    async def followed() -> bool:
        left = await crowd.rows(
            runtime, "SELECT 1 FROM cases WHERE state = 'open' UNION ALL SELECT 1 FROM outbox LIMIT 1"
        )
        return not left

    await eventually(followed)

    told = await crowd.rows(
        runtime,
        "SELECT case_id, count(*) AS n FROM deliveries WHERE kind = 'handed_over'"
        " AND case_id = ANY(CAST(:ids AS uuid[])) GROUP BY case_id",
        ids=ids,
    )
    assert len(told) == len(ids)
    assert {row.n for row in told} == {1}


async def test_either_worker_hands_over_and_every_service_hears_of_it(
    make: Make, runtime: Runtime, services: list[Process], workers: list[Process]
) -> None:
    station, citizen = await make.the_station(), await make.citizen()
    async with AsyncExitStack() as stack:
        for killed in workers:
            reporters = [await phone_at(stack, runtime, s, citizen) for s in services]
            [case_id] = await crowd.cases(runtime, station, citizen, 1, in_s=1.5)
            lines = [
                await stack.enter_async_context(socket_at(s, p))
                for s, p in zip(services, reporters, strict=True)
            ][-2:]  # a citizen's newest two
            heard = [await line.next("case_changed") for line in lines]

            [row] = await crowd.rows(
                runtime,
                "SELECT state, extract(epoch FROM handed_over_at - deadline)::float8 AS late_s FROM cases WHERE id = :id",
                id=case_id,
            )
            assert row.state == "handed_over"
            assert 0 <= row.late_s < 1
            assert {f["kind"] for f in heard} == {"case_handed_over"}
            assert (await crowd.kinds(runtime, case_id)).count("case_handed_over") == 1
            killed.kill()  # the next case is the other one's, the last nobody's
