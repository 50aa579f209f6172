"""Reports that are still being written in chat: one a person, kept for a day after the last word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.cases.queries import Place, place_from, place_text
from app.dispatch.intake import MEDIA_MAX, WORDS_MAX
from app.kit.database import Db
from app.kit.runtime import Runtime

KEPT_H = 24
MEDIA_ID_MAX = 128
"""Characters of a media id: WeChat's own are kept whole, a cut one would fetch nothing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known so far. `facts` hold what was asked, no personal data; `asked_place` counts the asking."""

    person_id: UUID
    category: str | None = None
    words: str | None = None
    place: Place | None = None
    media: tuple[str, ...] = ()
    asked_place: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing of a report is here."""
        return not (self.category or self.words or self.place or self.media or self.facts)

    @property
    def holds_something(self) -> bool:
        """Something of the event itself is here: words, a place, a picture."""
        return bool(self.words or self.place or self.media)

    def with_words(self, words: str) -> Draft:
        """The words so far and these, cut to what a case may hold."""
        joined = f"{self.words}\n{words}" if self.words else words
        return replace(self, words=joined[:WORDS_MAX])

    def with_media(self, media: str) -> Draft:
        """One more picture; the same one again, or a 21st, changes nothing."""
        if media in self.media or len(self.media) >= MEDIA_MAX:
            return self
        return replace(self, media=(*self.media, media))


# One statement begins, locks and reads: the update that changes nothing takes the lock.
_LOCK = text(f"""
    INSERT INTO drafts AS d (person_id) VALUES (:person_id)
    ON CONFLICT (person_id) DO UPDATE SET person_id = excluded.person_id
    RETURNING d.category, d.words, d.place, d.media, d.asked_place, d.facts,
              d.changed_at < clock_timestamp() - interval '{KEPT_H} hours' AS old
""")
_SAVE = text("""
    UPDATE drafts SET category = :category, words = CAST(:words AS bytea), place = CAST(:place AS bytea),
           media = CAST(:media AS text[]), asked_place = :asked_place, facts = :facts, changed_at = clock_timestamp()
     WHERE person_id = :person_id
""").bindparams(bindparam("facts", type_=JSONB))


async def draft_of(db: Db, runtime: Runtime, person_id: UUID) -> Draft:
    """The draft of a person, empty when there is none or it is a day old.

    Locks it until the caller's transaction ends: messages that a person sends at once are taken one by one.
    """
    row = (await db.execute(_LOCK, {"person_id": person_id})).one()
    if row.old:
        return Draft(person_id)
    return Draft(
        person_id, row.category, _open(runtime, person_id, "words", row.words),
        place_from(_open(runtime, person_id, "place", row.place)), tuple(row.media), row.asked_place, row.facts,
    )  # fmt: skip


async def save(db: Db, runtime: Runtime, draft: Draft) -> None:
    """Keep a draft that `draft_of` has locked."""
    values = {
        "person_id": draft.person_id, "category": draft.category, "asked_place": draft.asked_place,
        "words": _seal(runtime, draft.person_id, "words", draft.words),
        "place": _seal(runtime, draft.person_id, "place", place_text(draft.place)),
        "media": list(draft.media), "facts": dict(draft.facts),
    }  # fmt: skip
    await db.execute(_SAVE, values)


async def drop(db: Db, runtime: Runtime, person_id: UUID) -> None:
    """Empty a draft: it became a case, or its writer thought better of it."""
    await save(db, runtime, Draft(person_id))


def _seal(runtime: Runtime, person_id: UUID, column: str, value: str | None) -> bytes | None:
    if value is None:
        return None
    return runtime.keys.encrypt(value, table="drafts", row=str(person_id), column=column)


def _open(runtime: Runtime, person_id: UUID, column: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    return runtime.keys.decrypt(value, table="drafts", row=str(person_id), column=column)
