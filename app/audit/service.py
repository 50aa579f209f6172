"""Writing who looked at or changed what, in the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.audit.errors import PurposeMissing
from app.audit.verify import canonical
from app.kit.database import Db, MovesDb

_INSERT = text("""
    INSERT INTO audit_log (actor_id, action, object_kind, object_id, purpose, facts)
    VALUES (CAST(:actor_id AS uuid), :action, :object_kind, :object_id, CAST(:purpose AS text), :facts)
    RETURNING id
""").bindparams(bindparam("facts", type_=JSONB))


async def record_act(
    db: Db | MovesDb,
    *,
    actor_id: UUID | None,
    action: str,
    object_kind: str,
    object_id: UUID | str,
    purpose: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Record one act; it stands if and only if the caller's transaction commits. Returns its id.

    `actor_id` None: the system or an operator at the shell. `action` is past tense, at most 40 characters.
    `facts` hold ids, codes and integers, never personal data: the log is exported whole.

    Raises:
        NotCanonical: `facts` hold a float or a type that has no single spelling.
    """
    given = dict(facts or {})
    canonical(given)
    values = {
        "actor_id": actor_id, "action": action, "object_kind": object_kind, "object_id": str(object_id),
        "purpose": purpose, "facts": given,
    }  # fmt: skip
    return int((await db.execute(_INSERT, values)).scalar_one())


def stated(purpose: str) -> str:
    """The purpose as it is recorded.

    Raises:
        PurposeMissing: shorter than 2 or longer than 200 characters.
    """
    trimmed = " ".join(purpose.split())
    if not 2 <= len(trimmed) <= 200:
        raise PurposeMissing(length=len(trimmed))
    return trimmed
