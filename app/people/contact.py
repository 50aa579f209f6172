"""Looking at somebody else's name and phone: the look and its record are one act."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.audit.service import record_act, stated
from app.kit.database import Db
from app.kit.runtime import Runtime
from app.people.errors import PersonalDataLocked
from app.people.identity import name_of, phone_of
from app.people.sessions import Actor


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a person; None where the vault has nothing."""

    name: str | None
    phone: str | None


async def reveal_contact(
    db: Db,
    runtime: Runtime,
    actor: Actor,
    person_id: UUID,
    purpose: str,
    *,
    case_id: UUID | None = None,
    despite_text_only: bool = False,
) -> Contact:
    """A person's contact, with the look recorded in the same transaction: no record, no contact.

    Whether this actor may ask about this person at all is the caller's policy (`app.cases.policy`). That the person
    asked not to be called, and the actor went over it, is recorded too.

    Raises:
        PersonalDataLocked: no second factor, or idle for 30 minutes.
        PurposeMissing: the purpose has under 2 or over 200 characters.
    """
    if not actor.may_see_personal_data:
        raise PersonalDataLocked(session_id=actor.session_id)
    facts: dict[str, object] = {"case_id": str(case_id)} if case_id else {}
    facts |= {"despite_text_only": True} if despite_text_only else {}
    await record_act(
        db, actor_id=actor.person_id, action="contact_revealed", object_kind="person", object_id=person_id,
        purpose=stated(purpose), facts=facts,
    )  # fmt: skip
    return Contact(await name_of(db, runtime, person_id), await phone_of(db, runtime, person_id))
