"""The mini-program's templates as a client offers them, and what its person answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.kit.database import Db, MovesDb
from app.kit.runtime import Runtime
from app.notices.consents import allow, consents_of, refuse
from app.notices.ready import is_lasting
from app.notices.tables import Channel

TEMPLATES_MAX = 5
"""WeChat asks for no more at once."""


class Answer(StrEnum):
    """What a person said to one template."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Offered:
    """One template, the kinds of notice it carries, and what is left of the person's consent."""

    template_id: str
    kinds: tuple[str, ...]
    left_once: int
    lasting: bool


async def offered_to(db: Db | MovesDb, runtime: Runtime, person_id: UUID) -> list[Offered]:
    """Every template of the mini-program, by id."""
    kinds: dict[str, list[str]] = {}
    for kind, template in runtime.settings.miniprogram_templates.items():
        kinds.setdefault(template.id, []).append(kind)
    held = {c.template_id: c for c in await consents_of(db, person_id) if c.channel == Channel.SUBSCRIPTION}
    return [
        Offered(
            one,
            tuple(sorted(kinds[one])),
            held[one].left_once if one in held else 0,
            one in held and held[one].lasting,
        )
        for one in sorted(kinds)
    ]


async def note_answers(db: Db, runtime: Runtime, person_id: UUID, answers: Mapping[str, Answer]) -> None:
    """A yes is one more send, or any number of a long-term template; a no empties it. Others' templates are ignored.

    Where WeChat itself tells us of each yes, the client's word for it is not counted again.
    """
    told_by_wechat = runtime.settings.miniprogram_push_token is not None
    for template_id, answer in sorted(answers.items()):
        lasting = is_lasting(runtime, Channel.SUBSCRIPTION, template_id)
        if lasting is None:
            continue
        if answer is Answer.YES:
            if told_by_wechat:
                continue
            await allow(db, person_id, Channel.SUBSCRIPTION, template_id, lasting=lasting)
        else:
            await refuse(db, person_id, Channel.SUBSCRIPTION, template_id)
