"""WeChat's events about notices: consents come and go, and a message that did not arrive goes on to the next channel."""

from __future__ import annotations

from typing import Any

import pytest

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.consents import consents_of
from app.notices.jobs import deliver
from app.people.identity import citizen_of
from tests.simulator.account import OA
from tests.wechat.channels import OA_NOTICE, Channels
from wechat.messages import SubscriptionEvent, SubscriptionItem, TemplateSentEvent
from wechat.notice_events import note_event
from wechat.pushes import read_message

OPENID = "oUser0000000000000000000001"


def common(openid: str = OPENID) -> dict[str, Any]:
    return {
        "sender": openid, "recipient": "gh_0123456789ab", "sent_at_s": 1714112445, "dedupe_key": "event:1",
    }  # fmt: skip


async def note(runtime: Runtime, event: Any) -> None:
    async with transaction(runtime) as db:
        await note_event(db, runtime, event)


def consent(kind: str, *said: tuple[str, str]) -> SubscriptionEvent:
    items = tuple(SubscriptionItem(template_id, status, None) for template_id, status in said)
    return SubscriptionEvent(kind=kind, items=items, **common())


async def left(runtime: Runtime) -> dict[str, tuple[int, bool]]:
    async with runtime.database.transaction() as db:
        person = await citizen_of(db, runtime, app_id=OA, openid=OPENID)
        return {c.template_id: (c.left_once, c.lasting) for c in await consents_of(db, person.id)}


@pytest.fixture(autouse=True)
def _by_consent(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    lasting = OA_NOTICE.model_copy(update={"id": "TL1", "lasting": True})
    by_kind = {"closed": OA_NOTICE, "claimed": lasting}
    changed = runtime.settings.model_copy(update={"wechat_templates": by_kind})
    monkeypatch.setattr(runtime, "settings", changed)


async def test_each_accept_is_one_more_and_a_lasting_one_is_for_good(runtime: Runtime) -> None:
    await note(runtime, consent("popup", (OA_NOTICE.id, "accept"), ("TL1", "accept")))
    await note(runtime, consent("popup", (OA_NOTICE.id, "accept"), ("TL1", "accept")))

    assert await left(runtime) == {OA_NOTICE.id: (2, False), "TL1": (0, True)}


@pytest.mark.parametrize("kind", ["popup", "change"])
async def test_a_refusal_empties(runtime: Runtime, kind: str) -> None:
    await note(runtime, consent("popup", (OA_NOTICE.id, "accept"), ("TL1", "accept")))

    await note(runtime, consent(kind, (OA_NOTICE.id, "reject"), ("TL1", "reject")))

    assert await left(runtime) == {OA_NOTICE.id: (0, False), "TL1": (0, False)}


async def test_a_template_that_nobody_uses_here_leaves_nothing(runtime: Runtime) -> None:
    await note(runtime, consent("popup", ("STRANGE", "accept"), ("STRANGE", "ban")))

    assert await left(runtime) == {}


async def _sent(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    person_id, _ = await channels.citizen()
    await channels.queue(person_id, Channel.TEMPLATE)
    await channels.deliver()
    [row] = await channels.ledger(person_id)
    assert row.state == "sent"
    return person_id, row.sent_id


@pytest.mark.parametrize(
    ("status", "reading"),
    [
        ("failed:user block", "user_block"),
        ("failed: system failed", "system_failed"),
        ("failed: x", "failed"),
    ],
)
async def test_a_template_that_did_not_arrive_goes_on_to_the_next_channel(
    channels: Channels, monkeypatch: pytest.MonkeyPatch, status: str, reading: str
) -> None:
    person_id, sent_id = await _sent(channels, monkeypatch)

    for _ in range(2):  # WeChat repeats itself
        await note(channels.runtime, TemplateSentEvent(message_id=sent_id, status=status, **common()))

    told = [(r.channel, r.state, r.reading, r.passed_on) for r in await channels.ledger(person_id)]
    assert told == [("template", "refused", reading, True), ("subscription", "queued", None, False)]


async def test_a_template_that_arrived_is_confirmed(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    person_id, sent_id = await _sent(channels, monkeypatch)

    await note(channels.runtime, TemplateSentEvent(message_id=sent_id, status="success", **common()))

    [row] = await channels.ledger(person_id)
    assert (row.state, row.confirmed_at is not None) == ("sent", True)


async def test_what_wechat_tells_before_we_have_written_it_down_is_not_lost(channels: Channels) -> None:
    person_id, _ = await channels.citizen()
    await channels.queue(person_id, Channel.TEMPLATE)

    class Early:
        """WeChat tells of the end before its answer has come."""

        async def send(self, letter: Any) -> Any:
            outcome = await channels.sender.send(letter)
            await note(
                channels.runtime,
                TemplateSentEvent(message_id=outcome.sent_id, status="failed:user block", **common()),
            )
            return outcome

    await deliver(channels.runtime, Early())

    told = [(r.channel, r.state, r.reading) for r in await channels.ledger(person_id)]
    assert told == [("template", "refused", "user_block"), ("subscription", "queued", None)]
    assert await channels.rows("SELECT sent_id FROM early_results") == []


async def test_a_subscription_notice_that_failed_tells_its_code(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_consent = channels.runtime.settings.model_copy(update={"wechat_templates": {"*": OA_NOTICE}})
    monkeypatch.setattr(channels.runtime, "settings", by_consent)
    person_id, sent_id = await _sent(channels, monkeypatch)
    item = SubscriptionItem(OA_NOTICE.id, "43101", sent_id)

    await note(channels.runtime, SubscriptionEvent(kind="sent", items=(item,), **common()))

    first, second = await channels.ledger(person_id)
    assert (first.state, first.code, first.reading) == ("refused", 43101, "refused_by_person")
    assert second.channel == "subscription"


def test_a_push_of_wechat_is_read_as_one_of_these() -> None:
    xml = (
        "<xml><ToUserName>gh_0123456789ab</ToUserName><FromUserName>oU</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent>"
        "<List><TemplateId>TN1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString>"
        "<PopupScene>1</PopupScene></List></SubscribeMsgPopupEvent></xml>"
    )

    event = read_message(xml.encode())

    assert isinstance(event, SubscriptionEvent)
    assert (event.kind, event.items[0].status) == ("popup", "accept")
