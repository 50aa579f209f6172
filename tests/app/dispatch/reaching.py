"""Officers who sleep, pagers in memory, and the worker's rounds of notices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.dispatch.pagers import Page, PagerKind, Pagers
from app.kit.runtime import Runtime
from app.notices.budget import PersonAction, note_action
from app.notices.consents import allow
from app.notices.jobs import deliver
from app.notices.sender import Letter, Outcome, Sender, Senders, Verdict
from app.notices.tables import Channel
from tests.factories import Made, Make

TEMPLATE = "T-offer"
SETTINGS_OF_PAGERS = {
    "pager_police_app_url": "http://app.test/hook",
    "pager_wecom_corp_id": "ww0123456789abcdef",
    "pager_sms_url": "http://sms.test/send",
    "pager_loudspeaker_url": "board",
}


@dataclass
class SmallChannel:
    """A channel of WeChat: answers with `outcomes` in turn, then with SENT."""

    outcomes: list[Outcome | Exception] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    async def send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        answer = self.outcomes.pop(0) if self.outcomes else Outcome(Verdict.SENT)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def told(self) -> list[UUID]:
        return [letter.person_id for letter in self.letters]


@dataclass
class SmallPager:
    """A pager in memory: answers with `outcomes` in turn, then with SENT."""

    kind: PagerKind
    outcomes: list[Outcome | Exception] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    async def page(self, page: Page) -> Outcome:
        self.pages.append(page)
        answer = self.outcomes.pop(0) if self.outcomes else Outcome(Verdict.SENT)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Reaching:
    """Officers, their ways, and what became of them."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.make = Make(runtime)
        self.account, self.notice = SmallChannel(), SmallChannel()
        self.pagers = [SmallPager(kind) for kind in PagerKind]

    def pager(self, kind: PagerKind) -> SmallPager:
        return next(p for p in self.pagers if p.kind is kind)

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            return list((await db.execute(text(sql), values)).all())

    async def officer(
        self, *, asleep_s: float = 0.0, messages: int = 0, consents: int = 0, **facts: Any
    ) -> Made:
        """An officer on duty, last heard of `asleep_s` ago, with so much left."""
        made = await self.make.officer(**facts)
        await self.rows(
            "UPDATE officers SET last_seen_at = clock_timestamp() - make_interval(secs => :s),"
            " duty_since = clock_timestamp() - make_interval(secs => :s) WHERE person_id = :id",
            s=asleep_s, id=made.id,
        )  # fmt: skip
        async with self.runtime.database.transaction() as db:
            if messages:
                await note_action(db, made.id, Channel.OFFICIAL_ACCOUNT, PersonAction.MESSAGE)
            for _ in range(consents):
                await allow(db, made.id, Channel.SUBSCRIPTION, TEMPLATE, lasting=False)
        if messages:
            await self.rows("UPDATE windows SET long_left = :n WHERE person_id = :id", n=messages, id=made.id)
        return made

    async def two_seconds_later(self) -> None:
        """What waits is due, and so is a lease or a back-off."""
        await self.rows("UPDATE deliveries SET due_at = clock_timestamp() WHERE state = 'queued'")

    async def deliver(self) -> None:
        """The worker's rounds until nothing is due."""
        by_channel: dict[Channel, Sender] = {
            Channel.OFFICIAL_ACCOUNT: self.account,
            Channel.SUBSCRIPTION: self.notice,
            Channel.PAGER: Pagers(self.runtime, self.pagers),
        }
        while await deliver(self.runtime, Senders(by_channel)):
            pass
        await self.runtime.drain()

    async def reached(self, officer: Made) -> list[tuple[str, str]]:
        """Each step of the offers to this officer, in order."""
        rows = await self.rows(
            "SELECT channel, outcome FROM reaches WHERE officer_id = :id ORDER BY at", id=officer.id
        )
        return [(r.channel, r.outcome) for r in rows]
