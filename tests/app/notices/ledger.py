"""Deliveries and windows of tests, and a sender that writes down what it was given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.kit.runtime import Runtime
from app.notices.budget import PersonAction, messages_left, note_action
from app.notices.sender import Letter, Outcome, Verdict
from app.notices.tables import Channel
from tests.factories import Make

PROBE = "probe"
OA = Channel.OFFICIAL_ACCOUNT


@dataclass
class SmallSender:
    """Stands for WeChat: answers with `outcomes` in turn, then with SENT; stops at `gate` while it is given."""

    outcomes: list[Outcome | Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    given: list[tuple[UUID, str]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, letter: Letter) -> Outcome:
        self.given.append((letter.person_id, letter.words))
        self.letters.append(letter)
        self.reached.set()
        if self.gate:
            await self.gate.wait()
        answer = self.outcomes.pop(0) if self.outcomes else Outcome(Verdict.SENT)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def words(self) -> list[str]:
        return [words for _, words in self.given]


class Ledger:
    """Writes and reads rows of `deliveries` and `windows`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.make = Make(runtime)

    async def run(self, sql: str, **values: Any) -> list[Any]:
        async with self.runtime.database.moves() as db:
            result = await db.execute(text(sql), values)
            return list(result.all())

    async def person(self, action: PersonAction | None = PersonAction.MESSAGE) -> UUID:
        """A citizen who just did this, so that we may write."""
        person_id = (await self.make.citizen()).id
        if action:
            await self.acts(person_id, action)
        return person_id

    async def acts(self, person_id: UUID, action: PersonAction) -> None:
        async with self.runtime.database.transaction() as db:
            await note_action(db, person_id, OA, action)

    async def left(self, person_id: UUID) -> int:
        async with self.runtime.database.moves() as db:
            return (await messages_left(db, [person_id], OA)).get(person_id, 0)

    async def queue(
        self,
        person_id: UUID,
        n: int = 1,
        *,
        kind: str = PROBE,
        priority: int = 1,
        case_id: UUID | None = None,
        epoch: int | None = None,
    ) -> int:
        """One delivery that is due; its id."""
        rows = await self.run(
            "WITH e AS (INSERT INTO events (kind, data) VALUES ('test', '{}') RETURNING id)"
            " INSERT INTO deliveries (event_id, case_id, epoch, person_id, channel, kind, priority, facts)"
            " SELECT e.id, :case_id, :epoch, :person_id, 'official_account', :kind, :priority, CAST(:facts AS jsonb)"
            " FROM e RETURNING id",
            case_id=case_id, epoch=epoch, person_id=person_id, kind=kind, priority=priority,
            facts={"n": n, "number": "A1"},
        )  # fmt: skip
        return int(rows[0].id)

    async def row(self, delivery_id: int) -> Any:
        return (
            await self.run(
                "SELECT *, extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in_s"
                " FROM deliveries WHERE id = :id",
                id=delivery_id,
            )
        )[0]

    async def age(self) -> None:
        """Every lease and back-off is over."""
        await self.run("UPDATE deliveries SET due_at = clock_timestamp() - interval '1 second'")
