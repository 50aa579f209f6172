"""Two gateways on one real Valkey: killed, started again, flushed, frozen."""

import asyncio
import os
import signal
import time
from uuid import uuid4

import pytest

from app.kit.valkey import GATEWAYS
from app.live import gateway as gateways
from app.live import hub as hubs
from app.live import publish as publishing
from app.live.hub import SIGNED_OUT
from app.live.publish import channel, outgoing, publish, settle
from app.live.topics import forget
from tests.app.live.phones import Phone, eventually


def attach(hub, phone, person, *topics, session=None):
    return hub.attach(phone, person_id=person, session_id=session or uuid4(), topics=topics)


async def test_what_one_gateway_publishes_the_other_hears(make_hub, policies, anna, bo):
    (one, runtime), (two, _) = await make_hub(), await make_hub()
    policies.allow("1", anna, bo)
    here, there = Phone(), Phone()
    attach(one, here, anna, "test:1")
    attach(two, there, bo, "test:1")

    await publish(runtime, ["test:1"], {"type": "hello", "words": '换行\n引号","body":'})

    assert await here.next() == await there.next() == {"type": "hello", "words": '换行\n引号","body":'}
    assert (one.sent, two.sent) == (1, 1)
    assert one.connected
    assert two.connected


async def test_a_process_without_sockets_reaches_every_gateway_in_order(
    make_hub, make_runtime, policies, anna
):
    (one, _), (two, _) = await make_hub(), await make_hub()
    worker = make_runtime()
    policies.allow("1", anna)
    phones = [Phone(), Phone()]
    attach(one, phones[0], anna, "test:1")
    attach(two, phones[1], anna, "test:1")

    await asyncio.gather(*(publish(worker, ["test:1"], {"type": "n", "n": n}) for n in range(50)))

    for phone in phones:
        assert [(await phone.next())["n"] for _ in range(50)] == list(range(50))


async def test_many_messages_at_once_share_their_round_trips(
    make_hub, make_runtime, policies, anna, monkeypatch
):
    hub, _ = await make_hub()
    worker = make_runtime()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    payloads = []

    async def counted(valkey, to, payload):
        payloads.append(payload)
        return await valkey.publish(to, payload)

    monkeypatch.setattr(publishing, "send_to", counted)
    await asyncio.gather(*(publish(worker, ["test:1"], {"type": "n", "n": n}) for n in range(500)))

    assert [(await phone.next())["n"] for _ in range(60)] == list(range(60))
    assert len(payloads) == 1


async def test_a_fresh_message_has_every_gateway_ask_anew(make_hub, policies, anna, monkeypatch):
    monkeypatch.setattr("app.live.permissions.FRESH_S", 60.0)
    (_, runtime), (two, _) = await make_hub(), await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(two, phone, anna, "test:1")
    await publish(runtime, ["test:1"], {"type": "before"})
    await phone.next("before")

    policies.allow("1")
    await publish(runtime, ["test:1"], {"type": "after"}, fresh=True)

    await eventually(lambda: two.refused_by_policy == 1)
    assert phone.heard() == []


async def test_a_flushed_valkey_has_its_gateways_back_within_one_beat_and_sockets_resume(
    make_hub, policies, anna, monkeypatch
):
    (_, runtime), (two, _) = await make_hub(), await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(two, phone, anna, "test:1")

    await runtime.valkey.flushall()
    flushed = time.monotonic()

    assert (await phone.next())["type"] == "resume"
    assert time.monotonic() - flushed < gateways.BEAT_EVERY_S + 0.5
    await eventually(lambda: _both_stand(runtime))
    await publish(runtime, ["test:1"], {"type": "again"})
    assert (await phone.next("again"))["type"] == "again"


async def _both_stand(runtime):
    return await runtime.valkey.zcard(GATEWAYS) == 2


async def test_a_gateway_that_stopped_beating_is_told_nothing_after_ten_seconds(make_hub, make_runtime):
    _, runtime = await make_hub()
    seconds, _ = await runtime.valkey.time()
    await runtime.valkey.zadd(GATEWAYS, {"dead": seconds - 11, "late": seconds - 8})
    told = runtime.valkey.pubsub()
    await told.subscribe(channel("dead"), channel("late"))
    for _ in range(2):
        await told.get_message(timeout=5)

    await publish(make_runtime(), ["test:1"], {"type": "one"})

    message = await told.get_message(timeout=5)
    assert message["channel"] == channel("late").encode()
    await told.aclose()
    await eventually(lambda: _gone(runtime, "dead"))


async def _gone(runtime, member):
    return await runtime.valkey.zscore(GATEWAYS, member) is None


async def test_a_killed_valkey_costs_other_gateways_frames_until_it_is_back(
    make_hub, policies, anna, bo, valkey_server
):
    (one, runtime), (two, _) = await make_hub(), await make_hub()
    policies.allow("1", anna, bo)
    here, there = Phone(), Phone()
    attach(one, here, anna, "test:1")
    attach(two, there, bo, "test:1")
    valkey_server.kill()
    await eventually(lambda: not one.connected and not two.connected)

    began = time.monotonic()
    for n in range(100):
        await publish(runtime, ["test:1"], {"type": "meanwhile", "n": n})
    assert time.monotonic() - began < 2
    assert (await here.next("meanwhile"))["n"] == 0
    assert there.heard() == []

    valkey_server.start()
    await there.next("resume")
    await eventually(lambda: one.connected and two.connected)
    await eventually(lambda: _both_stand(runtime))
    here.heard()
    await eventually(lambda: time.monotonic() >= outgoing(runtime)._down_until)
    await publish(runtime, ["test:1"], {"type": "after"})

    assert (await there.next("after"))["type"] == "after"
    assert (await here.next("after"))["type"] == "after"


async def test_a_frozen_valkey_is_noticed_by_its_missing_echo(make_hub, valkey_server):
    hub, _ = await make_hub()
    assert hub.connected
    os.kill(valkey_server._process.pid, signal.SIGSTOP)
    try:
        await eventually(lambda: not hub.connected)
    finally:
        os.kill(valkey_server._process.pid, signal.SIGCONT)

    await eventually(lambda: hub.connected)


async def test_what_a_worker_could_not_send_is_made_good_when_it_can(make_hub, make_runtime, policies, anna):
    hub, _runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    worker = make_runtime()
    reachable, worker_out = worker.valkey, outgoing(worker)
    worker_out._valkey = make_runtime("redis://127.0.0.1:1/0").valkey  # the worker alone is cut off

    await publish(worker, ["test:1"], {"type": "lost"})
    assert phone.heard() == []
    worker_out._valkey = reachable
    await eventually(lambda: time.monotonic() >= worker_out._down_until)
    await settle(worker)

    assert (await phone.next())["type"] == "resume"
    await settle(worker)
    await publish(worker, ["test:1"], {"type": "found"})
    assert (await phone.next())["type"] == "found"


async def test_a_hub_starts_without_valkey_and_serves_its_own_process(make_hub, policies, anna):
    hub, runtime = await make_hub("redis://127.0.0.1:1/0")
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")

    await publish(runtime, ["test:1"], {"type": "one"})

    assert (await phone.next())["type"] == "one"
    assert not hub.connected


async def test_without_valkey_a_revoked_session_is_found_by_one_query_for_all(
    make_hub, policies, sessions, anna
):
    hub, _ = await make_hub("redis://127.0.0.1:1/0")
    over, goes_on = uuid4(), uuid4()
    gone, stays = Phone(), Phone()
    attach(hub, gone, anna, session=over)
    attach(hub, stays, anna, session=goes_on)
    await eventually(lambda: sessions.queries)

    revoked_at = time.monotonic()
    sessions.revoked.add(over)

    assert await gone.was_closed() == (SIGNED_OUT, "signed out")
    assert time.monotonic() - revoked_at < hubs.CHECK_EVERY_S + 0.4
    assert sessions.queries[0] == {over, goes_on}
    assert not stays.closed.done()


async def test_with_valkey_sessions_are_swept_slowly(make_hub, policies, sessions, anna, monkeypatch):
    hub, _ = await make_hub()
    phone = Phone()
    over = uuid4()
    attach(hub, phone, anna, session=over)
    began = time.monotonic()
    await eventually(lambda: sessions.queries)
    assert time.monotonic() - began > 2 * hubs.CHECK_EVERY_S

    monkeypatch.setattr(hubs, "SWEEP_EVERY_S", 0.0)
    sessions.revoked.add(over)

    assert (await phone.was_closed())[0] == SIGNED_OUT


async def test_a_message_that_is_not_ours_harms_nothing(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    other = (await make_hub())[1]

    for rubbish in (b"x", b'{"a":1,"body":{}}', b'[1,"body":2}', b"\xff\xfe"):
        await runtime.valkey.publish(channel(hub._gateway.id), rubbish)
    await publish(other, ["test:1"], {"type": "one"})

    assert (await phone.next())["type"] == "one"


async def test_a_body_without_a_type_is_refused(make_runtime):
    with pytest.raises(ValueError, match="type"):
        await publish(make_runtime(), ["test:1"], {"words": "x"})


async def test_a_topic_nobody_here_listens_to_is_forgotten_without_a_word(make_hub):
    await make_hub()
    forget("test:unknown")
