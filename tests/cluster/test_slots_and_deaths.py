"""A slot that moves and a primary that dies: officers are found, claims are right, promises hold throughout."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.dispatch import closed, presence
from app.dispatch.broadcast import offer_ring
from app.dispatch.claim import claim
from app.kit.embedded import stop_valkey_cluster, valkey_cluster
from app.kit.errors import AppError, Unavailable
from app.kit.geo import cell
from app.kit.runtime import Runtime
from app.kit.valkey import ValkeyDown, key_closed, key_pos
from app.settings import Settings
from tests.app.live.phones import eventually
from tests.cluster.conftest import primary_of
from tests.conftest import clean, make_runtime
from tests.factories import CENTRE, Make, acting

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def own_nodes() -> Iterator[list[str]]:
    """A cluster that these tests may damage."""
    folder = Path(tempfile.mkdtemp(prefix="didi-cluster-"))
    folder.chmod(0o755)
    try:
        yield valkey_cluster(folder, 3, 1, node_timeout_ms=1000)
    finally:
        stop_valkey_cluster(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def runtime(settings: Settings, own_nodes: list[str]) -> AsyncIterator[Runtime]:
    """On the damaged cluster, entered by a node that stays."""
    own = make_runtime(settings.model_copy(update={"valkey_url": own_nodes[-1]}))
    await clean(own)
    yield own
    await own.close()


def move_slot(nodes: list[str], key: str) -> None:
    """Move the slot of a key, with what it holds, to the next primary."""
    clients = [Redis.from_url(url, decode_responses=True) for url in nodes[:3]]
    password = clients[0].connection_pool.connection_kwargs["password"]
    ports = [c.connection_pool.connection_kwargs["port"] for c in clients]
    ids = [c.execute_command("CLUSTER MYID") for c in clients]
    slot: Any = clients[0].execute_command("CLUSTER KEYSLOT", key)
    with primary_of(nodes, key) as holder:
        source = ports.index(holder.connection_pool.connection_kwargs["port"])
    target = (source + 1) % 3
    clients[target].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
    clients[source].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
    keys = clients[source].execute_command("CLUSTER GETKEYSINSLOT", slot, 1000)
    if keys:
        clients[source].execute_command(
            "MIGRATE", "127.0.0.1", ports[target], "", 0, 5000, "AUTH", password, "KEYS", *keys
        )
    for client in (clients[target], clients[source], clients[3 - source - target]):
        client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target])
        client.close()


async def test_officers_are_found_while_their_slot_moves(
    make: Make, runtime: Runtime, own_nodes: list[str]
) -> None:
    officer = await make.officer()
    await presence.beat(runtime, officer.id, CENTRE)

    move_slot(own_nodes, key_pos(cell(CENTRE)))
    found = await presence.nearby(runtime, CENTRE, within_m=1000)
    await presence.beat(runtime, officer.id, CENTRE)
    again = await presence.nearby(runtime, CENTRE, within_m=1000)

    assert [n.officer_id for n in found] == [n.officer_id for n in again] == [officer.id]


async def test_a_loser_is_answered_from_a_slot_that_has_moved(
    make: Make, runtime: Runtime, own_nodes: list[str]
) -> None:
    first, second = await make.officer(), await make.officer()
    case = await make.case()
    for officer in (first, second):
        await make.offer(case, officer)
    await claim(runtime, case.id, epoch=0, officer=acting(first))
    await runtime.drain()

    move_slot(own_nodes, key_closed(case.id, 0))
    closed._memory.clear()  # as in a process that has not heard of it
    lost = await closed.lookup(runtime, case.id, 0, loser=second.id)

    assert lost is not None
    assert lost.code == "case_already_taken"


async def test_a_primary_dies_and_cases_are_offered_and_claimed_all_the_same(
    make: Make, runtime: Runtime, own_nodes: list[str]
) -> None:
    first, second = await make.officer(), await make.officer()
    for officer in (first, second):
        await presence.beat(runtime, officer.id, CENTRE)
    case = await make.case()
    with primary_of(own_nodes, key_pos(cell(CENTRE))) as victim, contextlib.suppress(RedisError):
        victim.execute_command("SHUTDOWN NOSAVE FORCE NOW")

    assert await offer_ring(runtime, case.id) == 2  # by the squares last seen, from PostgreSQL
    taken = await claim(runtime, case.id, epoch=0, officer=acting(first))
    with pytest.raises(AppError) as lost:
        await claim(runtime, case.id, epoch=0, officer=acting(second))
    await runtime.drain()

    async def found() -> bool:
        await presence.beat(runtime, second.id, CENTRE)
        with contextlib.suppress(Unavailable, *ValkeyDown):
            near = await presence.nearby(runtime, CENTRE, within_m=1000)
            return second.id in {n.officer_id for n in near}
        return False

    assert (taken.epoch, lost.value.code) == (1, "case_already_taken")
    await eventually(found)  # a replica has taken over: the next ping brings presence back
