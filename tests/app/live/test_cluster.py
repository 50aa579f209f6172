"""Two gateways on a Valkey Cluster: sharded channels, a slot that moves, a primary that dies."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.kit.embedded import stop_valkey_cluster, valkey_cluster
from app.kit.valkey import GATEWAYS
from app.live.publish import channel, publish
from tests.app.live.phones import Phone, eventually

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[str]]:
    """Three primaries with a replica each."""
    folder = Path(tempfile.mkdtemp(prefix="didi-live-"))
    folder.chmod(0o755)
    yield valkey_cluster(folder, 3, 1, node_timeout_ms=1000)
    stop_valkey_cluster(folder)
    shutil.rmtree(folder)


async def heard_across(make_hub, policies, anna, url):
    """Two gateways; a phone at the second hears what the first publishes."""
    (one, runtime), (two, _) = await make_hub(url, cluster=True), await make_hub(url, cluster=True)
    policies.allow("1", anna)
    phone = Phone()
    two.attach(phone, person_id=anna, session_id=uuid4(), topics=["test:1"])
    await publish(runtime, ["test:1"], {"type": "first"})
    assert (await phone.next("first"))["type"] == "first"
    return one, two, runtime, phone


async def test_gateways_hear_each_other_over_sharded_channels(make_hub, policies, anna, nodes):
    one, two, runtime, _ = await heard_across(make_hub, policies, anna, nodes[0])

    owner = runtime.valkey.get_node_from_key(channel(two._gateway.id))
    with Redis.from_url(nodes[0]) as any_node:
        password = any_node.connection_pool.connection_kwargs["password"]
    with Redis(host=owner.host, port=owner.port, password=password) as node:
        assert channel(two._gateway.id).encode() in node.execute_command("PUBSUB SHARDCHANNELS")
    assert one.connected
    assert two.connected
    await two.stop()
    assert await runtime.valkey.zcard(GATEWAYS) == 1


async def test_a_slot_that_moves_takes_its_gateway_along(make_hub, policies, anna, nodes):
    _, two, runtime, phone = await heard_across(make_hub, policies, anna, nodes[0])
    slot = runtime.valkey.keyslot(channel(two._gateway.id))
    clients = [Redis.from_url(url, decode_responses=True) for url in nodes[:3]]
    ids = [client.execute_command("CLUSTER MYID") for client in clients]
    owner = runtime.valkey.get_node_from_key(channel(two._gateway.id)).port
    source = next(i for i, c in enumerate(clients) if c.connection_pool.connection_kwargs["port"] == owner)
    target = (source + 1) % 3

    clients[target].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
    clients[source].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
    for client in (clients[target], clients[source], clients[3 - source - target]):
        client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target])

    await phone.next("resume")
    await eventually(lambda: two.connected)
    await publish(runtime, ["test:1"], {"type": "moved"})
    assert (await phone.next("moved"))["type"] == "moved"
    assert channel(two._gateway.id) in clients[target].execute_command("PUBSUB SHARDCHANNELS")
    for client in clients:
        client.close()


async def test_a_primary_that_dies_is_replaced_and_the_sockets_resume(make_hub, policies, anna, nodes):
    one, two, runtime, phone = await heard_across(make_hub, policies, anna, nodes[-1])
    owner = runtime.valkey.get_node_from_key(channel(two._gateway.id)).port
    victim = next(url for url in nodes if f":{owner}/" in url)
    with Redis.from_url(victim) as client, contextlib.suppress(RedisError):  # it is gone before it can answer
        client.execute_command("SHUTDOWN NOSAVE FORCE NOW")

    await eventually(lambda: not two.connected)
    await eventually(lambda: one.connected and two.connected)
    await phone.next("resume")

    async def arrives():
        await publish(runtime, ["test:1"], {"type": "after"})
        return any(frame["type"] == "after" for frame in phone.heard())

    await eventually(arrives)
