"""What doors show of the media of a case: the list with its links, and the bytes behind one. Every look but a
reporter's own is recorded; who may look is `cases.policy`, asked anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.audit.service import record_act, stated
from app.cases.errors import CaseNotFound
from app.cases.policy import Reader, may_have_original, media_reader
from app.cases.queries import Case, get_case
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.media.errors import MediaNotFound
from app.media.links import LINK_S, Link, link, must_hold
from app.media.queries import Medium, media_of, medium_of
from app.media.states import MediaState, Variant
from app.people.sessions import Actor

_KEPT = (MediaState.READY, MediaState.REFUSED)
"""Of these there is an original."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One medium and where its served copy is; `link` None: there is none, or not yet. `original`: it may be asked for."""

    medium: Medium
    link: Link | None
    original: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A medium whose link held. `name`: what a saved copy is called, without its ending."""

    medium: Medium
    name: str


async def show(db: Db, runtime: Runtime, actor: Actor, case_id: UUID) -> list[Shown]:
    """The media of a case with links of five minutes for this viewer, oldest first; that they were asked for is recorded.

    Raises:
        CaseNotFound, PersonalDataLocked: as `cases.policy.media_reader`.
    """
    case, reader = await _as_reader(db, runtime, actor, case_id)
    media = await media_of(db, case_id)
    if media and reader is not Reader.REPORTER:
        await record_act(
            db, actor_id=actor.person_id, action="media_listed", object_kind="case", object_id=case_id,
            facts={"count": len(media)},
        )  # fmt: skip
    return [
        Shown(
            one, _link(runtime, actor, case, one, Variant.SERVED) if one.state is MediaState.READY else None,
            may_have_original(reader) and one.state in _KEPT,
        )
        for one in media
    ]  # fmt: skip


async def ask_original(
    db: Db, runtime: Runtime, actor: Actor, case_id: UUID, medium_id: UUID, purpose: str
) -> Link:
    """A link to a medium as it came, for a purpose that is recorded.

    Raises:
        CaseNotFound: also of one's own case: originals are for desks and auditors.
        MediaNotFound, PurposeMissing, PersonalDataLocked: as they say.
    """
    case, reader = await _as_reader(db, runtime, actor, case_id)
    if not may_have_original(reader):
        raise CaseNotFound(case_id=str(case_id))
    medium = await medium_of(db, case_id, medium_id)
    if medium.state not in _KEPT:
        raise MediaNotFound(case_id=str(case_id))
    await record_act(
        db, actor_id=actor.person_id, action="media_original_asked", object_kind="medium", object_id=medium_id,
        purpose=stated(purpose), facts={"case_id": str(case_id)},
    )  # fmt: skip
    return _link(runtime, actor, case, medium, Variant.ORIGINAL)


async def follow(
    db: Db, runtime: Runtime, actor: Actor, case_id: UUID, medium_id: UUID, variant: Variant, given: Link
) -> Found:
    """The medium behind a link, for the viewer it was made for, who may see the case now.

    A player asks for a film piece by piece: one look of five minutes is recorded once, with its first piece.

    Raises:
        CaseNotFound, PersonalDataLocked: not (any more) theirs to see. MediaNotFound: the link does not hold.
    """
    case, reader = await _as_reader(db, runtime, actor, case_id)
    must_hold(runtime, given, case_id, medium_id, variant, viewer_id=actor.person_id, now=case.now)
    if variant is Variant.ORIGINAL and not may_have_original(reader):
        raise CaseNotFound(case_id=str(case_id))
    medium = await medium_of(db, case_id, medium_id)
    look: dict[str, Any] = {
        "actor_id": actor.person_id,
        "action": f"media_{variant}_read",
        "object_id": str(medium_id),
    }
    if reader is not Reader.REPORTER and not (await db.execute(_LOOKED, look)).scalar_one():
        await record_act(db, object_kind="medium", facts={"case_id": str(case_id)}, **look)
    return Found(medium, f"{case.number}-{medium.seq}")


_LOOKED = text(f"""
    SELECT EXISTS (SELECT FROM audit_log WHERE object_kind = 'medium' AND object_id = :object_id AND actor_id = :actor_id AND action = :action
                      AND at > clock_timestamp() - interval '{LINK_S} seconds')
""")


async def _as_reader(db: Db, runtime: Runtime, actor: Actor, case_id: UUID) -> tuple[Case, Reader]:
    case = await get_case(db, runtime, case_id)
    return case, await media_reader(db, case, actor)


def _link(runtime: Runtime, actor: Actor, case: Case, medium: Medium, variant: Variant) -> Link:
    return link(runtime, case.id, medium.id, variant, viewer_id=actor.person_id, now=case.now)
