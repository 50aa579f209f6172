"""Reports that are still being written in chat: one a person, kept for days after the last word.

How many is the setting DIDI_DRAFT_KEPT_DAYS. What is too old is erased; that it was, its writer is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.cases.queries import Flag, Place, place_from, place_text
from app.dispatch.intake import MEDIA_MAX, WORDS_MAX
from app.kit.database import Db
from app.kit.runtime import Runtime

MEDIA_ID_MAX = 128
"""Characters of a media id: WeChat's own are kept whole, a cut one would fetch nothing."""
TURNS_MAX = 100
"""More are not counted: nothing is asked any more long before."""
FLAGS = "flags"
CUT = "cut"
"""The fact that so many characters did not fit, until it is told."""
EXPIRED = "expired"
"""The fact that is left of a draft that was too old."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known so far. `facts` hold what was asked, no personal data; `asked_place` counts the asking.

    `turns` counts the messages that went into it. `idle_s` is how long nobody wrote in it, in seconds; `expired`: it
    was too old and is gone.
    """

    person_id: UUID
    category: str | None = None
    words: str | None = None
    place: Place | None = None
    media: tuple[str, ...] = ()
    asked_place: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    turns: int = 0
    idle_s: float = field(default=0.0, compare=False)
    expired: bool = False

    @property
    def flags(self) -> frozenset[Flag]:
        """How its writer wants to be met."""
        return frozenset(Flag(flag) for flag in self.facts.get(FLAGS, ()))

    @property
    def empty(self) -> bool:
        """Nothing of a report is here; that words found no room says nothing without them."""
        return not (self.category or self.words or self.place or self.media or self.facts.keys() - {CUT})

    @property
    def holds_something(self) -> bool:
        """Something of the event itself is here: words, a place, a picture."""
        return bool(self.words or self.place or self.media)

    def with_words(self, words: str) -> Draft:
        """The words so far and these, cut to what a case may hold; the fact `cut` says how many characters did not fit."""
        joined = f"{self.words}\n{words}" if self.words else words
        lost = len(joined) - WORDS_MAX
        facts = {**self.facts, CUT: lost} if lost > 0 else self.facts
        return replace(self, words=joined[:WORDS_MAX], facts=facts)

    def with_media(self, media: str) -> Draft:
        """One more picture; the same one again, or a 21st, changes nothing."""
        if media in self.media or len(self.media) >= MEDIA_MAX:
            return self
        return replace(self, media=(*self.media, media))


# One statement begins, locks and reads: the update that changes nothing takes the lock.
_LOCK = text("""
    INSERT INTO drafts AS d (person_id) VALUES (:person_id)
    ON CONFLICT (person_id) DO UPDATE SET person_id = excluded.person_id
    RETURNING d.category, d.words, d.place, d.media, d.asked_place, d.facts, d.turns,
              extract(epoch FROM clock_timestamp() - d.changed_at)::float8 AS idle_s
""")
_SAVE = text("""
    UPDATE drafts SET category = :category, words = CAST(:words AS bytea), place = CAST(:place AS bytea),
           media = CAST(:media AS text[]), asked_place = :asked_place, facts = :facts, turns = :turns,
           changed_at = clock_timestamp()
     WHERE person_id = :person_id
""").bindparams(bindparam("facts", type_=JSONB))


async def draft_of(db: Db, runtime: Runtime, person_id: UUID) -> Draft:
    """The draft of a person, empty when there is none or it is too old.

    Locks it until the caller's transaction ends: messages that a person sends at once are taken one by one.
    """
    row = (await db.execute(_LOCK, {"person_id": person_id})).one()
    if row.facts.get(EXPIRED):
        return Draft(person_id, expired=True)
    draft = Draft(
        person_id, row.category, _open(runtime, person_id, "words", row.words),
        place_from(_open(runtime, person_id, "place", row.place)), tuple(row.media), row.asked_place, row.facts,
        row.turns, row.idle_s,
    )  # fmt: skip
    if not draft.empty and row.idle_s > runtime.settings.draft_kept_days * 86400:
        return Draft(person_id, expired=draft.holds_something)
    return draft


async def save(db: Db, runtime: Runtime, draft: Draft) -> None:
    """Keep a draft that `draft_of` has locked."""
    values = {
        "person_id": draft.person_id, "category": draft.category, "asked_place": draft.asked_place,
        "words": _seal(runtime, draft.person_id, "words", draft.words),
        "place": _seal(runtime, draft.person_id, "place", place_text(draft.place)),
        "media": list(draft.media), "facts": dict(draft.facts), "turns": min(draft.turns, TURNS_MAX),
    }  # fmt: skip
    await db.execute(_SAVE, values)


async def drop(db: Db, runtime: Runtime, person_id: UUID) -> None:
    """Empty a draft: it became a case, or its writer thought better of it."""
    await save(db, runtime, Draft(person_id))


_EXPIRE = text(f"""
    UPDATE drafts SET category = NULL, words = NULL, place = NULL, media = '{{}}', asked_place = 0, turns = 0,
           facts = CASE WHEN words IS NULL AND place IS NULL AND media = '{{}}' THEN '{{}}'::jsonb
                        ELSE jsonb_build_object('{EXPIRED}', true) END
     WHERE changed_at < clock_timestamp() - make_interval(days => :days)
       AND (category IS NOT NULL OR words IS NOT NULL OR place IS NOT NULL OR media <> '{{}}'
            OR (facts <> '{{}}'::jsonb AND NOT facts ? '{EXPIRED}'))
    RETURNING person_id
""")


async def expire(runtime: Runtime) -> int:
    """Erase drafts that nobody has written in for too long; every hour. Returns how many."""
    async with runtime.database.moves() as db:
        return len((await db.execute(_EXPIRE, {"days": runtime.settings.draft_kept_days})).all())


def _seal(runtime: Runtime, person_id: UUID, column: str, value: str | None) -> bytes | None:
    if value is None:
        return None
    return runtime.keys.encrypt(value, table="drafts", row=str(person_id), column=column)


def _open(runtime: Runtime, person_id: UUID, column: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    return runtime.keys.decrypt(value, table="drafts", row=str(person_id), column=column)
