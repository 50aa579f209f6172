"""Checking an export of the audit log, with the standard library alone: `python verify.py FILE [PUBLIC_KEY]`.

This file may be copied to any machine with Python 3.11; it imports nothing of this project. The package
`cryptography` is needed only to check the signature, and its absence is said, not passed over.

The format. An export is UTF-8, one JSON object a line, each line ended by one LF. Every line but the last
is an entry; the last is the closing line.

An entry's *content* is the object with exactly the keys `seq`, `at`, `actor_id`, `action`, `object_kind`,
`object_id`, `purpose`, `facts`. Its *bytes* are `json.dumps(content, sort_keys=True, separators=(",", ":"),
ensure_ascii=False)` in UTF-8: keys in order of code point at every depth, no white space, nothing escaped
but `"`, `\\` and control characters, no number but integers. `at` is UTC with six digits and a Z.
Its *hash* is `SHA-256(previous hash, 32 bytes || bytes)`; the hash before entry 1 is 32 zero bytes.
The line holds the content and `hash` in lower-case hex.

The closing line has `count`, `last_hash`, `format`, `public_key` (hex) and `signature` (hex): Ed25519 over
`didi-audit-export-v1` LF and the bytes, as above, of the closing line without `signature`.

What a sound export does not show. A chain proves that nothing was changed, left out or reordered *after*
it was sealed, to someone who trusts the signing key or has kept an earlier export. It cannot show
- a rewriting of everything by someone who also holds the signing key, unless an earlier export or its last
  hash was kept elsewhere: compare `last_hash` at the earlier `count`;
- what was removed or changed before it was sealed, about a second after the act;
- an act that was never recorded, or that a recorded statement is true.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

FORMAT = "didi-audit-export-v1"
FIRST_HASH = bytes(32)
CONTENT_KEYS = frozenset({"seq", "at", "actor_id", "action", "object_kind", "object_id", "purpose", "facts"})
MAX_PROBLEMS = 20
_CLOSING_KEYS = frozenset({"count", "last_hash", "format", "public_key", "signature"})
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Signature(str, Enum):  # noqa: UP042 - runs alone; str(Enum) is enough here
    """What is known of the closing line's signature."""

    VALID = "valid"  # by the key that was given
    SELF_CONSISTENT = "valid by the key in the file, which proves nothing about who signed"
    INVALID = "invalid"
    UNCHECKED = "not checked: the package cryptography is not installed"
    ABSENT = "absent"


@dataclass(frozen=True)
class Verdict:
    """`sound`: no problem was found. `problems`: the first 20, each with its line number."""

    sound: bool
    entries: int
    last_hash: str
    signature: Signature
    problems: tuple[str, ...]


class NotCanonical(ValueError):
    """A value that has no single spelling as bytes: a float, or something that JSON does not know."""


def canonical(value: Mapping[str, Any]) -> bytes:
    """The bytes of an object, as the module's text describes them.

    Raises:
        NotCanonical: a float, a key that is not a string, or another type stands in it.
    """
    _refuse_ambiguous(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("half of a surrogate pair has no UTF-8 spelling") from error


def chain_hash(previous: bytes, content: Mapping[str, Any]) -> bytes:
    """The hash of an entry's content after the entry before it."""
    return hashlib.sha256(previous + canonical(content)).digest()


def signed_bytes(closing: Mapping[str, Any]) -> bytes:
    """What the signature of a closing line covers."""
    return FORMAT.encode() + b"\n" + canonical({k: v for k, v in closing.items() if k != "signature"})


def verify(path: str | Path, public_key: str | None = None) -> Verdict:
    """Check an export line by line, in memory that does not grow with it.

    `public_key`: 64 hex digits from a source you trust. Without it the key in the file is used, which
    detects damage but not a forger.

    Raises:
        OSError: the file cannot be read.
    """
    check = _Check()
    closing: dict[str, Any] | None = None
    for number, line in _lines(Path(path), check):
        if closing is not None:
            check.problem(number, "something follows the closing line")
            break
        closing = check.line(number, line)
    if closing is None:
        check.problems.append("the closing line is missing: the file was cut off")
    signature = _signature(closing, public_key)
    if signature in (Signature.INVALID, Signature.ABSENT):
        check.problems.append(f"the signature of the closing line is {signature.value}")
    problems = tuple(check.problems[:MAX_PROBLEMS])
    return Verdict(not problems, check.count, check.previous.hex(), signature, problems)


class _Check:
    """The state of one reading: what the next line must follow."""

    def __init__(self) -> None:
        self.count = 0
        self.previous = FIRST_HASH
        self.problems: list[str] = []

    def problem(self, number: int, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"line {number}: {what}")

    def line(self, number: int, line: bytes) -> dict[str, Any] | None:
        """Check one line; returns it when it is the closing line."""
        try:
            value = json.loads(line, object_pairs_hook=_no_key_twice)
            spelling = canonical(value) if isinstance(value, dict) else None
        except (ValueError, RecursionError) as error:  # NotCanonical and bad UTF-8 are ValueErrors
            self.problem(number, f"is not an entry: {error}")
            return None
        if spelling != line:
            self.problem(number, "is not spelled as the format says")
            return None
        if "count" in value:
            self._closing(number, value)
            return dict(value)
        self._entry(number, value)
        return None

    def _entry(self, number: int, value: dict[str, Any]) -> None:
        stated = value.pop("hash", None)
        if set(value) != CONTENT_KEYS:
            self.problem(number, f"has other keys than an entry: {sorted(set(value) ^ CONTENT_KEYS)}")
        if value.get("seq") != self.count + 1 or isinstance(value.get("seq"), bool):
            self.problem(number, f"has seq {value.get('seq')!r} where {self.count + 1} must stand")
        if not _AT.fullmatch(str(value.get("at"))):
            self.problem(number, "has a time that is not UTC with six digits")
        expected = chain_hash(self.previous, value)
        if stated != expected.hex():
            self.problem(number, "its hash does not follow from its content and the entry before it")
        self.count += 1
        # The stated hash goes on, so that one changed entry is one problem and not all that follow.
        self.previous = bytes.fromhex(stated) if _is_hash(stated) else expected

    def _closing(self, number: int, value: dict[str, Any]) -> None:
        if not set(value) <= _CLOSING_KEYS or value.get("format") != FORMAT:
            self.problem(number, f"is not a closing line of {FORMAT}")
        if value["count"] != self.count or isinstance(value["count"], bool):
            self.problem(number, f"says {value['count']!r} entries, the file has {self.count}")
        if value.get("last_hash") != self.previous.hex():
            self.problem(number, "its last_hash is not the hash of the last entry")


def _lines(path: Path, check: _Check) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                check.problem(number, "does not end with a line feed: the file was cut off")
            yield number, line.removesuffix(b"\n")


def _signature(closing: dict[str, Any] | None, public_key: str | None) -> Signature:
    if closing is None or "signature" not in closing:
        return Signature.ABSENT
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return Signature.UNCHECKED
    try:
        key = bytes.fromhex(public_key or closing["public_key"])
        given = bytes.fromhex(closing["signature"])
        Ed25519PublicKey.from_public_bytes(key).verify(given, signed_bytes(closing))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return Signature.INVALID
    return Signature.VALID if public_key else Signature.SELF_CONSISTENT


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse_ambiguous(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise NotCanonical(f"the key {key!r} is not a string")
            _refuse_ambiguous(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_ambiguous(inner)
    elif value is not None and not isinstance(value, str | int):
        raise NotCanonical(f"{type(value).__name__} has no single spelling: use a string or an integer")


def main(arguments: list[str]) -> int:
    """0: sound. 1: not sound. 2: not usable."""
    if len(arguments) not in (1, 2):
        print("usage: python verify.py FILE [PUBLIC_KEY as 64 hex digits]", file=sys.stderr)
        return 2
    try:
        verdict = verify(*arguments)
    except OSError as error:
        print(f"cannot read {arguments[0]}: {error.strerror}", file=sys.stderr)
        return 2
    for problem in verdict.problems:
        print(problem)
    print(
        f"{'sound' if verdict.sound else 'NOT SOUND'}: {verdict.entries} entries, last hash {verdict.last_hash}"
    )
    print(f"signature: {verdict.signature.value}")
    return 0 if verdict.sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
