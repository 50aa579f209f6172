"""Who gets which frame: permission at every send, queues, newest-wins, slow sockets, a clean stop."""

import asyncio
import json
import time
from uuid import uuid4

import pytest

from app.live import permissions, sockets
from app.live.ending import end
from app.live.hub import GOING_AWAY, SIGNED_OUT, TOO_SLOW, TOPICS_LIMIT
from app.live.publish import publish
from app.live.sockets import QUEUE_LIMIT
from app.live.topics import POLICIES, forget, register_policy
from tests.app.live.phones import Phone, eventually


def attach(hub, phone, person, *topics, session=None):
    return hub.attach(phone, person_id=person, session_id=session or uuid4(), topics=topics)


async def test_only_who_the_policy_names_hears(make_hub, policies, anna, bo):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    hers, his = Phone(), Phone()
    attach(hub, hers, anna, "test:1")
    attach(hub, his, bo, "test:1")

    await publish(runtime, ["test:1"], {"type": "hello", "words": "她来了"})

    assert await hers.next() == {"type": "hello", "words": "她来了"}
    assert his.heard() == []
    assert (hub.sockets, hub.sent, hub.refused_by_policy) == (2, 1, 1)


async def test_a_socket_that_listens_to_several_of_the_topics_hears_once(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    policies.allow("2", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1", "test:2", "other:1")

    await publish(runtime, ["test:1", "test:2", "other:1", "other:9"], {"type": "one"})
    await publish(runtime, ["test:2"], {"type": "two"})

    assert [(await phone.next())["type"], (await phone.next())["type"]] == ["one", "two"]
    assert hub.sent == 2


async def test_permissions_are_asked_once_a_prefix_and_kept_for_half_a_second(
    make_hub, policies, anna, monkeypatch
):
    monkeypatch.setattr(permissions, "FRESH_S", 60.0)
    hub, runtime = await make_hub()
    for one in ("1", "2", "3"):
        policies.allow(one, anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1", "test:2", "other:3")

    await publish(runtime, ["test:1", "test:2", "other:3"], {"type": "first"})
    await phone.next("first")
    await publish(runtime, ["test:1"], {"type": "second"})
    await phone.next("second")

    assert sorted(policies.asked) == [("other", ["3"]), ("test", ["1", "2"])]


async def test_a_permission_older_than_half_a_second_is_asked_anew(make_hub, policies, anna, monkeypatch):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    await publish(runtime, ["test:1"], {"type": "before"})
    await phone.next("before")

    grant = hub._permissions.known("test:1", time.monotonic())
    assert grant.is_fresh(grant.asked_at + 0.5)
    assert not grant.is_fresh(grant.asked_at + 0.501)
    grant.asked_at -= 0.5
    policies.allow("1")
    await publish(runtime, ["test:1"], {"type": "after"})

    await eventually(lambda: hub.refused_by_policy == 1)
    assert phone.heard() == []


async def test_forget_drops_a_permission_at_once(make_hub, policies, anna, monkeypatch):
    monkeypatch.setattr(permissions, "FRESH_S", 60.0)
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    await publish(runtime, ["test:1"], {"type": "before"})
    await phone.next("before")

    policies.allow("1")
    forget("test:1")
    await publish(runtime, ["test:1"], {"type": "after"})

    await eventually(lambda: hub.refused_by_policy == 1)
    assert phone.heard() == []


async def test_an_answer_of_before_forget_is_not_used(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    policies.gate.clear()
    await publish(runtime, ["test:1"], {"type": "frame"})
    await eventually(lambda: policies.asked)

    policies.allow("1")
    forget("test:1")
    policies.gate.set()

    await eventually(lambda: hub._asking is None)
    assert phone.heard() == []
    assert hub.sent == 0


async def test_two_changes_on_each_others_heels_are_both_heard(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    policies.gate.clear()
    await publish(runtime, ["test:1"], {"type": "alarm"}, fresh=True)
    await eventually(lambda: policies.asked)

    await publish(runtime, ["test:1"], {"type": "words"}, fresh=True)
    policies.gate.set()

    assert [(await phone.next())["type"], (await phone.next())["type"]] == ["alarm", "words"]


async def test_a_frame_that_waited_in_a_queue_is_asked_about_again(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna, epoch=3)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    phone.stall()
    await publish(runtime, ["test:1"], {"type": "in_flight", "epoch": 3})
    await asyncio.wait_for(phone.sending.wait(), 5)
    await publish(runtime, ["test:1"], {"type": "queued", "epoch": 3})

    policies.allow("1", anna, epoch=4)
    forget("test:1")
    phone.may_send.set()

    assert (await phone.next())["type"] == "in_flight"
    await eventually(lambda: hub.refused_by_policy == 1)
    assert phone.heard() == []


@pytest.mark.parametrize(("frame", "heard"), [(2, False), (3, True), (4, False), (None, True)])
async def test_a_frame_of_another_epoch_is_dropped(make_hub, policies, anna, frame, heard):
    hub, runtime = await make_hub()
    policies.allow("1", anna, epoch=3)
    phone = Phone()
    attach(hub, phone, anna, "test:1")

    await publish(runtime, ["test:1"], {"type": "fix", "epoch": frame})

    await eventually(lambda: hub.sent + hub.refused_by_policy == 1)
    assert bool(phone.heard()) is heard


async def test_a_frame_of_a_later_epoch_has_the_permission_asked_again(make_hub, policies, anna, monkeypatch):
    monkeypatch.setattr(permissions, "FRESH_S", 60.0)
    hub, runtime = await make_hub()
    policies.allow("1", anna, epoch=3)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    await publish(runtime, ["test:1"], {"type": "before", "epoch": 3})
    await phone.next("before")

    policies.allow("1", anna, epoch=4)
    hub._permissions.known("test:1", time.monotonic()).asked_at -= 0.1
    await publish(runtime, ["test:1"], {"type": "after", "epoch": 4})

    assert (await phone.next("after"))["epoch"] == 4


async def test_positions_give_their_place_to_newer_ones(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    phone.stall()
    await publish(runtime, ["test:1"], {"type": "in_flight"})
    await asyncio.wait_for(phone.sending.wait(), 5)

    for number in range(200):
        await publish(runtime, ["test:1"], {"type": "fix", "n": number}, newest="fix:a")
    await publish(runtime, ["test:1"], {"type": "fix", "n": 0}, newest="fix:b")
    await publish(runtime, ["test:1"], {"type": "state"})
    phone.may_send.set()

    assert [(await phone.next()).get("n") for _ in range(4)] == [None, 199, 0, None]
    assert hub.dropped_slow == 0


async def test_a_socket_that_cannot_keep_up_is_closed_and_delays_nobody(make_hub, policies, anna, bo):
    hub, runtime = await make_hub()
    policies.allow("1", anna, bo)
    slow, quick = Phone(), Phone()
    attach(hub, slow, anna, "test:1")
    attach(hub, quick, bo, "test:1")
    slow.stall()

    for number in range(QUEUE_LIMIT + 2):  # one is being sent, 64 wait, one is too many
        await publish(runtime, ["test:1"], {"type": "n", "n": number})
        assert (await quick.next())["n"] == number

    assert await slow.was_closed() == (TOO_SLOW, "resume by snapshot")
    assert (hub.sockets, hub.dropped_slow) == (1, 1)
    assert slow.heard() == []


async def test_a_send_that_never_ends_is_closed(make_hub, policies, anna, monkeypatch):
    monkeypatch.setattr(sockets, "SEND_LIMIT_S", 0.0)
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    phone.stall()

    await publish(runtime, ["test:1"], {"type": "one"})

    assert (await phone.was_closed())[0] == TOO_SLOW
    assert hub.sockets == 0


async def test_a_port_that_fails_is_let_go_and_the_others_hear(make_hub, policies, anna, bo):
    class Gone(Phone):
        async def send(self, frame: bytes) -> None:
            raise ConnectionError("gone")

    hub, runtime = await make_hub()
    policies.allow("1", anna, bo)
    phones = [Phone() for _ in range(3)]
    attach(hub, phones[0], anna, "test:1")
    gone = attach(hub, Gone(), bo, "test:1")
    attach(hub, phones[1], anna, "test:1")
    attach(hub, phones[2], anna, "test:1")

    await publish(runtime, ["test:1"], {"type": "one"})

    assert [(await phone.next())["type"] for phone in phones] == ["one"] * 3
    assert gone.closed
    assert hub.sockets == 3


async def test_more_sockets_than_one_turn_writes_all_hear_in_order(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phones = [Phone() for _ in range(sockets.SENDS_A_TURN * 2 + 10)]
    for phone in phones:
        attach(hub, phone, anna, "test:1")
    for phone in phones[::50]:
        phone.stall()

    for number in range(3):
        await publish(runtime, ["test:1"], {"type": "n", "n": number})
    for phone in phones:
        phone.may_send.set()

    for phone in phones:
        assert [(await phone.next())["n"] for _ in range(3)] == [0, 1, 2]


async def test_while_a_policy_does_not_answer_nobody_hears_and_resumes_when_it_does(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attach(hub, phone, anna, "test:1")
    policies.broken = True
    await publish(runtime, ["test:1"], {"type": "secret"})
    await eventually(lambda: len(policies.asked) >= 2)
    assert phone.heard() == []

    policies.broken = False

    assert (await phone.next())["type"] == "resume"
    assert phone.heard() == []


async def test_a_snapshot_keeps_its_order_with_what_the_hub_sends(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = Phone()
    attached = attach(hub, phone, anna)
    attached.listen("test:1")
    await publish(runtime, ["test:1"], {"type": "before"})
    await phone.next("before")

    attached.send(b'{"type":"snapshot"}')
    await publish(runtime, ["test:1"], {"type": "after"})
    assert [(await phone.next())["type"], (await phone.next())["type"]] == ["snapshot", "after"]

    attached.leave("test:1")
    await publish(runtime, ["test:1"], {"type": "unheard"})
    attached.send(b'{"type":"last"}')
    assert (await phone.next())["type"] == "last"


async def test_a_topic_without_a_policy_and_too_many_topics_are_refused(make_hub, policies, anna):
    hub, _ = await make_hub()

    with pytest.raises(ValueError, match="no policy"):
        attach(hub, Phone(), anna, "nobody:1")
    with pytest.raises(ValueError, match="no policy"):
        attach(hub, Phone(), anna, "session:1")
    with pytest.raises(ValueError, match=str(TOPICS_LIMIT)):
        attach(hub, Phone(), anna, *(f"test:{n}" for n in range(TOPICS_LIMIT + 1)))
    with pytest.raises(ValueError, match="session"):
        register_policy("session", POLICIES["test"])

    assert hub.sockets == 0
    assert hub._listeners == {}


async def test_a_stop_closes_every_socket_and_leaves_nothing(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phones = [Phone() for _ in range(3)]
    for phone in phones:
        attach(hub, phone, anna, "test:1")
    phones[0].stall()
    await publish(runtime, ["test:1"], {"type": "one"})

    await hub.stop()

    assert [(await phone.was_closed())[0] for phone in phones] == [GOING_AWAY] * 3
    assert hub.sockets == 0
    assert runtime.ears == []
    assert await runtime.valkey.zcard("live:gateways") == 0


async def test_signing_out_closes_the_sockets_of_that_session_only(make_hub, policies, sessions, anna):
    hub, runtime = await make_hub()
    over, goes_on = uuid4(), uuid4()
    first, second, other = Phone(), Phone(), Phone()
    attach(hub, first, anna, session=over)
    attach(hub, second, anna, session=over)
    attach(hub, other, anna, session=goes_on)

    await publish(runtime, [f"session:{over}"], {"type": "signed_out"})

    assert await first.was_closed() == (SIGNED_OUT, "signed out")
    assert await second.was_closed() == (SIGNED_OUT, "signed out")
    assert hub.sockets == 1
    assert not other.closed.done()


class QuickPhone(Phone):
    """A port that can also send without waiting, while its network is not full."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = 0

    def send_now(self, frame: bytes) -> bool:
        if not self.may_send.is_set():
            return False
        self.at_once += 1
        self.frames.put_nowait(json.loads(frame))
        return True


async def test_a_port_that_can_send_at_once_is_waited_for_only_when_full(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phone = QuickPhone()
    attach(hub, phone, anna, "test:1")
    await publish(runtime, ["test:1"], {"type": "n", "n": 0})
    assert (await phone.next())["n"] == 0

    phone.stall()
    for number in (1, 2, 3):
        await publish(runtime, ["test:1"], {"type": "n", "n": number})
    await asyncio.wait_for(phone.sending.wait(), 5)
    phone.may_send.set()

    assert [(await phone.next())["n"] for _ in range(3)] == [1, 2, 3]
    await eventually(lambda: hub.sent == 4)
    assert phone.at_once == 1


async def test_a_port_that_sends_at_once_is_refused_and_closed_like_any_other(make_hub, policies, anna, bo):
    class Gone(QuickPhone):
        def send_now(self, frame: bytes) -> bool:
            raise ConnectionError("gone")

    hub, runtime = await make_hub()
    policies.allow("1", anna)
    hers, his = QuickPhone(), QuickPhone()
    attach(hub, Gone(), anna, "test:1")
    attach(hub, hers, anna, "test:1")
    attach(hub, his, bo, "test:1")

    await publish(runtime, ["test:1"], {"type": "one"})

    assert (await hers.next())["type"] == "one"
    assert his.heard() == []
    assert (hub.sockets, hub.sent, hub.refused_by_policy) == (2, 1, 1)


async def test_a_permission_that_aged_under_a_broadcast_is_asked_once_for_all_its_sockets(
    make_hub, policies, anna, bo
):
    hub, runtime = await make_hub()
    policies.allow("1", anna, bo)
    hers, his = [QuickPhone() for _ in range(50)], [QuickPhone() for _ in range(50)]
    for phone in hers:
        attach(hub, phone, anna, "test:1")
    for phone in his:
        attach(hub, phone, bo, "test:1")
    await publish(runtime, ["test:1"], {"type": "first"})
    for phone in hers + his:
        await phone.next("first")

    policies.allow("1", anna)
    policies.gate.clear()
    publishing = publish(runtime, ["test:1"], {"type": "second"})
    grant = hub._permissions.known("test:1", time.monotonic())
    asyncio.get_running_loop().call_soon(
        setattr, grant, "asked_at", grant.asked_at - 1
    )  # before the pump's turn
    await publishing
    await eventually(lambda: len(hub._pump._tasks) > 20)  # so many sockets wait for the answer
    policies.gate.set()

    assert [(await phone.next())["type"] for phone in hers] == ["second"] * 50
    await eventually(lambda: hub.refused_by_policy == 50)
    assert [phone.heard() for phone in his] == [[]] * 50
    assert len(policies.asked) == 2


async def test_of_a_burst_a_healthy_socket_loses_nothing(make_hub, policies, anna):
    hub, runtime = await make_hub()
    policies.allow("1", anna)
    phones = [Phone() for _ in range(sockets.SENDS_A_TURN * 3)]
    for phone in phones:
        attach(hub, phone, anna, "test:1")

    await asyncio.gather(
        *(publish(runtime, ["test:1"], {"type": "n", "n": n}) for n in range(QUEUE_LIMIT * 3))
    )

    for phone in phones:
        assert [(await phone.next())["n"] for _ in range(QUEUE_LIMIT * 3)] == list(range(QUEUE_LIMIT * 3))
    assert hub.dropped_slow == 0


async def test_a_task_that_survives_its_first_cancellation_is_ended_all_the_same():
    async def survivor():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(survivor())
    await asyncio.sleep(0)

    await asyncio.wait_for(end([task]), 5)

    assert task.done()
