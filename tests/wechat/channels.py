"""Everybody's channels at once: a simulator, a citizen with both openids, templates, and notices to deliver."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.events.edge import transaction
from app.kit.runtime import Runtime
from app.notices.budget import Channel, PersonAction, note_action
from app.notices.consents import allow
from app.notices.jobs import deliver
from app.notices.sender import Sender
from app.people.identity import citizen_of
from app.settings import Template
from tests.simulator.account import MP, OA, WeChat

OA_TEMPLATE = Template(id="TM1", words="thing1", number="character_string2", time="time3")
OA_NOTICE = Template(id="TN1", words="thing1", notice=True)
MP_TEMPLATE = Template(id="SM1", words="thing1", number="character_string2", time="time3")
PATHS = {
    Channel.OFFICIAL_ACCOUNT: "/cgi-bin/message/custom/send",
    Channel.TEMPLATE: "/cgi-bin/message/template/send",
    Channel.SUBSCRIPTION: "/cgi-bin/message/subscribe/send",
}
AFTER = {
    Channel.OFFICIAL_ACCOUNT: "template",
    Channel.TEMPLATE: "subscription",
    Channel.SUBSCRIPTION: None,
}

_persons = itertools.count(1)


@dataclass
class Channels:
    """One simulator and what a test does with it."""

    runtime: Runtime
    wechat: WeChat
    sender: Sender

    async def citizen(self, *, window: bool = True, grants: int = 3) -> tuple[UUID, dict[str, Any]]:
        """A follower whom every channel can reach: who just wrote, and agreed to three of each template."""
        user = await self.wechat.user(id=f"u{next(_persons)}")
        if window:
            await self.wechat.say(user)
        async with transaction(self.runtime) as db:
            person = await citizen_of(
                db, self.runtime, app_id=OA, openid=user["openid"], unionid=user["unionid"]
            )
            await citizen_of(db, self.runtime, app_id=MP, openid=user["mp_openid"], unionid=user["unionid"])
            if window:
                await note_action(db, person.id, Channel.OFFICIAL_ACCOUNT, PersonAction.MESSAGE)
            for channel, template in ((Channel.TEMPLATE, OA_NOTICE), (Channel.SUBSCRIPTION, MP_TEMPLATE)):
                for _ in range(grants):
                    await allow(db, person.id, channel, template.id, lasting=False)
        for template in (OA_NOTICE, MP_TEMPLATE):
            await self.wechat.control(
                f"users/{user['id']}/grants", {"template_id": template.id, "times": grants}
            )
        return person.id, user

    async def queue(self, person_id: UUID, channel: Channel, *, kind: str = "closed", **facts: Any) -> int:
        """One delivery that is due."""
        rows = await self.rows(
            "WITH e AS (INSERT INTO events (kind, data) VALUES ('test', '{}') RETURNING id)"
            " INSERT INTO deliveries (event_id, person_id, channel, kind, priority, facts)"
            " SELECT e.id, :person_id, :channel, :kind, 2, CAST(:facts AS jsonb) FROM e RETURNING id",
            person_id=person_id, channel=channel, kind=kind, facts={"number": "482-915-3067", **facts},
        )  # fmt: skip
        return int(rows[0].id)

    async def deliver(self, rounds: int = 1) -> None:
        """So many rounds, each with every wait over."""
        for _ in range(rounds):
            await deliver(self.runtime, self.sender)
            await self.rows("UPDATE deliveries SET due_at = clock_timestamp() WHERE state = 'queued'")

    async def ledger(self, person_id: UUID) -> list[Any]:
        """A person's deliveries, oldest first."""
        return await self.rows("SELECT * FROM deliveries WHERE person_id = :id ORDER BY id", id=person_id)

    async def fault(self, channel: Channel, **how: Any) -> None:
        """Let the channel's endpoint go wrong."""
        await self.wechat.control("faults/api", {"path": PATHS[channel], **how})

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())
