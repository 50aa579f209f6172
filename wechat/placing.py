"""A place named by words: matched with the places that are known, and asked about before it counts.

A draft notes the ids of the candidates; what was typed stands as the label of its place until an answer comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from app.cases.queries import Place
from app.dispatch.drafts import Draft
from app.stations.places import KnownPlace, known_places
from wechat import replies, taps
from wechat.intents import folded
from wechat.turn import Turn, noting

ASKED: Final = "place"
"""The question which of the known places was meant, as a draft notes it."""
CANDIDATES: Final = "candidates"
MATCHED: Final = "matched"
"""A draft is asked about known places once."""
LABEL_MAX: Final = 200
ALONE_MAX: Final = 24
"""Letters of a text that is the name of a place and nothing more."""


async def matched(turn: Turn, text: str, *, alike: bool) -> list[KnownPlace]:
    """The known places that a text names."""
    return (await known_places(turn.runtime)).match(text, alike=alike)


async def with_candidates(turn: Turn, draft: Draft, text: str) -> Draft:
    """The draft, with the known places its words name to be asked about; where a place was asked for, also likely ones."""
    if draft.place is not None or draft.facts.get(MATCHED):
        return draft
    found = await matched(turn, text, alike=draft.asked_place > 0)
    return noting(draft, **{CANDIDATES: [str(place.id) for place in found] or None})


def is_place_alone(draft: Draft, text: str) -> bool:
    """Whether a text that names known places is the answer to "where", and tells nothing else."""
    return bool(draft.facts.get(CANDIDATES)) and draft.asked_place > 0 and len(text) <= ALONE_MAX


async def question(turn: Turn, draft: Draft, asked: str = ASKED) -> str | None:
    """Which of the candidates was meant; None when none of them is known any more. `asked` names the question."""
    known = await candidates(turn, draft)
    if not known:
        return None
    answers = [(str(number), place.name) for number, place in enumerate(known, 1)]
    answers.append(("0", turn.say(replies.NONE_OF_THESE)))
    return turn.say(replies.ASK_WHICH_PLACE, choices=taps.numbered(asked, answers))


async def candidates(turn: Turn, draft: Draft) -> list[KnownPlace]:
    """The places that are asked about, in the order of their numbers."""
    places = await known_places(turn.runtime)
    found = (places.get(UUID(one)) for one in draft.facts.get(CANDIDATES, ()))
    return [place for place in found if place is not None]


async def number_of(turn: Turn, draft: Draft, text: str) -> int:
    """Which candidate a text names by its whole name; 0 for none of them."""
    said = folded(text)
    known = await candidates(turn, draft)
    return next((n for n, place in enumerate(known, 1) if said == folded(place.name)), 0)


async def chosen(turn: Turn, draft: Draft, number: int) -> Place | None:
    """The place behind a number, with what was typed as its label; None: none of them."""
    known = await candidates(turn, draft)
    if not 1 <= number <= len(known):
        return None
    place, typed = known[number - 1], draft.place.label if draft.place else None
    if not typed or folded(typed) == folded(place.name):
        return Place(place.at, place.name)
    label = typed if place.name in typed else f"{place.name}（{typed}）"
    return Place(place.at, label[:LABEL_MAX])


def typed(draft: Draft, text: str) -> Draft:
    """The draft with a text as where it is: a label without a point."""
    return replace(draft, place=Place(None, text[:LABEL_MAX]))


def untyped(draft: Draft) -> Draft:
    """The draft without candidates; what was typed as a place goes to its words, for the desk to read."""
    draft = noting(draft, **{CANDIDATES: None})
    if draft.place is None or draft.place.at is not None or not draft.place.label:
        return draft
    return replace(draft.with_words(draft.place.label), place=None)
