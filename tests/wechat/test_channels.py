"""What each of WeChat's codes does to a notice, channel by channel, through `deliver` against the simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from app.notices.budget import Channel, messages_left
from app.notices.consents import consents_of
from app.notices.queries import stops
from tests.wechat.channels import AFTER, MP_TEMPLATE, OA_NOTICE, OA_TEMPLATE, PATHS, Channels

CHANNELS = sorted(PATHS)


@dataclass(frozen=True)
class Expected:
    """The delivery's state after one try; whether the next channel has it; for how long nobody is written to."""

    state: str
    next: bool = False
    stop_s: tuple[float, float] | None = None
    emptied: bool = False  # the person's window or consent


WAITS, SENT = Expected("queued"), Expected("sent")
DEAD = Expected("dead", next=True)
GONE = Expected("dropped", next=True, stop_s=(3500, 3700))
NEXT = Expected("refused", next=True, emptied=True)
NO_WINDOW = Expected("dropped", next=True, emptied=True)
CODES: dict[int, Expected] = {
    -1: WAITS,
    61450: WAITS,
    40001: Expected("queued", stop_s=(55, 80)),
    40014: Expected("queued", stop_s=(55, 80)),
    42001: Expected("queued", stop_s=(55, 80)),
    **dict.fromkeys((40002, 40013, 40125, 41002, 41004), Expected("queued", stop_s=(290, 320))),
    **dict.fromkeys((40164, 89501, 89503, 89506, 89507), Expected("queued", stop_s=(290, 320))),
    **dict.fromkeys((40243, 50004, 50007), Expected("queued", stop_s=(290, 320))),
    40003: DEAD,
    46004: DEAD,
    43004: NEXT,
    50005: NEXT,
    **dict.fromkeys((43019, 48002, 43101), NEXT),
    **dict.fromkeys((43107, 48004, 48008, 48001, 50001, 50002), GONE),
    43108: WAITS,
    45009: Expected("dropped", next=True, stop_s=(0, 86_500)),
    45011: Expected("queued", stop_s=(55, 80)),
    45015: NO_WINDOW,
    45047: NO_WINDOW,
    **dict.fromkeys((40004, 40005, 40006, 40009, 40010, 40011, 40012, 40137), DEAD),
    **dict.fromkeys(range(45001, 45009), DEAD),
    40007: DEAD,
    **dict.fromkeys((40033, 40035, 40097, 41001, 43001, 43002, 43003, 44002, 44004, 47001), DEAD),
    **dict.fromkeys((40037, 41030, 47003, 40036), DEAD),
    45065: SENT,
    45066: WAITS,
    99999: DEAD,  # a code that nobody knows
}
"""As security.md and WeChat's reference have them."""


@pytest.mark.parametrize("channel", CHANNELS)
async def test_each_code_does_what_the_table_says(channels: Channels, channel: Channel) -> None:
    wrong = []
    for code, expected in CODES.items():
        person_id, _ = await channels.citizen(window=False)
        await channels.rows(
            "INSERT INTO windows (person_id, channel, long_left, long_until)"
            " VALUES (:id, 'official_account', 5, 'infinity')",
            id=person_id,
        )
        await channels.queue(person_id, channel)
        # A bad token is met twice: the client tries once with a new one.
        await channels.fault(channel, errcode=code, times=2 if code in (40001, 40014, 42001) else 1)

        await channels.deliver()

        found = await _found(channels, person_id, channel, code)
        # A template message costs the person nothing: there is nothing to empty.
        due = replace(expected, emptied=False) if channel is Channel.TEMPLATE else expected
        if found != due:
            wrong.append((code, found, due))
        await channels.rows("UPDATE deliveries SET state = 'dropped' WHERE state = 'queued'")
        await channels.rows("DELETE FROM channel_stops")
        await channels.wechat.control("faults", method="DELETE")

    assert wrong == []


async def _found(channels: Channels, person_id: UUID, channel: Channel, code: int) -> Expected:
    first, *rest = await channels.ledger(person_id)
    assert first.code == (None if first.state == "sent" else code)
    assert [r.channel for r in rest] == ([AFTER[channel]] if rest else [])
    assert first.passed_on == bool(rest)
    stopped = await channels.rows(
        "SELECT channel, extract(epoch FROM until - clock_timestamp())::float8 AS left_s FROM channel_stops"
    )
    expected = CODES[code]
    within = expected.stop_s
    if (
        within
        and len(stopped) == 1
        and stopped[0].channel == channel
        and within[0] <= stopped[0].left_s <= within[1]
    ):
        stop_s = within
    else:
        stop_s = (stopped[0].left_s, stopped[0].left_s) if stopped else None
    goes_on = bool(rest) or (expected.next and AFTER[channel] is None)
    return Expected(first.state, goes_on, stop_s, await _emptied(channels, person_id, channel))


async def _emptied(channels: Channels, person_id: UUID, channel: Channel) -> bool:
    async with channels.runtime.database.moves() as db:
        if channel is Channel.OFFICIAL_ACCOUNT:
            left = (await messages_left(db, [person_id], channel))[person_id]
            return left == 0
        if channel is Channel.SUBSCRIPTION:
            held = await consents_of(db, person_id)
            return [c.left_once for c in held if c.template_id == MP_TEMPLATE.id] == [0]
    return False


async def test_the_whole_way_down_to_what_waits(channels: Channels) -> None:
    person_id, user = await channels.citizen(window=False, grants=0)
    await channels.wechat.control(f"users/{user['id']}/unfollow")
    await channels.queue(person_id, Channel.OFFICIAL_ACCOUNT)

    await channels.deliver(4)

    told = [(r.channel, r.state, r.reading, r.passed_on) for r in await channels.ledger(person_id)]
    assert told == [
        ("official_account", "dropped", "no_budget", True),
        ("template", "refused", "not_following", True),
        ("subscription", "dropped", "no_consent", False),
    ]


async def test_a_template_message_says_what_when_and_nothing_else(channels: Channels) -> None:
    person_id, user = await channels.citizen(window=False)
    await channels.queue(person_id, Channel.OFFICIAL_ACCOUNT)

    await channels.deliver(2)

    [card] = [e["body"] for e in await channels.wechat.seen(user) if e["channel"] == "template"]
    assert card["data"].keys() == {"thing1", "character_string2", "time3"}
    assert (card["data"]["thing1"], card["data"]["character_string2"]) == ("已办结，请评价", "482-915-3067")
    first, second = await channels.ledger(person_id)
    assert (first.state, second.state, second.channel) == ("dropped", "sent", "template")
    assert second.sent_id


async def test_a_kill_after_the_template_left_sends_it_once(channels: Channels) -> None:
    person_id, user = await channels.citizen()
    delivery_id = await channels.queue(person_id, Channel.TEMPLATE)
    # Carried out, and the answer lost: nobody knows, so the same key is sent again.
    await channels.fault(Channel.TEMPLATE, reset=True, after=True)

    await channels.deliver(2)

    [row] = await channels.ledger(person_id)
    assert (row.id, row.state, row.attempts) == (delivery_id, "sent", 2)
    assert len([e for e in await channels.wechat.seen(user) if e["channel"] == "template"]) == 1


async def test_a_job_killed_before_it_wrote_down_the_send_sends_no_second_template(
    channels: Channels,
) -> None:
    person_id, user = await channels.citizen()
    await channels.queue(person_id, Channel.TEMPLATE)
    await channels.deliver()
    # As a kill between the call and the record leaves it.
    await channels.rows(
        "UPDATE deliveries SET state = 'queued', sending_at = clock_timestamp(), due_at = clock_timestamp(),"
        " done_at = NULL, sent_id = NULL"
    )

    await channels.deliver()

    [row] = await channels.ledger(person_id)
    assert (row.state, row.reading, bool(row.sent_id)) == ("sent", None, True)
    assert len([e for e in await channels.wechat.seen(user) if e["channel"] == "template"]) == 1


async def test_a_subscription_message_takes_one_grant(channels: Channels) -> None:
    person_id, user = await channels.citizen(grants=2)
    await channels.queue(person_id, Channel.SUBSCRIPTION)

    await channels.deliver()

    async with channels.runtime.database.moves() as db:
        held = {c.template_id: c.left_once for c in await consents_of(db, person_id)}
    assert held == {MP_TEMPLATE.id: 1, OA_NOTICE.id: 2}
    assert [e["channel"] for e in await channels.wechat.seen(user) if e["channel"] == "subscription"]


async def test_a_subscription_notice_of_the_account_needs_consent(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_consent = channels.runtime.settings.model_copy(update={"wechat_templates": {"*": OA_NOTICE}})
    monkeypatch.setattr(channels.runtime, "settings", by_consent)
    willing, _ = await channels.citizen(grants=1)
    unwilling, _ = await channels.citizen(grants=0)
    for person_id in (willing, unwilling):
        await channels.queue(person_id, Channel.TEMPLATE)

    await channels.deliver()

    assert (await channels.ledger(willing))[0].state == "sent"
    assert [(r.channel, r.reading) for r in await channels.ledger(unwilling)] == [
        ("template", "no_consent"),
        ("subscription", None),
    ]


async def test_a_withdrawn_capability_stops_one_channel_and_an_operator_hears(channels: Channels) -> None:
    person_id, _ = await channels.citizen()
    await channels.queue(person_id, Channel.OFFICIAL_ACCOUNT)
    await channels.fault(Channel.OFFICIAL_ACCOUNT, errcode=48001)

    await channels.deliver(2)

    async with channels.runtime.database.moves() as db:
        [stop] = await stops(db)
    assert (stop.channel, stop.reading) == ("official_account", "capability_gone")
    assert [(r.channel, r.state) for r in await channels.ledger(person_id)] == [
        ("official_account", "dropped"),
        ("template", "sent"),
    ]


def test_a_template_is_what_the_settings_say() -> None:
    assert (OA_TEMPLATE.notice, OA_NOTICE.notice) == (False, True)
