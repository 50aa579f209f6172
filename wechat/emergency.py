"""The emergency gate: whether words tell of danger, judged from the words alone, with every store down.

`emergency_words.py` holds the reviewed lists. The text is read once, through a tree of all tokens: what begins at
one place counts together, unless the longest of it is a calm phrase: that swallows all it covers; in each clause, and in
neighbouring ones, the concepts then found are put together.
A false alarm costs a desk one look and the writer one line about 110; a missed one may cost a life: when in doubt a
phrase is on the list, and only what people write every day about harmless things is taken off it.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
import unicodedata
from typing import Final

from wechat.emergency_words import ALONE, CALM, COMBINED, TRADITIONAL, WORDS

CLAUSE_MAX: Final = 60
"""Characters after which a clause is over, even if nobody set a stop."""

_ALONE: Final = re.compile(ALONE)
_PUNCTUATION: Final = "!?.,;:~…。！？，、；：～*\"'“”‘’()（）[]【】"
_STOPS: Final = re.compile("[!?.,;:~…。！？，、；：～]")
_INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]"
)
_BETWEEN_HAN: Final = re.compile("(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fff])")
_DRAWN_OUT: Final = re.compile(r"([a-z])\1{2,}")
_FOLDED: Final = TRADITIONAL | str.maketrans("", "", "'’‘`´")
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

_BITS: Final = {name: 1 << nth for nth, name in enumerate(WORDS)}
_CALM_BIT: Final = 1 << len(WORDS)
_CRY, _GRAVE, _FRAME, _NOW = (_BITS[name] for name in ("cry", "grave", "frame", "now"))


class _Places:
    """Every token as places: a character, and the places that may follow it. Shared tails are kept once."""

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.following: list[frozenset[int]] = []
        self.means: list[int] = []
        self.first: set[int] = set()

    def _add(self, character: str, following: frozenset[int], means: int) -> frozenset[int]:
        self.characters.append(character)
        self.following.append(following)
        self.means.append(means)
        return frozenset({len(self.characters) - 1})

    def read(self, block: str, means: int) -> None:
        """Take in a list of tokens: `/` or a line end between them, `(a|b|)` for choices, `x?` for what may lack."""
        end = self._add("", frozenset(), means)
        for token in _split(block, "/\n"):
            if token:
                self.first |= self._before(token, end) - end

    def _before(self, pattern: str, after: frozenset[int]) -> frozenset[int]:
        """The places at which a pattern begins that is followed by these."""
        for unit in reversed(_units(pattern)):
            optional, body = unit.endswith("?"), unit.removesuffix("?")
            if body[0] != "(":
                begins = self._add(body, after, 0)
            else:
                choices = _split(body[1:-1], "|")
                begins = frozenset[int]().union(*(self._before(choice, after) for choice in choices))
            after = begins | after if optional else begins
        return after


def _split(text: str, at: str) -> list[str]:
    """The parts of a text between these characters, where they stand outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character in at and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _units(pattern: str) -> list[str]:
    """A pattern's characters and groups, each with the `?` behind it."""
    units: list[str] = []
    depth = 0
    for character in pattern:
        if depth or character == "?":
            units[-1] += character
        else:
            units.append(character)
        depth += (character == "(") - (character == ")")
    return units


class _Node:
    """Where reading stands: all places it may have come to. What follows is worked out when first met, and kept."""

    __slots__ = ("following", "means", "places")

    def __init__(self, places: frozenset[int]) -> None:
        ends = [_PLACES.means[place] for place in places if not _PLACES.characters[place]]
        # Where a token is on two lists, calm wins.
        self.means = _CALM_BIT if _CALM_BIT in ends else functools.reduce(operator.or_, ends, 0)
        self.places = places
        self.following: dict[str, _Node] | None = None

    def next_nodes(self) -> dict[str, _Node]:
        grouped: dict[str, set[int]] = {}
        for place in self.places:
            if character := _PLACES.characters[place]:
                grouped.setdefault(character, set()).update(_PLACES.following[place])
        self.following = {character: _node(frozenset(to)) for character, to in grouped.items()}
        return self.following


@functools.cache  # some 21,000 when all are met: 15 MiB
def _node(places: frozenset[int]) -> _Node:
    return _Node(places)


_PLACES: Final = _Places()
for _name, _block in WORDS.items():
    _PLACES.read(_block, _BITS[_name])
_PLACES.read(CALM, _CALM_BIT)
_ROOT: Final = _Node(frozenset(_PLACES.first)).next_nodes()
_RULES: Final = tuple(
    (
        sum(_BITS[name] for name in rule.split() if name[0] != "-"),
        sum(_BITS[name[1:]] for name in rule.split() if name[0] == "-"),
    )
    for rule in COMBINED
)


def danger(text: str) -> bool:
    """Whether these words speak of danger to life or body, in Chinese or English."""
    words = _folded(text)
    if _ALONE.fullmatch(words.strip(_PUNCTUATION + " ")):
        return True
    clauses = _clauses(words)
    # A stop often stands in the middle of one thing told: a rule may take from two neighbours.
    return any(map(_rings, clauses)) or any(_rings_together(*two) for two in itertools.pairwise(clauses))


def _folded(text: str) -> str:
    words = " ".join(unicodedata.normalize("NFKC", text).lower().split()).translate(_FOLDED)
    return _BETWEEN_HAN.sub("", _DRAWN_OUT.sub(r"\1", _INVISIBLE.sub("", words)))


def _rings(concepts: int) -> bool:
    if concepts & _CRY:
        return True
    if concepts & _FRAME and not concepts & _NOW:
        return False
    return bool(concepts & _GRAVE) or _combined(concepts)


def _rings_together(one: int, other: int) -> bool:
    return not (one | other) & _FRAME and _combined(one | other)


def _combined(concepts: int) -> bool:
    return any(concepts & needed == needed and not concepts & against for needed, against in _RULES)


def _clauses(words: str) -> list[int]:
    """The concepts of each clause, as bits."""
    found, calm = _read(words)
    clauses: list[int] = []
    start, concepts, at = 0, 0, 0
    ends = [stop.start() for stop in _STOPS.finditer(words)] + [len(words)]
    for end in ends:
        while at < len(found) and found[at][0] < end:
            begun, ended, bits = found[at]
            at += 1
            if calm is not None and _swallowed(calm[begun:ended]):
                continue
            if begun - start > CLAUSE_MAX and concepts:
                clauses.append(concepts)
                start, concepts = begun, 0
            concepts |= bits
        if concepts:
            clauses.append(concepts)
        start, concepts = end, 0
    return clauses


def _swallowed(calm: list[int]) -> bool:
    """By a calm phrase that is longer, or as long and begins no later: 打火 takes nothing from 着火了."""
    return calm[0] >= len(calm) or max(calm) > len(calm)


def _read(words: str) -> tuple[list[tuple[int, int, int]], list[int] | None]:
    """(start, end, bits) of the longest token at each place, and at each place the length of the calm over it."""
    found: list[tuple[int, int, int]] = []
    calm: list[int] | None = None
    size, word = len(words), _WORD
    before = " "
    for start, begins in enumerate(map(_ROOT.get, words)):
        character, before_it = words[start], before
        before = character
        if begins is None or (character in word and before_it in word):
            continue
        following = begins.following or begins.next_nodes()
        if not begins.means and (start + 1 == size or words[start + 1] not in following):
            continue  # most that could begin a phrase begins none: the way out of here is short
        node: _Node | None = begins
        at, end, bits = start + 1, 0, 0
        while node is not None:
            if node.means and not (at < size and words[at - 1] in word and words[at] in word):
                end, bits = at, node.means if node.means & _CALM_BIT else bits & ~_CALM_BIT | node.means
            if at == size:
                break
            node = (node.following or node.next_nodes()).get(words[at])
            at += 1
        if bits == _CALM_BIT:
            calm = calm or [0] * size
            for place in range(start, end):
                calm[place] = max(calm[place], end - start)
        elif bits:
            found.append((start, end, bits))
    return found, calm
