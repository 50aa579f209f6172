"""One turn of the chat: who writes, in which language, in which transaction; and what a line of it said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.cases.queries import Case, cases_of_reporter
from app.cases.states import ENDED
from app.dispatch.drafts import Draft
from app.kit.database import Db
from app.kit.errors import AppError
from app.kit.runtime import Runtime
from app.people.identity import name_in_part, names_of
from app.people.queries import badges_of
from wechat.intents import Intent
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

    def refused(self, error: AppError) -> str:
        """Why the core refused, in the writer's language."""
        return error.message_en if self.language == "en" else error.message

    async def officer(self, officer_id: UUID) -> str:
        """An officer as whoever they come to may know them: the name in part and the badge; empty of nobody's id."""
        name = (await names_of(self.db, self.runtime, [officer_id])).get(officer_id)
        badge = (await badges_of(self.db, [officer_id])).get(officer_id, "")
        return f"{name_in_part(name)} {badge}".strip() if name else badge

    async def cases(self) -> list[Case]:
        """The writer's last 20 cases, newest first."""
        return await cases_of_reporter(self.db, self.runtime, self.person_id, limit=RECENT)

    async def open_cases(self) -> list[Case]:
        """Those that have not ended."""
        return [case for case in await self.cases() if case.state not in ENDED]


@dataclass(frozen=True, slots=True)
class Said:
    """A line of chat: as it was written, what it asks for, with which argument."""

    text: str
    intent: Intent
    argument: str = ""


def noting(draft: Draft, **facts: Any) -> Draft:  # JSON of a draft's facts
    """The draft with these facts; None takes one out."""
    kept = {name: value for name, value in {**draft.facts, **facts}.items() if value is not None}
    return replace(draft, facts=kept)
