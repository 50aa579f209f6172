"""One turn of the chat: who writes, in which language, in which transaction."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.cases.queries import Case, cases_of_reporter
from app.cases.states import ENDED
from app.kit.database import Db
from app.kit.runtime import Runtime
from wechat.replies import Line

RECENT = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """What every step of the dialogue needs. `key` names the message, the same in each delivery of it."""

    db: Db
    runtime: Runtime
    person_id: UUID
    language: str
    key: str

    def say(self, line: Line, **facts: object) -> str:
        """A line in the writer's language."""
        return line.say(self.language, **facts)

    async def cases(self) -> list[Case]:
        """The writer's last 20 cases, newest first."""
        return await cases_of_reporter(self.db, self.runtime, self.person_id, limit=RECENT)

    async def open_cases(self) -> list[Case]:
        """Those that have not ended."""
        return [case for case in await self.cases() if case.state not in ENDED]
