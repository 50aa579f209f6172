"""The mini-program's push: consents by WeChat's own word, what became of its messages, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.notices.budget import Channel
from app.notices.consents import allow, consents_of
from app.notices.jobs import deliver
from app.notices.rules import TRUTHS
from app.notices.sender import Senders
from app.notices.subscriptions import Answer, note_answers
from app.people.identity import citizen_of, set_identity
from simulator import events
from simulator.config import Form
from simulator.later import settle
from simulator.main import create_simulator
from simulator.world import User, World, add_user
from tests.app.notices.ledger import Ledger
from tests.simulator.account import AES_KEY, MP, TOKEN, make_config
from tests.wechat.channels import MP_TEMPLATE
from tests.wechat.chats import rows
from tests.wechat.test_revoked import ACTS
from wechat import miniprogram_push
from wechat.client import open_http
from wechat.sender import wechat_senders


@dataclass
class Push:
    """A mini-program whose events come to the door."""

    runtime: Runtime
    world: World
    user: User
    person_id: UUID
    door: httpx.AsyncClient
    sender: Senders

    async def left(self) -> list[tuple[str, int]]:
        async with self.runtime.database.moves() as db:
            return [(c.channel, c.left_once) for c in await consents_of(db, self.person_id)]


@pytest.fixture
async def push(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Push]:
    changed = runtime.settings.model_copy(update={
        "miniprogram_push_token": TOKEN, "miniprogram_push_aes_key": SecretStr(AES_KEY),
        "miniprogram_templates": {"*": MP_TEMPLATE},
    })  # fmt: skip
    monkeypatch.setattr(runtime, "settings", changed)
    monkeypatch.delitem(TRUTHS, "closed")
    app = FastAPI()
    app.include_router(miniprogram_push.router(changed))
    app.state.runtime = runtime
    to_door = httpx.ASGITransport(app)
    config = make_config(mp_callback_url=f"http://account.test{miniprogram_push.PATH}", mp_form=Form.XML)
    simulator = create_simulator(config, callback_transport=to_door)
    user = add_user(simulator.state.world, user_id="u1")
    async with transaction(runtime) as db:
        person = await citizen_of(db, runtime, app_id=MP, openid=user.openids[MP])
    async with (
        httpx.AsyncClient(transport=to_door, base_url="http://account.test") as door,
        open_http("http://wechat.test", transport=httpx.ASGITransport(simulator)) as http,
    ):
        yield Push(
            runtime, simulator.state.world, user, person.id, door, Senders(wechat_senders(runtime, http))
        )


async def test_a_yes_counts_by_wechats_word_alone_and_a_no_empties(push: Push) -> None:
    async with transaction(push.runtime) as db:
        await note_answers(db, push.runtime, push.person_id, {MP_TEMPLATE.id: Answer.YES})
    assert await push.left() == []

    told = await events.answer_popup(push.world, push.user, push.world.mini_program, {MP_TEMPLATE.id: True})
    once = await push.left()
    await events.turn_off(push.world, push.user, push.world.mini_program, [MP_TEMPLATE.id])

    assert [a.status for a in told.attempts] == [200]
    assert once == [("subscription", 1)]
    assert await push.left() == [("subscription", 0)]


async def test_a_message_that_arrived_is_confirmed(push: Push) -> None:
    ledger = Ledger(push.runtime)
    await events.answer_popup(push.world, push.user, push.world.mini_program, {MP_TEMPLATE.id: True})
    delivery_id = await ledger.queue(push.person_id, kind="closed", priority=2)
    await ledger.run("UPDATE deliveries SET channel = :c", c=Channel.SUBSCRIPTION)

    await deliver(push.runtime, push.sender)
    await settle(push.world)

    row: Any = await ledger.row(delivery_id)
    assert (row.state, bool(row.sent_id), row.confirmed_at is not None) == ("sent", True, True)
    assert await push.left() == [("subscription", 0)]


async def test_an_authorisation_taken_back_empties_what_the_mini_program_was_given(push: Push) -> None:
    await events.answer_popup(push.world, push.user, push.world.mini_program, {MP_TEMPLATE.id: True})
    async with transaction(push.runtime) as db:
        await allow(db, push.person_id, Channel.TEMPLATE, "T1", lasting=False)
        await set_identity(db, push.runtime, push.person_id, phone="13800000000", consent="2025-01")

    told = await events.revoke(push.world, push.user, push.world.mini_program, "8")

    assert [a.status for a in told.attempts] == [200]
    assert await push.left() == [("subscription", 0), ("template", 1)]
    assert await rows(push.runtime, "SELECT phone, consent_version FROM identity.persons") == [(None, None)]
    assert [row.facts for row in await rows(push.runtime, ACTS)] == [{"channel": "subscription"}]


async def test_what_is_not_wechats_is_refused(push: Push) -> None:
    query = {"timestamp": "1", "nonce": "n", "signature": "x", "msg_signature": "x", "encrypt_type": "aes"}

    posted = await push.door.post(miniprogram_push.PATH, params=query, content=b"<xml/>")
    got = await push.door.get(miniprogram_push.PATH, params={**query, "echostr": "e"})

    assert (posted.status_code, got.status_code) == (403, 403)


async def test_what_cannot_be_written_down_is_pushed_again(
    push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = miniprogram_push.note_event, 0

    async def fails_once(*given: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError
        await real(*given)

    monkeypatch.setattr(miniprogram_push, "note_event", fails_once)

    told = await events.answer_popup(push.world, push.user, push.world.mini_program, {MP_TEMPLATE.id: True})

    assert [a.status for a in told.attempts] == [503, 200]
    assert await push.left() == [("subscription", 1)]


def test_without_a_token_there_is_no_door(runtime: Runtime) -> None:
    assert miniprogram_push.router(runtime.settings).routes == []
